/** Records from a real QEMU 7.2 what tests/golden/pci compares with: `npx tsx scripts/record-pci.ts`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type PciRecords,
  type PciSession,
  SESSIONS,
  type Step,
  sortedJson,
} from '../tests/golden/pci/sessions.ts';
import { connected } from './unix-socket.ts';

const OUTPUT = new URL('../tests/golden/pci/records.json', import.meta.url);
const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;
const SEABIOS_MS = 6000;
/** A device's last events come once nobody reads it any more. */
const EVENT_MS = 15;

interface Answer {
  readonly event?: string;
  readonly data?: { readonly device?: string; readonly path?: string };
  readonly error?: unknown;
  readonly return?: unknown;
}

async function record({ arguments: own, firmware, steps }: PciSession): Promise<PciRecords[string]> {
  const folder = mkdtempSync(join(tmpdir(), 'pci-'));
  const path = join(folder, 'qmp');
  const args = ['-machine', 'pc', '-nodefaults', '-display', 'none', '-m', '64', '-serial', 'null'];
  const sockets = ['-qtest', 'stdio', '-qtest-log', '/dev/null', '-qmp', `unix:${path},server=on,wait=off`];
  const stopped = firmware ? [] : ['-S'];
  const qemu = spawn('qemu-system-x86_64', [...args, ...sockets, ...stopped, ...own], {
    stdio: ['pipe', 'pipe', 'inherit'],
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
  let events: string[] = [];
  const qmp = async (execute: string, more: object = {}): Promise<unknown> => {
    socket.write(`${JSON.stringify({ execute, arguments: more })}\n`);
    for (;;) {
      const answer: Answer = JSON.parse((await answers.next()).value);
      if (answer.event !== undefined) events.push(`${answer.event} ${answer.data?.path ?? ''}`.trim());
      if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error));
      if (answer.return !== undefined) return answer.return;
    }
  };
  await qmp('qmp_capabilities');
  if (firmware) await sleep(SEABIOS_MS);
  const values: (number | string)[] = [];
  const select = (bdf: number, offset: number): Promise<string> =>
    qtest(`outl 0xcf8 ${0x8000_0000 + bdf * 0x100 + (offset & 0xfc)}`);
  const play = async (step: Step): Promise<void> => {
    switch (step[0]) {
      case 'get':
        await select(step[1], step[2]);
        values.push(Number(await qtest(`in${SUFFIX[step[3]]} ${0xcfc + (step[2] & 3)}`)));
        return;
      case 'set':
        await select(step[1], step[2]);
        await qtest(`out${SUFFIX[step[3]]} ${0xcfc + (step[2] & 3)} ${step[4]}`);
        return;
      case 'config': {
        let text = '';
        for (let at = 0; at < 256; at++) {
          await select(step[1], at);
          text += Number(await qtest(`inb ${0xcfc + (at & 3)}`))
            .toString(16)
            .padStart(2, '0');
        }
        values.push(text);
        return;
      }
      case 'in':
        values.push(Number(await qtest(`in${SUFFIX[step[2]]} ${step[1]}`)));
        return;
      case 'out':
        await qtest(`out${SUFFIX[step[2]]} ${step[1]} ${step[3]}`);
        return;
      case 'read':
        values.push(Number(await qtest(`read${SUFFIX[step[2]]} ${step[1]}`)));
        return;
      case 'write':
        await qtest(`write${SUFFIX[step[2]]} ${step[1]} ${step[3]}`);
        return;
      case 'dump':
        values.push((await qtest(`read ${step[1]} ${step[2]}`)).replace(/^0x/, ''));
        return;
      case 'hmp':
        values.push(
          String(await qmp('human-monitor-command', { 'command-line': step[1] })).replaceAll('\r', ''),
        );
        return;
      case 'query':
        values.push(sortedJson(await qmp('query-pci')));
        return;
      case 'events':
        await sleep(EVENT_MS);
        await qmp('query-status');
        values.push(events.join('\n'));
        events = [];
    }
  };
  for (const step of steps) await play(step);
  const ended = new Promise((resolve) => qemu.once('exit', resolve));
  await qmp('quit');
  await ended;
  rmSync(folder, { recursive: true });
  return values;
}

const records: Record<string, PciRecords[string]> = {};
for (const session of SESSIONS) {
  records[session.name] = await record(session);
  process.stdout.write(`${session.name}: recorded\n`);
}
writeFileSync(OUTPUT, `${JSON.stringify(records)}\n`);
