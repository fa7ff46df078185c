/** Plays the accesses of a driver to a real QEMU 7.2 over qtest, and gives its answers. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Step, VirtioRecord } from '../tests/golden/virtio/sessions.ts';
import { connected } from './unix-socket.ts';

const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
/** QEMU serves requests for entropy beside the guest. */
const PASS_MS = 300;
const HOST_BYTES = 4096;

/** What is played: QEMU's arguments, and what is done then. */
export interface QtestSession {
  readonly arguments: readonly string[];
  readonly steps: readonly Step[];
}

export async function recordSession(session: QtestSession): Promise<VirtioRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'virtio-'));
  const path = join(folder, 'qmp');
  // The machine runs, else QEMU serves no entropy; its processor sleeps from its first instruction.
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const own = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '64', '-bios', bios];
  const sockets = ['-qtest', 'stdio', '-qmp', `unix:${path},server=on,wait=off`];
  const qemu = spawn('qemu-system-x86_64', [...own, ...sockets, ...session.arguments], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const qtest = async (line: string): Promise<string> => {
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await lines.next();
      if (value.startsWith('OK')) return value.slice(3);
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
    }
  };
  const socket = await connected(path);
  const answers = createInterface(socket)[Symbol.asyncIterator]();
  await answers.next();
  const qmp = async (execute: string, more: object = {}): Promise<unknown> => {
    socket.write(`${JSON.stringify({ execute, arguments: more })}\n`);
    for (;;) {
      const answer = JSON.parse((await answers.next()).value) as { error?: unknown; return?: unknown };
      if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error));
      if (answer.return !== undefined) return answer.return;
    }
  };
  await qmp('qmp_capabilities');
  const values: (number | string)[] = [];
  const play = async (step: Step): Promise<void> => {
    if (step[0] === 'in') values.push(Number(await qtest(`in${SUFFIX[step[2]]} ${step[1]}`)));
    else if (step[0] === 'out') await qtest(`out${SUFFIX[step[2]]} ${step[1]} ${step[3]}`);
    else if (step[0] === 'read') values.push(Number(await qtest(`read${SUFFIX[step[2]]} ${step[1]}`)));
    else if (step[0] === 'write') await qtest(`write${SUFFIX[step[2]]} ${step[1]} ${step[3]}`);
    else if (step[0] === 'dump') values.push((await qtest(`read ${step[1]} ${step[2]}`)).replace(/^0x/, ''));
    else if (step[0] === 'host') {
      values.push(String(await qmp('ringbuf-read', { device: 'c', size: HOST_BYTES })));
    } else await sleep(PASS_MS);
  };
  for (const step of session.steps) await play(step);
  const ended = new Promise((resolve) => qemu.once('exit', resolve));
  await qmp('quit');
  await ended;
  rmSync(folder, { recursive: true });
  return values;
}
