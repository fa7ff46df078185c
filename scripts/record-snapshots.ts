/**
 * Records what QEMU 7.2 says of `savevm` and what belongs to it, on a machine with qcow2 images, as tests/golden/snapshots/dialogue.json, and of the
 * jobs that do the same over QMP, as jobs.txt there, and of -loadvm, as loadvm.json. Needs QEMU.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { QEMU } from './record-monitor-qemu.ts';
import { recordFlow } from './record-qmp-qemu.ts';
import { SNAPSHOT_JOBS } from './record-snapshot-jobs.ts';

const GOLDEN = join(import.meta.dirname, '../tests/golden/snapshots');
const MACHINE = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-S', '-qmp', 'stdio'];
const DISK_BYTES = 1 << 20;
const CLUSTER = 65_536;
/** A second, so that no two snapshots are of the same one. */
const BETWEEN_MS = 1100;

/** FILE1 and FILE2 stand for images, which each side has in its own format. */
const LINES: readonly string[] = [
  'drive_add 0 if=none,FILE1,id=disk1',
  'device_add virtio-blk-pci,drive=disk1,id=v1',
  'info snapshots',
  'loadvm nope',
  'delvm nope',
  'savevm one',
  'savevm a-tag-that-is-wider-than-its-column',
  'savevm "two words"',
  'info snapshots',
  'loadvm one',
  'savevm one',
  'info snapshots',
  'loadvm',
  'delvm',
  'savevm a b',
  'drive_add 0 if=none,FILE2,id=disk2',
  'info snapshots',
  'loadvm one',
  'savevm both',
  'info snapshots',
  'drive_del disk2',
  'info snapshots',
  'loadvm both',
  'delvm both',
  'delvm one',
  'delvm one',
  'info snapshots',
  'device_add virtio-rng-pci,id=rng',
  'savevm rng',
  'device_del rng',
  'system_reset',
  'loadvm rng',
  'device_add virtio-rng-pci,id=rng,addr=9',
  'loadvm rng',
];

/** An empty image. Spec: QEMU docs/interop/qcow2.txt, version 2: header, a table of reference counts, their block, the L1 table. */
function makeQcow2(path: string): void {
  const file = Buffer.alloc(4 * CLUSTER);
  file.write('QFI\xfb', 0, 'latin1');
  const [refcountTable, refcountBlock, l1Table] = [CLUSTER, 2 * CLUSTER, 3 * CLUSTER];
  file.writeUInt32BE(2, 4);
  file.writeUInt32BE(Math.log2(CLUSTER), 20);
  file.writeBigUInt64BE(BigInt(DISK_BYTES), 24);
  file.writeUInt32BE(1, 36);
  file.writeBigUInt64BE(BigInt(l1Table), 40);
  file.writeBigUInt64BE(BigInt(refcountTable), 48);
  file.writeUInt32BE(1, 56);
  file.writeBigUInt64BE(BigInt(refcountBlock), refcountTable);
  for (let cluster = 0; cluster < 4; cluster++) file.writeUInt16BE(1, refcountBlock + 2 * cluster);
  writeFileSync(path, file);
}

const directory = mkdtempSync(join(tmpdir(), 'record-snapshots-'));
for (const name of ['1', '2']) makeQcow2(join(directory, name));
const qemu = spawn(QEMU, MACHINE, { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface(qemu.stdout)[Symbol.asyncIterator]();

async function ask(execute: string, args: object = {}): Promise<unknown> {
  qemu.stdin.write(`${JSON.stringify({ execute, arguments: args })}\n`);
  for (;;) {
    const answer: Record<string, unknown> = JSON.parse((await lines.next()).value);
    if ('error' in answer) throw new Error(JSON.stringify(answer));
    if ('return' in answer) return answer['return'];
  }
}

await ask('qmp_capabilities');
const dialogue: { line: string; answer: string }[] = [];
for (const line of LINES) {
  const named = line.replace(/FILE(\d)/, (_, name: string) => `file=${join(directory, name)},format=qcow2`);
  const answer = String(await ask('human-monitor-command', { 'command-line': named }));
  dialogue.push({ line, answer: answer.replaceAll('\r', '') });
  if (line.startsWith('savevm') || line === 'system_reset') await sleep(BETWEEN_MS);
}
await ask('quit');
mkdirSync(GOLDEN, { recursive: true });
writeFileSync(join(GOLDEN, 'dialogue.json'), `${JSON.stringify(dialogue, undefined, 2)}\n`);

for (const name of ['1', '2', '3']) makeQcow2(join(directory, name));
await recordFlow(SNAPSHOT_JOBS, directory, GOLDEN);

/** What is said of -loadvm where there is no such snapshot, and where none can be. */
makeQcow2(join(directory, '1'));
const disk = ['-drive', `if=none,id=d,file=${join(directory, '1')},format=qcow2`];
const refused = [
  { of: disk, args: ['-loadvm', 'nope'] },
  { of: [], args: ['-machine', 'none', '-loadvm', 'nope'] },
  { of: [], args: ['-loadvm'] },
].map(({ of, args }) => {
  const all = ['-nodefaults', '-display', 'none', ...of, ...args];
  const { status, stderr } = spawnSync(QEMU, all, { encoding: 'utf8' });
  return { args, status, stderr };
});
writeFileSync(join(GOLDEN, 'loadvm.json'), `${JSON.stringify(refused, undefined, 2)}\n`);
rmSync(directory, { recursive: true });
