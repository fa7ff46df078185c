/**
 * Records what QEMU's monitor answers: `npx tsx scripts/record-monitor.ts [flow…]` writes tests/golden/monitor/<flow>.txt.
 * Needs qemu-system-x86_64 7.2 (Debian 12) and, for flows with a guest, `npm run images`.
 *
 * Format, line by line:
 * `#` comments, the first ones name the flow and QEMU's arguments ·
 * `>>> HMP: line`, then its output ·
 * `>>> GUEST: command`, then its output ·
 * `>>> KEYS: "…"`, then the bytes for the terminal, both as JSON ·
 * `<<< EVENT: {…}` a QMP event, without its time ·
 * `--- boot` the guest's prompt is awaited · `--- settle` the guest has become quiet ·
 * `--- stderr` last: what QEMU printed beside the monitor.
 * Images are `/tmp/disk1.img`, `/tmp/disk2.img` (64 MiB of zeros), `/tmp/odd.img` and `/tmp/odd2.img` (1000 bytes).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { FLOWS, type Flow, type Step } from './record-monitor-flows.ts';
import { makeDisks, QEMU, RecordedQemu } from './record-monitor-qemu.ts';

const PROJECT = join(dirname(fileURLToPath(import.meta.url)), '..');
const IMAGE = join(PROJECT, 'public/images/debian-amd64');
const OUTPUT = join(PROJECT, 'tests/golden/monitor');

function version(): string | undefined {
  try {
    return /version (\S+)/.exec(execFileSync(QEMU, ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

interface Manifest {
  readonly append: string;
  readonly files: Readonly<Record<'kernel' | 'initrd', { readonly file: string }>>;
}

/** The arguments that give QEMU the guest, with the files unpacked into `directory`. */
function guestArguments(directory: string, more: string | undefined): readonly string[] {
  const { append, files } = JSON.parse(readFileSync(join(IMAGE, 'manifest.json'), 'utf8')) as Manifest;
  for (const [name, { file }] of Object.entries(files)) {
    writeFileSync(join(directory, name), gunzipSync(readFileSync(join(IMAGE, file))));
  }
  const line = more === undefined ? append : `${append} ${more}`;
  return ['-kernel', join(directory, 'kernel'), '-initrd', join(directory, 'initrd'), '-append', line];
}

async function perform(qemu: RecordedQemu, step: Step, directory: string): Promise<string> {
  const here = (text: string): string => text.replaceAll('/tmp/', `${directory}/`);
  const there = (text: string): string => text.replaceAll(`${directory}/`, '/tmp/');
  let record = '';
  if ('hmp' in step) record = `>>> HMP: ${step.hmp}\n${there(await qemu.hmp(here(step.hmp)))}`;
  else if ('guest' in step) record = `>>> GUEST: ${step.guest}\n${await qemu.guest(step.guest)}`;
  else if ('keys' in step) {
    record = `>>> KEYS: ${JSON.stringify(step.keys)}\n${JSON.stringify(await qemu.keys(step.keys))}\n`;
  } else if ('settle' in step) {
    await qemu.settle();
    record = '--- settle\n';
  } else {
    await qemu.boot();
    record = '--- boot\n';
  }
  if (!record.endsWith('\n')) record += '\n';
  return (
    record +
    qemu
      .events()
      .map((event) => `<<< EVENT: ${event}\n`)
      .join('')
  );
}

async function record(flow: Flow): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'record-monitor-'));
  try {
    makeDisks(directory);
    const stopped = flow.guest ? flow.stopped === true : true;
    const args = [
      '-machine',
      'pc',
      '-cpu',
      'qemu64',
      '-m',
      '256',
      '-display',
      'none',
      '-accel',
      'tcg',
      '-nodefaults',
      ...(flow.args ?? []),
    ];
    if (stopped) args.push('-S');
    if (!flow.guest) args.push('-serial', 'null');
    const guest = flow.guest ? guestArguments(directory, flow.append) : [];
    const here = args.map((arg) => arg.replaceAll('/tmp/', `${directory}/`));
    const qemu = await RecordedQemu.start(directory, [...here, ...guest], flow.guest);
    let text = `# flow: ${flow.name}\n# ${QEMU} ${args.join(' ')}${flow.guest ? ' (guest image, serial port)' : ''}\n`;
    try {
      if (flow.guest && !stopped) {
        await qemu.boot();
        text += '--- boot\n';
      }
      for (const step of flow.steps) text += await perform(qemu, step, directory);
    } finally {
      const stderr = (await qemu.close()).replaceAll(`${directory}/`, '/tmp/');
      if (stderr.trim() !== '') text += `--- stderr\n${stderr}`;
    }
    mkdirSync(OUTPUT, { recursive: true });
    writeFileSync(join(OUTPUT, `${flow.name}.txt`), text);
    process.stdout.write(`${flow.name}: recorded\n`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const found = version();
if (found === undefined || !found.startsWith('7.2')) {
  process.stdout.write(`record-monitor: skipped, ${QEMU} 7.2 is not installed (found ${found ?? 'none'})\n`);
} else {
  const wanted = process.argv.slice(2);
  for (const flow of FLOWS) {
    if (wanted.length === 0 || wanted.includes(flow.name)) await record(flow);
  }
}
