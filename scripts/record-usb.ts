/** Records from a real QEMU 7.2 what tests/golden/usb compares with: `npx tsx scripts/record-usb.ts [START OF A NAME…]`. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UsbRecord } from '../tests/golden/usb/session.ts';
import { SESSIONS } from '../tests/golden/usb/sessions.ts';
import { IMAGE } from '../tests/golden/usb/storage-sessions.ts';
import { connected } from './unix-socket.ts';

const OUTPUT = new URL('../tests/golden/usb/answers.json', import.meta.url);
const OWN = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '16'];
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
/** Debian's QEMU has no clock that a client steps: the world's is waited for, and a little longer. */
const WAIT_MS = 12;
const NS_PER_MS = 1_000_000;

async function record(lines: readonly string[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'usb-'));
  const path = join(folder, 'qmp');
  const bios = join(folder, 'bios');
  writeFileSync(bios, new Uint8Array(BIOS_BYTES).fill(HLT));
  writeFileSync(join(folder, IMAGE.path), new Uint8Array(IMAGE.bytes));
  const sockets = ['-bios', bios, '-qtest', 'stdio', '-qmp', `unix:${path},server=on,wait=off`];
  const qemu = spawn('qemu-system-x86_64', [...OWN, ...sockets], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const socket = await connected(path);
  const messages = createInterface(socket)[Symbol.asyncIterator]();
  const qmp = async (execute: string, more: object = {}): Promise<string> => {
    socket.write(`${JSON.stringify({ execute, arguments: more })}\n`);
    for (;;) {
      const answer = JSON.parse((await messages.next()).value) as { return?: unknown; error?: unknown };
      if (answer.error !== undefined) throw new Error(JSON.stringify(answer));
      if (answer.return !== undefined) return typeof answer.return === 'string' ? answer.return : '';
    }
  };
  await messages.next();
  await qmp('qmp_capabilities');
  const said: string[] = [];
  for (const line of lines) {
    if (line.startsWith('hmp ')) {
      const text = await qmp('human-monitor-command', { 'command-line': line.slice(4) });
      said.push(text.replaceAll('\r\n', '\n'));
      continue;
    }
    if (line.startsWith('clock_step ')) {
      await sleep(WAIT_MS + Number(line.slice(11)) / NS_PER_MS);
      continue;
    }
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await answers.next();
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
      if (!value.startsWith('OK')) continue;
      said.push(value.slice(3));
      break;
    }
  }
  qemu.kill();
  socket.destroy();
  rmSync(folder, { recursive: true });
  return said.filter((text) => text !== '');
}

const wanted = process.argv.slice(2);
const records: Record<string, UsbRecord> = existsSync(OUTPUT)
  ? (JSON.parse(readFileSync(OUTPUT, 'utf8')) as Record<string, UsbRecord>)
  : {};
for (const { name, lines } of SESSIONS) {
  if (wanted.length > 0 && !wanted.some((start) => name.startsWith(start))) continue;
  records[name] = await record(lines);
  writeFileSync(OUTPUT, `${JSON.stringify(records, undefined, 1)}\n`);
  process.stdout.write(`${name}\n`);
}
