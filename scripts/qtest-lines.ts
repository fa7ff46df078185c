/** Plays lines of qtest, and of the monitor among them, to a real QEMU 7.2, and gives its answers. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connected } from './unix-socket.ts';

const OWN = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '16'];
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
/** Debian's QEMU has no clock that a client steps: the world's is waited for, and a little longer. */
const WAIT_MS = 12;
const NS_PER_MS = 1_000_000;

/**
 * `hmp LINE` is for the monitor, `clock_step NS` lets time pass, `LINE *N` is played N times for one answer.
 * @returns what was answered, without empty answers
 */
export async function playLines(
  lines: readonly string[],
  more: readonly string[] = [],
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'qtest-'));
  const path = join(folder, 'qmp');
  const bios = join(folder, 'bios');
  // The machine runs, else QEMU serves no requests; its processor sleeps from its first instruction.
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const sockets = ['-bios', bios, '-qtest', 'stdio', '-qmp', `unix:${path},server=on,wait=off`];
  const stdio: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];
  const qemu = spawn('qemu-system-x86_64', [...OWN, ...sockets, ...more], { stdio });
  const answers = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const socket = await connected(path);
  const messages = createInterface(socket)[Symbol.asyncIterator]();
  const qmp = async (execute: string, given: object = {}): Promise<string> => {
    socket.write(`${JSON.stringify({ execute, arguments: given })}\n`);
    for (;;) {
      const answer = JSON.parse((await messages.next()).value) as { return?: unknown; error?: unknown };
      if (answer.error !== undefined) throw new Error(JSON.stringify(answer));
      if (answer.return !== undefined) return typeof answer.return === 'string' ? answer.return : '';
    }
  };
  const ask = async (line: string): Promise<string> => {
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await answers.next();
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
      if (value.startsWith('OK')) return value.slice(3);
    }
  };
  await messages.next();
  await qmp('qmp_capabilities');
  const said: string[] = [];
  for (const line of lines) {
    if (line.startsWith('hmp ')) {
      const text = await qmp('human-monitor-command', { 'command-line': line.slice(4) });
      said.push(text.replaceAll('\r\n', '\n'));
    } else if (line.startsWith('clock_step ')) await sleep(WAIT_MS + Number(line.slice(11)) / NS_PER_MS);
    else said.push(await repeated(line, ask));
  }
  qemu.kill();
  socket.destroy();
  rmSync(folder, { recursive: true });
  return said.filter((text) => text !== '');
}

/** Asks a line as often as it says, for one answer. */
export async function repeated(
  line: string,
  ask: (line: string) => string | Promise<string>,
): Promise<string> {
  const [, own = line, times = '1'] = /^(.*) \*(\d+)$/.exec(line) ?? [];
  const all: string[] = [];
  for (let n = 0; n < Number(times); n++) all.push(await ask(own));
  return times === '1' ? (all[0] ?? '') : all.map((answer) => answer.replace(/^0x/, '')).join(' ');
}
