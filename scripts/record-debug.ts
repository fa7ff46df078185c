/**
 * Builds tests/oracle/native/debug.c and records what it prints: on the processor under this script (x86-64 Linux, gcc) the sequences
 * of single steps, and on QEMU 7.2 with the guest of `npm run images` all of it. A processor in a virtual machine may have no debug registers.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { writeNewc } from './images/newc.ts';

const ORACLE = join(import.meta.dirname, '../tests/oracle/native');
const IMAGES = join(import.meta.dirname, '../public/images/debian-amd64');
const GCC = ['-O1', '-static', '-nostdlib', '-fno-stack-protector', '-fno-pie', '-no-pie'];
const SMALL = ['-fno-asynchronous-unwind-tables', '-Wl,--build-id=none,-z,noseparate-code,-s'];
const INIT = '#!/bin/sh\nmount -t proc proc /proc\necho 1 >/proc/sys/kernel/printk\n/debug\npoweroff -f\n';
const LINE = /^(stos|movs|scas|movss|own|write|access|other|code) /;
/** Those that say what a step is, and need no debug register. */
const STEPS = 5;
const QEMU_MS = 300_000;

const program = join(ORACLE, 'debug.elf');
execFileSync('gcc', [...GCC, ...SMALL, '-o', program, join(ORACLE, 'debug.c')], { stdio: 'inherit' });
record('processor.txt', execFileSync(program, { encoding: 'utf8' }).split('\n').slice(0, STEPS));

const work = mkdtempSync(join(tmpdir(), 'record-debug-'));
const unpack = (name: string): Buffer => gunzipSync(readFileSync(join(IMAGES, name)));
const added = writeNewc([
  ['debug', { kind: 'file', mode: 0o755, data: readFileSync(program) }],
  ['record', { kind: 'file', mode: 0o755, data: Buffer.from(INIT) }],
]);
writeFileSync(join(work, 'kernel'), unpack('vmlinux.gz'));
writeFileSync(join(work, 'initrd'), Buffer.concat([unpack('initrd.cpio.gz'), added]));
const machine = [
  '-M',
  'pc',
  '-cpu',
  'qemu64',
  '-m',
  '256',
  '-nodefaults',
  '-display',
  'none',
  '-serial',
  'stdio',
  '-no-reboot',
];
const boot = ['-kernel', join(work, 'kernel'), '-initrd', join(work, 'initrd')];
const append = 'console=ttyS0 quiet cryptomgr.notests rdinit=/record';
const { stdout } = spawnSync('qemu-system-x86_64', [...machine, ...boot, '-append', append], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  timeout: QEMU_MS,
});
rmSync(work, { recursive: true });
record('qemu.txt', stdout.replaceAll('\r', '').split('\n'));

function record(name: string, lines: readonly string[]): void {
  writeFileSync(
    join(ORACLE, name),
    lines
      .filter((line) => LINE.test(line))
      .map((line) => `${line}\n`)
      .join(''),
  );
}
