/** Only this level catches a core file that is not laid out as QEMU's is, which debuggers know. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputError } from '../../src/emu/core/host.ts';
import type { MachineEvent } from '../../src/emu/core/machine-events.ts';
import { CR0, CR3_LO, CR4, EFER, EFER_LMA } from '../../src/emu/cpu/state.ts';
import { Machine, Monitor, QmpCaller } from '../../src/emu/index.ts';
import type { CpuRegisters } from '../../src/emu/machine/machine-api.ts';
import { coreHeader } from '../../src/emu/monitor/core-file.ts';
import { createFile } from '../../src/node/output-file.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 1 << 20;
const RAM = 16 * MIB;
const LOW = 0xa0000;
const HIGH = 0xc0000;
const TOTAL = RAM - (HIGH - LOW);
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDT', 'TR'];
const GENERAL = [
  'RAX',
  'RCX',
  'RDX',
  'RBX',
  'RSP',
  'RBP',
  'RSI',
  'RDI',
  'R8',
  'R9',
  'R10',
  'R11',
  'R12',
  'R13',
  'R14',
  'R15',
];

interface Recorded {
  readonly registers: string;
  readonly header: string;
}

const golden = JSON.parse(readFileSync(new URL('../golden/core/core.json', import.meta.url), 'utf8')) as {
  begin: number;
  length: number;
  atReset: Recorded;
  inLinux: Recorded;
  noProcessor: Recorded;
};

/** Of each processor, out of QEMU's text. */
function registersOf(text: string, kernelGs: bigint): readonly CpuRegisters[] {
  return text
    .split(/^CPU#\d+\n/m)
    .slice(1)
    .map((cpu, index) => {
      const value = (name: string): bigint =>
        BigInt(`0x${new RegExp(`\\b${name} *=([0-9a-f]+)`).exec(cpu)?.[1]}`);
      const words = (name: string): readonly bigint[] =>
        (new RegExp(`^${name} *= *([0-9a-f]+(?: [0-9a-f]+)*)`, 'm').exec(cpu)?.[1] ?? '')
          .split(' ')
          .map((word) => BigInt(`0x${word}`));
      const table = (name: string) => ({ base: words(name)[0] ?? 0n, limit: Number(words(name)[1]) });
      const word32 = GENERAL.slice(0, 8).map((name) => `E${name.slice(1)}`);
      const is64 = cpu.includes('RAX');
      return {
        index,
        general: is64 ? GENERAL.map(value) : [...word32.map(value), ...new Array<bigint>(8).fill(0n)],
        rip: value(is64 ? 'RIP' : 'EIP'),
        flags: Number(value(is64 ? 'RFL' : 'EFL')),
        segments: SEGMENTS.map((name) => {
          const [selector = 0n, base = 0n, limit = 0n, attributes = 0n] = words(name);
          return { selector: Number(selector), base, limit: Number(limit), attributes: Number(attributes) };
        }),
        gdt: table('GDT'),
        idt: table('IDT'),
        cr0: Number(value('CR0')),
        cr2: value('CR2'),
        cr3: value('CR3'),
        cr4: Number(value('CR4')),
        kernelGs,
        longMode: (value('EFER') & 0x400n) !== 0n,
      } as unknown as CpuRegisters;
    });
}

describe('the part of a core file before memory', () => {
  it.each(['atReset', 'inLinux'] as const)("is QEMU's, byte for byte: two processors %s", (moment) => {
    const { registers, header } = golden[moment];
    const expected = Buffer.from(header, 'base64');
    // No text tells it; both processors had the same.
    const kernelGs = expected.readBigUInt64LE(expected.length - 8);
    const block = { start: golden.begin, end: golden.begin + golden.length };
    const mapping = { linear: BigInt(golden.begin), physical: golden.begin, size: golden.length };
    const cpus = registersOf(registers, kernelGs);
    expect(cpus).toHaveLength(2);
    expect(Buffer.from(coreHeader(cpus, [block], [mapping])).toString('hex')).toBe(expected.toString('hex'));
  });

  it("is QEMU's, byte for byte: no processor", () => {
    const block = { start: golden.begin, end: golden.begin + golden.length };
    const mapping = { linear: BigInt(golden.begin), physical: golden.begin, size: golden.length };
    const expected = Buffer.from(golden.noProcessor.header, 'base64').toString('hex');
    expect(Buffer.from(coreHeader([], [block], [mapping])).toString('hex')).toBe(expected);
  });

  it('says in the first section how many segments there are when the header has no room for that', () => {
    const mappings = Array.from({ length: 65_534 }, (_, n) => ({
      linear: BigInt(n) << 12n,
      physical: 0,
      size: 4096,
    }));
    const view = (count: number): DataView =>
      new DataView(coreHeader([], [{ start: 0, end: 4096 }], mappings.slice(0, count)).buffer);
    const [fits, full] = [view(65_533), view(65_534)];
    expect([fits.getUint16(44, true), fits.getUint32(52 + 28, true)]).toEqual([65_534, 0]);
    expect([full.getUint16(44, true), full.getUint32(52 + 28, true)]).toEqual([65_535, 65_535]);
  });
});

describe('dump-guest-memory', () => {
  let directory: string;
  let machine: Machine;
  let events: MachineEvent[];
  let hmp: (line: string) => Promise<string>;
  let qmp: (execute: string, args?: object) => Promise<unknown>;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'core-dump-'));
    let now = 0;
    machine = new Machine(
      { memoryBytes: RAM },
      {
        monotonicNs: () => {
          now += 1000;
          return now;
        },
        wallClockMs: () => 0,
        after() {},
        random() {},
        images: memoryImages(),
        createFile: (path) =>
          path === '/full'
            ? {
                write() {
                  throw new OutputError('No space left on device');
                },
                close() {},
                abandon() {},
              }
            : createFile(path),
      },
    );
    const monitor = new Monitor({ machine });
    events = [];
    machine.events.listen((event) => events.push(event));
    hmp = (line) => monitor.execute(line);
    const caller = new QmpCaller(() => {}, { machine, nowMs: () => 0 });
    qmp = async (execute, args = {}) =>
      JSON.parse(await caller.call(JSON.stringify({ execute, arguments: args })));
  });

  afterEach(async () => {
    await machine.close();
    rmSync(directory, { recursive: true });
  });

  const file = (): string => join(directory, 'core');
  const bytes = (): Buffer => readFileSync(file());

  interface Load {
    readonly offset: number;
    readonly linear: bigint;
    readonly physical: number;
    readonly size: number;
  }

  function loads(): readonly Load[] {
    const core = bytes();
    const count = core.readUInt16LE(56);
    return Array.from({ length: count - 1 }, (_, n) => {
      const at = 192 + 56 * (n + 1);
      const word = (index: number): bigint => core.readBigUInt64LE(at + 8 + 8 * index);
      expect(word(3)).toBe(word(4));
      return { offset: Number(word(0)), linear: word(1), physical: Number(word(2)), size: Number(word(3)) };
    });
  }

  it('writes all RAM where its segments say, and tells that it did', async () => {
    machine.memory.write(0x1234, Buffer.from('low memory'));
    machine.memory.write(RAM - 100, Buffer.from('its end'));
    machine.cont();
    events.length = 0;
    expect(await hmp(`dump-guest-memory ${file()}`)).toBe('');
    const result = { status: 'completed', completed: TOTAL, total: TOTAL };
    expect(events).toEqual([
      { event: 'STOP', data: undefined },
      { event: 'DUMP_COMPLETED', data: { result } },
      { event: 'RESUME', data: undefined },
    ]);
    const [low, high, ...more] = loads();
    expect([low?.physical, low?.size, high?.physical, high?.size, more]).toEqual([
      0,
      LOW,
      HIGH,
      RAM - HIGH,
      [],
    ]);
    const at = (load: Load | undefined, physical: number): number =>
      (load?.offset ?? 0) + physical - (load?.physical ?? 0);
    expect(bytes().toString('latin1', at(low, 0x1234), at(low, 0x1234) + 10)).toBe('low memory');
    expect(bytes().toString('latin1', at(high, RAM - 100), at(high, RAM - 100) + 7)).toBe('its end');
    expect(await hmp('info dump')).toBe('Status: completed\n');
    expect(await qmp('query-dump')).toEqual({ return: result });
  });

  it('writes what lies in a range', async () => {
    expect(await hmp(`dump-guest-memory ${file()} 0x9f000 0x30000`)).toBe('');
    expect(loads().map(({ physical, size }) => [physical, size])).toEqual([
      [0x9f000, 0x1000],
      [HIGH, 0xf000],
    ]);
    const args = { paging: false, protocol: `file:${file()}`, begin: 0, length: -1 };
    expect(await qmp('dump-guest-memory', args)).toEqual({ return: {} });
    expect(await qmp('query-dump')).toMatchObject({ return: { total: TOTAL } });
  });

  it('finds memory at the linear addresses that the guest has mapped', async () => {
    const [pml4, pdpt, pd, pt] = [0x10_0000, 0x10_1000, 0x10_2000, 0x10_3000];
    const put = (table: number, index: number, entry: number): void => {
      machine.memory.writeU64(table + 8 * index, entry);
    };
    put(pml4, 511, pdpt | 3);
    put(pdpt, 510, pd | 3);
    put(pd, 0, 0x83);
    put(pd, 1, 0x20_0083);
    put(pd, 8, pt | 3);
    for (const [index, frame] of [0x30_0000, 0x30_1000, 0x50_0000, 0xfee0_0000].entries())
      put(pt, index, frame | 3);
    const { S } = machine.engine.cpu.processor;
    S[CR0] = 0x8000_0001 | 0;
    S[CR4] = 0x20;
    S[CR3_LO] = pml4;
    S[EFER] = EFER_LMA;
    expect(await hmp(`dump-guest-memory -p ${file()}`)).toBe('');
    const base = 0xffff_ffff_8000_0000n;
    expect(loads().map(({ linear, physical, size }) => [linear, physical, size])).toEqual([
      [base, 0, LOW],
      [base + BigInt(HIGH), HIGH, 0x40_0000 - HIGH],
      [base + 0x100_0000n, 0x30_0000, 0x2000],
      [base + 0x100_2000n, 0x50_0000, 0x1000],
    ]);
    expect(bytes().readUInt16LE(18)).toBe(62);
  });

  it("says what is wrong in QEMU's words, and then writes nothing", async () => {
    const refused: readonly (readonly [string, string])[] = [
      ['-z -l /x', "only one of '-z|-l|-s|-w' can be set"],
      ['/nonexistent/x', "Could not open '/nonexistent/x': No such file or directory"],
      [`-z ${file()}`, 'kdump-zlib is not available now'],
      [`-l ${file()}`, 'kdump-lzo is not available now'],
      [`-s ${file()}`, 'kdump-snappy is not available now'],
      [`-z ${file()} 0 5`, "kdump-compressed format doesn't support paging or filter"],
      [`${file()} 0x1000`, "Parameter 'length' is missing"],
      [`${file()} 0x1000000000 0x1000`, 'dump: no guest memory to dump'],
      [`${file()} 0x1000 0`, "Invalid parameter 'length'"],
      [`${file()} -1 5`, "Invalid parameter 'begin'"],
    ];
    for (const [args, text] of refused)
      expect(await hmp(`dump-guest-memory ${args}`), args).toBe(`Error: ${text}\n`);
    expect(events).toEqual([]);
    expect(await hmp('info dump')).toBe('Status: failed\n');
    const error = async (args: object): Promise<unknown> =>
      qmp('dump-guest-memory', { paging: false, ...args });
    const desc = (text: string): object => ({ error: { class: 'GenericError', desc: text } });
    expect(await error({ protocol: 'fd:x' })).toEqual(desc("File descriptor named 'x' has not been found"));
    expect(await error({ protocol: '/tmp/x' })).toEqual(desc("Invalid parameter 'protocol'"));
    expect(await error({ protocol: 'x', length: 5 })).toEqual(desc("Parameter 'begin' is missing"));
    expect(await error({ protocol: `file:${file()}`, begin: -4096, length: 8192 })).toEqual(
      desc("Invalid parameter 'begin'"),
    );
    expect(await qmp('query-dump-guest-memory-capability')).toEqual({
      return: { formats: ['elf', 'win-dmp'] },
    });
  });

  it('tells a file that could not be written, and one that Windows would have to be asked for', async () => {
    writeFileSync(file(), '');
    const failed = (error: string): object => ({
      event: 'DUMP_COMPLETED',
      data: { result: { status: 'failed', completed: 0, total: TOTAL }, error },
    });
    const full = 'dump: failed to write elf header: No space left on device';
    expect(await hmp('dump-guest-memory /full')).toBe(`Error: ${full}\n`);
    const windows = 'win-dump: invalid vmcoreinfo note size';
    expect(await hmp(`dump-guest-memory -w ${file()}`)).toBe(`Error: ${windows}\n`);
    expect(events).toEqual([failed(full), failed(windows)]);
    expect(await hmp('info dump')).toBe('Status: failed\n');
    expect(await hmp('pmemsave 0 16 "/full"')).toBe('Error: An IO error has occurred\n');
  });

  it('leaves no file behind when it fails, and what was there as it was', async () => {
    for (const range of ['0 0', '0x100000000000 16']) {
      expect(await hmp(`dump-guest-memory ${file()} ${range}`)).toMatch(/^Error: /);
      expect(existsSync(file())).toBe(false);
    }
    writeFileSync(file(), 'what was there');
    expect(await hmp(`dump-guest-memory -w ${file()}`)).toMatch(/^Error: /);
    expect(readFileSync(file(), 'utf8')).toBe('what was there');
    expect(await hmp(`pmemsave 0 3 "${file()}"`)).toBe('');
    expect(readFileSync(file())).toHaveLength(3);
  });
});
