/**
 * Records from a real QEMU 7.2 what tests/golden/trace compares with: `npx tsx scripts/record-trace.ts`. Which of our events QEMU has, in
 * its order, and the lines of accesses to devices.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { TRACE_EVENTS } from '../src/emu/core/trace-events.ts';
import { COMMON, DISK, SESSIONS, type Step, type TraceSession } from '../tests/golden/trace/sessions.ts';

const QEMU = 'qemu-system-x86_64';
const GOLDEN = new URL('../tests/golden/trace/', import.meta.url);
const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;
const BIOS_BYTES = 65_536;
const HLT = 0xf4;
/** QEMU serves requests beside the guest. */
const PASS_MS = 300;
/** An address of the host's. */
const ADDRESS = /0x[0-9a-f]{12}\b/g;

function commandOf(step: Step): string | undefined {
  switch (step[0]) {
    case 'in':
      return `in${SUFFIX[step[2]]} ${step[1]}`;
    case 'out':
      return `out${SUFFIX[step[2]]} ${step[1]} ${step[3]}`;
    case 'read':
      return `read${SUFFIX[step[2]]} ${step[1]}`;
    case 'write':
      return `write${SUFFIX[step[2]]} ${step[1]} ${step[3]}`;
    case 'ram':
      return `write ${step[1]} ${step[2].length / 2} 0x${step[2]}`;
    case 'pass':
      return undefined;
  }
}

async function record(session: TraceSession): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'trace-'));
  const at = (name: string): string => join(folder, name);
  writeFileSync(at(DISK.name), '');
  truncateSync(at(DISK.name), DISK.bytes);
  // The machine runs, so that devices serve their queues; its processor sleeps from its first instruction.
  writeFileSync(at('bios'), new Uint8Array(BIOS_BYTES).fill(HLT));
  const own = ['-machine', 'pc', '-bios', 'bios', '-qtest', 'stdio', '-D', 'log'];
  const traces = session.patterns.flatMap((pattern) => ['-trace', pattern]);
  const items = session.items === undefined ? [] : ['-d', session.items.join(',')];
  const qemu = spawn(QEMU, [...own, ...traces, ...items, ...COMMON, ...session.arguments], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const answers = createInterface(qemu.stdout)[Symbol.asyncIterator]();
  const ask = async (line: string): Promise<void> => {
    qemu.stdin.write(`${line}\n`);
    for (;;) {
      const { value = 'no answer', done = false } = await answers.next();
      if (value.startsWith('OK')) return;
      if (done || /^(ERR|FAIL)/.test(value)) throw new Error(`${line}: ${value}`);
    }
  };
  // Its answer comes when the machine has been reset.
  await ask('endianness');
  await sleep(PASS_MS);
  const before = readFileSync(at('log'), 'utf8').length;
  for (const step of session.steps) {
    const command = commandOf(step);
    if (command === undefined) await sleep(PASS_MS);
    else await ask(command);
  }
  const text = readFileSync(at('log'), 'utf8').slice(before);
  const ended = new Promise((resolve) => qemu.once('exit', resolve));
  qemu.kill();
  await ended;
  rmSync(folder, { recursive: true });
  const addresses: string[] = [];
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) =>
      line.replaceAll(ADDRESS, (address) => {
        if (!addresses.includes(address)) addresses.push(address);
        return `@${addresses.indexOf(address) + 1}`;
      }),
    );
}

const known = new Set<string>(TRACE_EVENTS);
const { stdout } = spawnSync(QEMU, ['-trace', 'help'], { encoding: 'utf8' });
const names = stdout.split('\n').filter((name) => known.has(name));
writeFileSync(new URL('events.txt', GOLDEN), `${names.join('\n')}\n`);
const records: Record<string, readonly string[]> = {};
for (const session of SESSIONS) records[session.name] = await record(session);
writeFileSync(new URL('lines.json', GOLDEN), `${JSON.stringify(records, null, 1)}\n`);
