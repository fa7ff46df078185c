/** The inside of virtio devices, over QMP and in the human monitor, as QEMU 7.2 told it: `scripts/record-virtio-status.ts` recorded what a driver did and what was asked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QmpSession } from '../../src/emu/monitor/qmp/session.ts';
import type { JsonValue } from '../../src/emu/qapi/json-value.ts';
import { writeJson } from '../../src/emu/qapi/json-writer.ts';
import { qtestRig } from '../support/qtest-rig.ts';

interface Step {
  readonly session: string;
  /** A line of qtest. */
  readonly qtest?: string;
  /** A while in which the device works. */
  readonly pass?: true;
  readonly execute?: string;
  readonly arguments?: object;
  readonly answer?: JsonValue;
}

const STEPS = readFileSync(join(import.meta.dirname, '../golden/virtio/status.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Step);
const PASS_NS = 1_000_000;

async function settled(): Promise<void> {
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
}

async function play(steps: readonly Step[]): Promise<void> {
  const rig = qtestRig({ dimms: { slots: 2, maxBytes: 2 ** 30 } });
  const told: object[] = [];
  const qmp = new QmpSession((message) => told.push(message), { machine: rig.machine, nowMs: () => 0 });
  qmp.start();
  qmp.request({ execute: 'qmp_capabilities' });
  await settled();
  for (const { qtest, pass, execute, answer, arguments: args = {} } of steps) {
    if (qtest !== undefined) rig.ask(qtest);
    // Requests end beside the guest, on QEMU before anybody asks.
    if (pass === true) rig.ask(`clock_step ${PASS_NS}`);
    await settled();
    if (execute === undefined || answer === undefined) continue;
    told.length = 0;
    qmp.request({ execute, arguments: args as JsonValue });
    await settled();
    const said = told.filter((message) => !('event' in message));
    expect.soft(said, `${execute} ${JSON.stringify(args)}`).toHaveLength(1);
    const text = JSON.parse(writeJson(said[0] as JsonValue)) as object;
    expect.soft(text, `${execute} ${JSON.stringify(args)}`).toEqual(answer);
  }
}

describe('virtio devices are told as on QEMU', () => {
  const sessions = [...new Set(STEPS.map(({ session }) => session))];
  it.each(sessions)('%s', (name) => play(STEPS.filter(({ session }) => session === name)));
});
