import { beforeEach, describe, expect, it } from 'vitest';
import { PageTables, type PagingRegisters } from '../../src/emu/machine/page-tables.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';

const CR0_PG = 0x8000_0000;
const CR4_PSE = 1 << 4;
const CR4_PAE = 1 << 5;
const ROOT = 0x10000;
const P = 1;
const PS = 0x80;
const NX_HI = 0x80000000;

describe('page tables as a debugger reads them', () => {
  let registers: PagingRegisters;
  let memory: GuestMemory;
  const put = (address: number, lo: number, hi = 0): void => {
    memory.writeU32(address, lo);
    memory.writeU32(address + 4, hi);
  };
  const at = (address: bigint): bigint | undefined => {
    const tables = new PageTables(registers, (entry, target) => void memory.read(Number(entry), target));
    return tables.translate(address);
  };

  beforeEach(() => {
    memory = pcMemory(1 << 20);
    registers = { cr0: 0, cr3: 0n, cr4: 0, longMode: false };
  });

  const paging = (cr4: number, longMode = false, cr3 = BigInt(ROOT)): void => {
    registers = { cr0: CR0_PG, cr3, cr4, longMode };
  };

  it('is none without paging: 52 bits of the address count', () => {
    expect(at(0x1234n)).toBe(0x1234n);
    expect(at(0x8000_0000_0000_0010n)).toBe(0x10n);
  });

  it('goes through four levels, and marks nothing', () => {
    paging(CR4_PAE, true);
    put(ROOT + 8 * 511, 0x11000 | P);
    put(0x11000 + 8 * 510, 0x12000 | P);
    put(0x12000 + 8 * 8, 0x13000 | P);
    put(0x13000 + 8 * 1, 0x45000 | P, NX_HI);
    expect(at(0xffffffff81001234n)).toBe(0x45234n);
    expect(memory.readU32(0x13000 + 8)).toBe(0x45000 | P);
    expect(at(0xffffffff81002234n)).toBeUndefined();
    // Not canonical; and what has no entry at the top.
    expect(at(0x8000_0000_0000n)).toBeUndefined();
    expect(at(0x7fff_ffff_f000n)).toBeUndefined();
  });

  it('knows pages of 2 MiB and of 1 GiB, above 4 GiB too', () => {
    paging(CR4_PAE, true);
    put(ROOT, 0x11000 | P);
    put(0x11000, 0x12000 | P);
    put(0x11000 + 8, 0x40000000 | PS | P, 2);
    put(0x12000 + 8, 0x00600000 | PS | P | 0x1000, 1);
    expect(at(0x212345n)).toBe(0x1_0061_2345n);
    expect(at(0x4123_4567n)).toBe(0x2_4123_4567n);
  });

  it('goes through PAE tables from a root that is not at a page', () => {
    paging(CR4_PAE, false, BigInt(ROOT + 0x20));
    put(ROOT + 0x20 + 8 * 3, 0x12000 | P);
    put(0x12000, 0x13000 | P);
    put(0x13000 + 8 * 5, 0x46000 | P);
    expect(at(0xc0005678n)).toBe(0x46678n);
    // Linear addresses have 32 bits.
    expect(at(0xffffffffc0005678n)).toBe(0x46678n);
    expect(at(0x5678n)).toBeUndefined();
  });

  it('goes through two levels, and knows pages of 4 MiB where they are on', () => {
    paging(CR4_PSE);
    memory.writeU32(ROOT + 4 * 0x300, 0x12000 | P);
    memory.writeU32(0x12000 + 4 * 5, 0x47000 | P);
    memory.writeU32(ROOT + 4, 0x00c00000 | PS | P | (3 << 13));
    expect(at(0xc0005678n)).toBe(0x47678n);
    expect(at(0x412345n)).toBe(0x3_00c1_2345n);
    paging(0);
    expect(at(0x412345n)).toBeUndefined();
  });
});
