/** What commands of the human monitor show of memory that is not zero, and of linear addresses. */
import { beforeEach, describe, expect, it } from 'vitest';
import * as state from '../../src/emu/cpu/state.ts';
import { PageTables, type PagingRegisters } from '../../src/emu/machine/page-tables.ts';
import { type MonitorRig, monitorRig } from '../support/monitor-rig.ts';

const TEXT = "a'\\\n\r~ \x7f\xe9";
const P = 1n;
const RW = 2n;
const USER = 4n;
const PS = 0x80n;
const CR0_PG = 0x8000_0001;
const CR4_PSE = 0x10;
const CR4_PAE = 0x20;

let rig: MonitorRig;
beforeEach(async () => {
  rig = await monitorRig();
});

// QEMU 7.2 with the same memory (-device loader,data=…) shows the same.
describe('memory', () => {
  it.each([
    ['x/2xw 0x1000', '0000000000001000: 0x0a5c2761 0x7f207e0d\n'],
    [
      'xp/9cb 0x1000',
      "0000000000001000: 'a' '\\'' '\\\\' '\\n' '\\r' '~' ' ' '\\x7f'\n0000000000001008: '\\xe9'\n",
    ],
    ['x/2dh 0x1000', '0000000000001000: 10081  2652\n'],
    ['x/2oh 0x1000', '0000000000001000: 023541  05134\n'],
    ['x/1ug 0x1000', '0000000000001000:  9160460236545075041\n'],
    ['x/2dw 0x1010', '0000000000001010: 4294967294 4294967295\n'],
    ['x/1dg 0x1010', '0000000000001010:                   -2\n'],
    ['sum 0x1000 9', '32835\n'],
  ])('%s', async (line, answer) => {
    rig.memory.write(
      0x1000,
      Uint8Array.from(TEXT, (character) => character.charCodeAt(0)),
    );
    rig.memory.write(0x1010, Uint8Array.of(0xfe, 255, 255, 255, 255, 255, 255, 255));
    expect(await rig.execute(line)).toBe(answer);
  });

  it('goes to files as it is', async () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, n) => n % 251);
    rig.memory.write(0x1f00, bytes);
    expect(await rig.execute('pmemsave 0x1f00 3000 "/tmp/p"')).toBe('');
    expect(await rig.execute('memsave 0x1f01 2999 "/tmp/l"')).toBe('');
    expect(rig.files.get('/tmp/p')).toEqual(bytes);
    expect(rig.files.get('/tmp/l')).toEqual(bytes.subarray(1));
  });

  it('is not shown without end', async () => {
    const lines = (await rig.execute('xp/2000000xb 0x100000')).split('\n');
    expect(lines).toHaveLength(131072 + 2);
    expect(lines.at(-2)).toBe('No more than 1048576 bytes are shown at once');
  });
});

describe('page tables', () => {
  const entries = new Map<bigint, bigint>();
  const tables = (registers: PagingRegisters): PageTables =>
    new PageTables(registers, (address, target) => {
      const size = (registers.cr4 & CR4_PAE) === 0 ? 4 : 8;
      const view = new DataView(target.buffer);
      for (let at = 0; at < target.length; at += size) {
        const entry = entries.get(address + BigInt(at)) ?? 0n;
        if (size === 4) view.setUint32(at, Number(entry), true);
        else view.setBigUint64(at, entry, true);
      }
    });
  const pages = (registers: PagingRegisters): readonly (readonly [bigint, number])[] =>
    [...tables(registers).mappings()].map(({ linear, shift }) => [linear, shift]);
  beforeEach(() => entries.clear());

  it('of two levels', () => {
    const registers = { cr0: CR0_PG, cr3: 0x1018n, cr4: CR4_PSE, longMode: false };
    entries.set(0x1000n + 4n * 3n, 0x2000n | P).set(0x2000n + 4n * 5n, 0x7000n | P);
    entries.set(0x1000n + 4n * 1023n, 0x40_2000n | PS | P);
    expect(tables(registers).translate(0xc0_5123n)).toBe(0x7123n);
    expect(tables(registers).translate(0xc0_6123n)).toBeUndefined();
    // PSE-36: bits 13 to 20 of the entry are bits 32 to 39 of the address.
    expect(tables(registers).translate(0xffc1_2345n)).toBe(0x1_0041_2345n);
    expect(pages(registers)).toEqual([
      [0xc0_5000n, 12],
      [0xffc0_0000n, 22],
    ]);
  });

  it('with physical address extension', () => {
    const registers = { cr0: CR0_PG, cr3: 0x1020n, cr4: CR4_PAE, longMode: false };
    entries.set(0x1020n + 8n, 0x2000n | P).set(0x2000n, 0x3_0060_0000n | PS | P | RW | USER);
    expect(tables(registers).translate(0x4000_1234n)).toBe(0x3_0060_1234n);
    expect([...tables(registers).mappings()].map(({ common }) => common & 7n)).toEqual([7n]);
  });

  it('of four levels', () => {
    const registers = { cr0: CR0_PG, cr3: 0x1000n, cr4: CR4_PAE, longMode: true };
    entries.set(0x1000n + 8n * 511n, 0x2000n | P | RW).set(0x2000n + 8n * 510n, 0x3000n | P | RW | USER);
    entries.set(0x3000n, 0x4000n | P).set(0x4000n + 8n, 0x9000n | P | RW | USER);
    entries.set(0x2000n, 0x4000_0000n | PS | P);
    expect(tables(registers).translate(0xffff_ffff_8000_1abcn)).toBe(0x9abcn);
    expect(tables(registers).translate(0x0000_ffff_8000_1abcn)).toBeUndefined();
    expect(tables(registers).translate(0xffff_ff80_0123_4567n)).toBe(0x4123_4567n);
    expect(pages(registers)).toEqual([
      [0xff80_0000_0000n, 30],
      [0xffff_8000_1000n, 12],
    ]);
    expect([...tables(registers).mappings()].at(-1)?.common).toBe(P);
  });
});

it('shows linear memory across pages that lie apart', async () => {
  const view = new DataView(new ArrayBuffer(8));
  const put = (address: number, value: bigint): void => {
    view.setBigUint64(0, value, true);
    rig.memory.write(address, new Uint8Array(view.buffer));
  };
  put(0x1000, 0x2003n);
  put(0x2000, 0x5003n | (0x8003n << 32n));
  put(0x5ff8, 0x1122_3344_5566_7788n);
  put(0x8000, 0x99aa_bbcc_ddee_ff00n);
  const S = rig.vcpuState;
  S[state.CR3_LO] = 0x1000;
  S[state.CR0] = CR0_PG | 0;
  expect(await rig.execute('x/2xg 0xff8')).toBe('0000000000000ff8: 0x1122334455667788 0x99aabbccddeeff00\n');
  expect(await rig.execute('x/2xg 0x1ff8')).toBe('0000000000001ff8: Cannot access memory\n');
  expect(await rig.execute('gva2gpa 0x1004')).toBe('gpa: 0x8004\n');
  expect(await rig.execute('gva2gpa 0x2000')).toBe('Unmapped\n');
});
