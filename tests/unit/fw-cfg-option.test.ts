/** -fw_cfg: what the guest finds. What is wrong with one: tests/node/cli-errors.test.ts. */
import { describe, expect, it } from 'vitest';
import { machineOfCommandLine } from '../../src/emu/command-line/make-machine.ts';
import { type CommandLine, readCommandLine } from '../../src/emu/command-line/options.ts';
import type { Machine } from '../../src/emu/index.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 1 << 20;
const SELECTOR = 0x510;
const DATA = 0x511;
const FILE_DIR = 0x19;
const BARE = ['-nodefaults', '-display', 'none', '-accel', 'qtest'];

function commandLineOf(...args: readonly string[]): CommandLine {
  const wanted = readCommandLine(
    [...BARE, ...args],
    () => {},
    (path) =>
      path === 'config' ? { text: '[fw_cfg]\n name = "opt/c"\n string = "of a file"\n' } : 'not there',
  );
  if ('text' in wanted) throw new Error(wanted.text);
  return wanted;
}

function machineOf(commandLine: CommandLine, readBytes?: (path: string) => Uint8Array | string): Machine {
  const parts = { kernel: undefined, initrd: undefined, append: '', memoryBytes: 16 * MIB };
  const host = {
    monotonicNs: () => 0,
    wallClockMs: () => 0,
    after() {},
    random() {},
    images: memoryImages(),
  };
  return machineOfCommandLine(commandLine, readBytes === undefined ? parts : { ...parts, readBytes }, host);
}

function readKey({ access }: Machine, key: number, size: number): Uint8Array {
  access.writePort(SELECTOR, 2, key);
  return Uint8Array.from({ length: size }, () => access.readPort(DATA, 1));
}

/** Names and contents, as a driver reads them. Spec: QEMU docs/specs/fw_cfg, the directory. */
function itemsOf(machine: Machine): ReadonlyMap<string, string> {
  const count = new DataView(readKey(machine, FILE_DIR, 4).buffer).getUint32(0);
  const directory = new DataView(readKey(machine, FILE_DIR, 4 + 64 * count).buffer);
  const items = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const at = 4 + 64 * index;
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, at + 8, 56)).replace(/\0.*$/s, '');
    const bytes = readKey(machine, directory.getUint16(at + 4), directory.getUint32(at));
    items.set(name, new TextDecoder().decode(bytes));
  }
  return items;
}

describe('-fw_cfg', () => {
  it('gives the guest texts and files by their names', async () => {
    const line = commandLineOf(
      ...['-fw_cfg', 'name=opt/b,string=a,,b', '-fw_cfg', 'opt/a,file=f', '-readconfig', 'config'],
    );
    const machine = machineOf(line, (path) => new TextEncoder().encode(`what is in ${path}`));
    const items = itemsOf(machine);
    expect([items.get('opt/a'), items.get('opt/b'), items.get('opt/c')]).toEqual([
      'what is in f',
      'a,b',
      'of a file',
    ]);
    expect([...items.keys()].sort()).toEqual([...items.keys()]);
    await machine.close();
  });

  it('finds no files in a page', () => {
    expect(() => machineOf(commandLineOf('-fw_cfg', 'opt/a,file=f'))).toThrow(
      "can't load f: Failed to open file “f”: No such file or directory",
    );
  });

  it('takes as many as there is room for, and QEMU’s board and devices need some', async () => {
    const many = (count: number) =>
      machineOf(
        commandLineOf(...Array.from({ length: count }, (_, at) => ['-fw_cfg', `opt/${at},string=x`]).flat()),
      );
    await many(20).close();
    expect(() => many(21)).toThrow('-fw_cfg opt/20,string=x: this machine takes 20 of them');
  });
});
