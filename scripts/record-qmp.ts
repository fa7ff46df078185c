/**
 * Records what QEMU answers over QMP: `npx tsx scripts/record-qmp.ts [flow…]` writes tests/golden/qmp/<flow>.txt, and
 * tests/golden/qmp/schema.json, QEMU's answer to query-qmp-schema. Needs qemu-system-x86_64 7.2 (Debian 12).
 *
 * Format: `#` comments, the first ones name the flow and QEMU's arguments · `>>> ` a packet that was sent, as JSON's text · `<<< ` a line of the answer.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDisks } from './record-monitor-qemu.ts';
import { QMP_FLOWS } from './record-qmp-flows.ts';
import { probeFlows } from './record-qmp-probe.ts';
import { Qemu, recordFlow } from './record-qmp-qemu.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/qmp');
async function recordSchema(directory: string): Promise<void> {
  const qemu = await Qemu.start([], directory);
  qemu.send('{"execute":"qmp_capabilities"}');
  await qemu.answer();
  qemu.send('{"execute":"query-qmp-schema"}');
  const { return: schema } = JSON.parse(await qemu.answer()) as { return: readonly object[] };
  qemu.end();
  const rows = schema.map((row) => JSON.stringify(row)).join(',\n');
  writeFileSync(join(OUTPUT, 'schema.json'), `[\n${rows}\n]\n`);
  process.stdout.write('schema: recorded\n');
}

interface SchemaRow {
  readonly name: string;
  readonly 'meta-type': string;
}

/** Names of QEMU's commands, from the recorded schema. */
function commandNames(): readonly string[] {
  const rows = JSON.parse(readFileSync(join(OUTPUT, 'schema.json'), 'utf8')) as readonly SchemaRow[];
  return rows.filter((row) => row['meta-type'] === 'command').map(({ name }) => name);
}

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
const directory = mkdtempSync(join(tmpdir(), 'qmp-'));
mkdirSync(OUTPUT, { recursive: true });
try {
  if (isWanted('schema')) await recordSchema(directory);
  for (const flow of [...QMP_FLOWS, ...probeFlows(commandNames())]) {
    if (!isWanted(flow.name)) continue;
    makeDisks(directory);
    await recordFlow(flow, directory, OUTPUT);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
