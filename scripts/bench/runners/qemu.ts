/** QEMU TCG on one thread, with the same kernel, initrd, command line, memory and drive. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { PLAIN_GUESTS } from '../guests.ts';
import type { Files, Runner } from './runner.ts';
import { type Job, type RunResult, Session } from './session.ts';
import { cpuTime } from './threads.ts';

/** Each guest has the QEMU that is faster for it: one with 32-bit registers only spares work. */
const [QEMU, QEMU32] = ['qemu-system-x86_64', 'qemu-system-i386'];

export function qemuRunner(): Runner {
  const version = (program: string): string =>
    execFileSync(program, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  return {
    name: 'qemu',
    guests: PLAIN_GUESTS,
    version: async () => [QEMU, QEMU32].map(version)[0] ?? '',
    run,
  };
}

async function run({ guest, kernel, initrd }: Files, job: Job, limitMs: number): Promise<RunResult> {
  // A file in memory, as our drive is.
  const disk = `/dev/shm/hotslot-bench-${process.pid}.img`;
  const drive: string[] = [];
  if (job.driveBytes > 0) {
    const file = openSync(disk, 'w');
    ftruncateSync(file, job.driveBytes);
    closeSync(file);
    drive.push('-drive', `if=none,id=bench,format=raw,file=${disk}`, '-device', 'virtio-blk-pci,drive=bench');
  }
  const qemu = spawn(
    guest === 'i386' ? QEMU32 : QEMU,
    [
      ...[
        '-accel',
        'tcg,thread=single',
        '-m',
        `${job.memoryBytes / 2 ** 20}`,
        '-display',
        'none',
        '-nodefaults',
      ],
      ...['-serial', 'stdio', '-kernel', kernel, '-initrd', initrd, '-append', job.append, ...drive],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    return await watch(qemu, job, limitMs);
  } finally {
    qemu.kill('SIGKILL');
    rmSync(disk, { force: true });
  }
}

function watch(
  guest: ChildProcessByStdio<Writable, Readable, null>,
  job: Job,
  limitMs: number,
): Promise<RunResult> {
  const session = new Session(
    job,
    () => ({ ...cpuTime(guest.pid ?? 0), wallSeconds: performance.now() / 1000 }),
    (text) => guest.stdin.write(text),
  );
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no end within ${limitMs} ms after ${session.tail}`)),
      limitMs,
    );
    guest.once('error', reject);
    guest.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`QEMU ended with ${code} after ${session.tail}`));
    });
    guest.stdout.setEncoding('latin1');
    guest.stdout.on('data', (text: string) => {
      session.feed(text);
      if (!session.done) return;
      clearTimeout(timer);
      resolve(session.result());
    });
  });
}
