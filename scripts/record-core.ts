/**
 * Records what dump-guest-memory of QEMU 7.2 writes before memory itself, with the registers of that moment: of two processors before
 * their first instruction, in the middle of the boot of the kernel of `npm run images`, and of a machine without processors.
 * `npx tsx scripts/record-core.ts [moment…]`: all, or some of them. Needs QEMU and that image.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { QEMU } from './record-monitor-qemu.ts';

const KERNEL = join(import.meta.dirname, '../public/images/debian-amd64/vmlinux.gz');
const GOLDEN = join(import.meta.dirname, '../tests/golden/core');
const BARE = ['-m', '256', '-nodefaults', '-display', 'none'];
const MACHINE = ['-machine', 'pc', '-cpu', 'qemu64', '-smp', '2'];
const GOLDEN_FILE = join(GOLDEN, 'core.json');
/** In long mode, with page tables of the kernel's own. */
const BOOT_MS = 8000;
/** What a file has of memory. */
const BEGIN = 0x1000;
const LENGTH = 0x2000;

interface Recorded {
  /** What `info registers -a` says. */
  readonly registers: string;
  /** Base64. */
  readonly header: string;
}

const directory = mkdtempSync(join(tmpdir(), 'record-core-'));

async function record(options: readonly string[], delayMs: number): Promise<Recorded> {
  const qemu = spawn(QEMU, [...BARE, ...options, '-qmp', 'stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const ask = async (execute: string, args: object = {}): Promise<unknown> => {
    qemu.stdin.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    for (;;) {
      const answer: Record<string, unknown> = JSON.parse((await lines.next()).value);
      if ('error' in answer) throw new Error(JSON.stringify(answer));
      if ('return' in answer) return answer['return'];
    }
  };
  await ask('qmp_capabilities');
  await sleep(delayMs);
  await ask('stop');
  const file = join(directory, 'core');
  await ask('dump-guest-memory', { paging: false, protocol: `file:${file}`, begin: BEGIN, length: LENGTH });
  const registers = String(await ask('human-monitor-command', { 'command-line': 'info registers -a' }));
  await ask('quit');
  const bytes = readFileSync(file);
  rmSync(file);
  // The program header of memory is the second one.
  const is64 = bytes[4] === 2;
  const memoryAt = is64
    ? Number(bytes.readBigUInt64LE(Number(bytes.readBigUInt64LE(32)) + 56 + 8))
    : bytes.readUInt32LE(bytes.readUInt32LE(28) + 32 + 4);
  return {
    registers: registers.replaceAll('\r', ''),
    header: bytes.subarray(0, memoryAt).toString('base64'),
  };
}

function inLinux(): Promise<Recorded> {
  const kernel = join(directory, 'kernel');
  writeFileSync(kernel, gunzipSync(readFileSync(KERNEL)));
  return record([...MACHINE, '-kernel', kernel], BOOT_MS);
}

const MOMENTS: Readonly<Record<string, () => Promise<Recorded>>> = {
  atReset: () => record([...MACHINE, '-S'], 0),
  inLinux,
  noProcessor: () => record(['-machine', 'none'], 0),
};

const wanted = process.argv.slice(2);
const before: object = existsSync(GOLDEN_FILE) ? JSON.parse(readFileSync(GOLDEN_FILE, 'utf8')) : {};
const recorded: Record<string, unknown> = { ...before, begin: BEGIN, length: LENGTH };
for (const [name, moment] of Object.entries(MOMENTS)) {
  if (wanted.length === 0 || wanted.includes(name)) recorded[name] = await moment();
}
rmSync(directory, { recursive: true });
mkdirSync(GOLDEN, { recursive: true });
writeFileSync(GOLDEN_FILE, `${JSON.stringify(recorded, undefined, 2)}\n`);
