/** A client of QMP beside the machine, made from the protocol's specification. */
import { QmpSession, qmpText } from '../../src/emu/monitor/qmp/session.ts';
import { monitorRig } from './monitor-rig.ts';

/** What `query-qmp-schema` answers. */
export async function schemaRows(): Promise<readonly unknown[]> {
  const { machine } = await monitorRig();
  const lines: string[] = [];
  const session = new QmpSession((message) => lines.push(qmpText(message)), { machine, nowMs: () => 0 });
  session.start();
  session.input(
    new TextEncoder().encode('{"execute":"qmp_capabilities"}{"execute":"query-qmp-schema","id":7}'),
  );
  for (let tries = 0; tries < 100; tries++) {
    const answer = lines.find((line) => line.includes('"id": 7'));
    if (answer !== undefined) return (JSON.parse(answer) as { return: unknown[] }).return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('no answer');
}
