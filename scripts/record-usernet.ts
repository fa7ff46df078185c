/** Records what QEMU 7.2's user network answers to frames, for tests/golden/net: `npx tsx scripts/record-usernet.ts [session…]`. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NET_SESSIONS, type NetRecord, type NetSession, TFTP_FILES } from '../tests/golden/net/sessions.ts';
import { hex } from '../tests/support/guest-frames.ts';

const OUTPUT = new URL('../tests/golden/net/usernet.json', import.meta.url);
const PORT = 7777;
const TRIES = 100;
const TRY_MS = 50;
/** QEMU answers at once, where the computer has nothing else to do; nothing is an answer, too. */
const ANSWER_MS = 500;
/** Each frame has its length before it. */
const LENGTH_BYTES = 4;

async function connected(port: number): Promise<Socket> {
  for (let tries = 0; tries < TRIES; tries++) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const trying = connect(port, '127.0.0.1');
      trying.once('connect', () => resolve(trying));
      trying.once('error', () => resolve(undefined));
    });
    if (socket !== undefined) return socket;
    await sleep(TRY_MS);
  }
  throw new Error('QEMU does not listen');
}

async function record({ options, frames }: NetSession): Promise<NetRecord> {
  const folder = mkdtempSync(join(tmpdir(), 'usernet-'));
  mkdirSync(join(folder, 'tftp'));
  for (const [name, content] of Object.entries(TFTP_FILES)) {
    writeFileSync(join(folder, 'tftp', name), content);
  }
  const hub = ['hubport,id=h1,hubid=0,netdev=u', `socket,id=s,listen=127.0.0.1:${PORT}`];
  const netdevs = [`user,id=u${options}`, ...hub, 'hubport,id=h2,hubid=0,netdev=s'];
  const own = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-monitor', 'none'];
  const qemu = spawn('qemu-system-x86_64', [...own, ...netdevs.flatMap((netdev) => ['-netdev', netdev])], {
    cwd: folder,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => qemu.once('exit', resolve));
  const socket = await connected(PORT);
  let bytes = Buffer.alloc(0);
  socket.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more]);
  });
  await sleep(ANSWER_MS);
  const answers: string[][] = [];
  for (const frame of frames) {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(frame.length);
    socket.write(Buffer.concat([length, frame]));
    await sleep(ANSWER_MS);
    const heard: string[] = [];
    while (bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + bytes.readUInt32BE(0);
      heard.push(hex(bytes.subarray(LENGTH_BYTES, end)));
      bytes = bytes.subarray(end);
    }
    answers.push(heard);
  }
  socket.destroy();
  qemu.kill();
  await ended;
  rmSync(folder, { recursive: true });
  return answers;
}

const wanted = process.argv.slice(2);
const before = JSON.parse(readFileSync(OUTPUT, 'utf8')) as Record<string, NetRecord>;
const records: Record<string, NetRecord> = {};
for (const session of NET_SESSIONS) {
  const { name } = session;
  const kept = wanted.length > 0 && !wanted.includes(name) ? before[name] : undefined;
  records[name] = kept ?? (await record(session));
}
writeFileSync(OUTPUT, `${JSON.stringify(records, undefined, 1)}\n`);
