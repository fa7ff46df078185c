/** QMP for people: beside QEMU's own qmp-shell, which `scripts/record-qmp-shell.ts` recorded on QEMU. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completeShellLine, QmpShell, SHELL_PROMPT } from '../../src/emu/monitor/qmp/shell.ts';
import { readShellLine } from '../../src/emu/monitor/qmp/shell-line.ts';
import { monitorRig } from '../support/monitor-rig.ts';

const GOLDEN = join(import.meta.dirname, '../golden/qmp/shell.txt');
const MIB = 2 ** 20;
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence is what is looked for
const KEY_BY_KEY = /\x1b\[[\dD]*[CDK]/;

async function shell() {
  const { machine } = await monitorRig({ memoryBytes: 64 * MIB });
  let screen = '';
  const qmp = new QmpShell(
    (text) => {
      screen += text;
    },
    { machine, nowMs: () => 1_700_000_000_250 },
  );
  qmp.start();
  return {
    machine,
    qmp,
    take: () => {
      const text = screen;
      screen = '';
      return text;
    },
    /** Enters a line and gives what is shown up to the next prompt, without the line itself. */
    async enter(line: string): Promise<string> {
      screen = '';
      qmp.input(line);
      const echo = screen.length;
      qmp.input('\r');
      for (let tries = 0; !screen.slice(echo).endsWith(SHELL_PROMPT); tries++) {
        if (tries > 100) throw new Error(screen);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return screen.slice(echo + 2, -SHELL_PROMPT.length).replaceAll('\r\n', '\n');
    },
  };
}

function recorded(): readonly (readonly [line: string, shown: string])[] {
  const [, ...parts] = readFileSync(GOLDEN, 'utf8').split(/^>>> /m);
  return parts.map((part) => {
    const end = part.indexOf('\n');
    return [JSON.parse(part.slice(0, end)) as string, part.slice(end + 1)] as const;
  });
}

describe('the shell', () => {
  it('answers a line that was typed before there was a machine', async () => {
    const { qmp, take } = await shell();
    qmp.input('query-name\rquery-target\r');
    let screen = '';
    for (let tries = 0; !screen.includes('x86_64'); tries++) {
      if (tries > 100) throw new Error(screen);
      await new Promise((resolve) => setTimeout(resolve, 1));
      screen += take();
    }
    expect(screen.replaceAll('\r\n', '\n')).toContain(
      '"execute": "query-target"\n}\n{\n    "return": {\n        "arch": "x86_64"\n',
    );
  });

  it('greets as qmp-shell does', async () => {
    const { take } = await shell();
    expect(take().replaceAll('\r\n', '\n')).toBe(
      `Welcome to the QMP low-level shell!\nConnected to QEMU 7.2.22\n\n${SHELL_PROMPT}`,
    );
  });

  it('shows what is sent, and the answer, as recorded', async () => {
    const { enter } = await shell();
    for (const [line, shown] of recorded()) expect.soft(await enter(line), line).toBe(shown);
  });

  it('tells events as they come, above the line that is being typed', async () => {
    const { machine, qmp, take, enter } = await shell();
    qmp.input('query-st');
    take();
    machine.cont();
    const [before = '', ...below] = take().split('{\r\n');
    expect(before).toMatch(KEY_BY_KEY);
    expect(below.join('{\r\n')).toBe(
      '    "event": "RESUME",\r\n    "timestamp": {\r\n        "microseconds": 250000,\r\n' +
        `        "seconds": 1700000000\r\n    }\r\n}\r\n${SHELL_PROMPT}query-st\x1b[K`,
    );
    expect(await enter('atus')).toContain('"status": "running"');
  });

  it('keeps the order of events and answers', async () => {
    const { enter } = await shell();
    const shown = await enter('cont');
    expect(shown.indexOf('"RESUME"')).toBeGreaterThan(shown.indexOf('"cont"'));
    expect(shown.indexOf('"return"')).toBeGreaterThan(shown.indexOf('"RESUME"'));
  });
});

describe('lines', () => {
  it.each([
    ['a', { execute: 'a', arguments: {} }],
    ['a k=v l=', { execute: 'a', arguments: { k: 'v', l: '' } }],
    ['a k="x y" l=\'z\'', { execute: 'a', arguments: { k: 'x y', l: 'z' } }],
    ['a k=007 l=-1 m=+3', { execute: 'a', arguments: { k: 7, l: -1, m: 3 } }],
    ['a k=9007199254740993', { execute: 'a', arguments: { k: 9007199254740993n } }],
    ['a b.c=1 b.d.e=x b.d.f=true', { execute: 'a', arguments: { b: { c: 1, d: { e: 'x', f: true } } } }],
    ['a k={"s":"True None",\'t\':False}', { execute: 'a', arguments: { k: { s: 'True None', t: false } } }],
    ['{"execute":"a","id":1}', { execute: 'a', id: 1 }],
  ])('%s', (line, request) => {
    expect(structuredClone(readShellLine(line))).toEqual(request);
  });

  it.each([
    ['a k', "Expected a key=value pair, got 'k'"],
    ['a b=1 b.c=2', 'Cannot use "b" as both leaf and non-leaf key'],
    ['a b.c=2 b=1', 'Cannot set "b" multiple times'],
    ['a k="x', 'No closing quotation'],
    ['a k={x', /JSON/],
    ['{"execute":', /JSON/],
  ])('%s is refused', (line, message) => {
    expect(() => readShellLine(line)).toThrow(message);
  });
});

describe('Tab', () => {
  it.each([
    ['query-mem', 'query-mem', ['query-memdev', 'query-memory-size-summary', 'query-memory-devices']],
    ['device_add dri', 'dri', ['driver=']],
    ['device_add driver=x ', '', ['bus=', 'id=']],
    ['ringbuf-read format=', '', ['utf8', 'base64']],
    ['ringbuf-read format=b', 'b', ['base64']],
    ['nosuch a', 'a', []],
  ])('%s', (line, typed, candidates) => {
    expect(completeShellLine(line)).toEqual({ typed, candidates });
  });
});
