/**
 * Records what QEMU 7.2 answers in sessions that are driven over qtest and QMP: `npx tsx scripts/record-driven.ts [session…]` writes
 * tests/golden/driven/<session>.txt. Needs qemu-system-x86_64 7.2 (Debian 12).
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { DRIVEN_SESSIONS } from '../tests/golden/driven/sessions.ts';
import type { DrivenSession } from '../tests/golden/driven/steps.ts';
import { connected } from './unix-socket.ts';

const OUTPUT = join(import.meta.dirname, '../tests/golden/driven');
/** So long nothing more has come: QMP has said all. */
const QUIET_MS = 60;
const TRIES = 500;
const BIOS_BYTES = 65_536;
const HLT = 0xf4;

async function record({ name, steps }: DrivenSession): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'driven-'));
  const path = join(folder, 'qmp');
  // The machine runs, and its processor sleeps from its first instruction.
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  const args = ['-machine', 'pc', '-bios', bios, '-nodefaults', '-display', 'none', '-m', '16'];
  const sockets = ['-qtest', 'stdio', '-qtest-log', '/dev/null', '-qmp', `unix:${path},server=on,wait=off`];
  const qemu = spawn('timeout', ['60', 'qemu-system-x86_64', ...args, ...sockets], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const qtest = async (line: string): Promise<string> => {
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = '', done = false } = await lines.next();
      if (value.startsWith('OK')) return value.slice(3);
      if (done || !value.startsWith('IRQ')) throw new Error(`${name}: ${line}: ${value}`);
    }
  };
  const socket = await connected(path);
  let said = '';
  let lastMs = Date.now();
  socket.on('data', (data: Buffer) => {
    said += data.toString('utf8');
    lastMs = Date.now();
  });
  const quiet = async (): Promise<string> => {
    lastMs = Date.now();
    while (!/"(?:return|error|QMP)": /.test(said) || Date.now() - lastMs < QUIET_MS)
      await sleep(QUIET_MS / 4);
    const text = said;
    said = '';
    return text;
  };
  await quiet();
  const recorded = [`# session: ${name}`];
  for (const step of steps) {
    recorded.push(`>>> ${step}`);
    const [kind = '', line = ''] = [step.split(' ')[0], step.slice(step.indexOf(' ') + 1)];
    if (kind === 'qmp') {
      socket.write(`${line}\n`);
      for (const text of (await quiet()).split('\r\n')) if (text !== '') recorded.push(`<<< ${text}`);
    } else if (kind === 'qtest') {
      const answer = await qtest(line);
      if (answer !== '') recorded.push(`<<< ${answer}`);
    } else {
      const [command = '', wanted] = line.split(' = ');
      let answer = '';
      for (let tries = 0; answer !== wanted; tries++) {
        answer = await qtest(command);
        if (tries === TRIES) throw new Error(`${name}: ${line} never, but ${answer}`);
        if (answer !== wanted) await sleep(5);
      }
    }
  }
  qemu.kill('SIGTERM');
  rmSync(folder, { recursive: true });
  writeFileSync(join(OUTPUT, `${name}.txt`), `${recorded.join('\n')}\n`);
  process.stdout.write(`${name}: recorded\n`);
}

const wanted = process.argv.slice(2);
for (const session of DRIVEN_SESSIONS) {
  if (wanted.length === 0 || wanted.includes(session.name)) await record(session);
}
