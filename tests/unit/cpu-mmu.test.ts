import { describe, expect, it } from 'vitest';
import { loadPdptrs } from '../../src/emu/cpu/mmu/page-walk.ts';
import {
  CODE_GENERATION,
  CPL,
  CR0,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR2_HI,
  CR2_LO,
  CR3_LO,
  CR4,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  EFER,
  EFER_LMA,
  EFER_NXE,
  LD_HI,
  TLB_NONE,
  TLB_WORDS,
  TLB_WRITE,
} from '../../src/emu/cpu/state.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

const P = 1;
const W = 2;
const U = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
const NX = 0x80000000;

/** 4-level tables: PML4 at 0x10000, PDPT 0x11000, PD 0x12000, PT 0x13000 for linear 0–2 MiB; rights open above the PT. */
function longMode(): VcpuRig {
  const rig = new VcpuRig();
  const S = rig.S;
  rig.poke64(0x10000, 0x11000 | P | W | U, 0);
  rig.poke64(0x10000 + 511 * 8, 0x11000 | P | W | U, 0);
  rig.poke64(0x11000, 0x12000 | P | W | U, 0);
  rig.poke64(0x12000, 0x13000 | P | W | U, 0);
  S[CR3_LO] = 0x10000;
  S[CR4] = CR4_PAE;
  S[EFER] = EFER_LMA | EFER_NXE;
  S[CR0] = CR0_PE | CR0_PG | CR0_WP;
  rig.cpu.updateMode();
  return rig;
}

function map(rig: VcpuRig, page: number, frame: number, bits: number, hi = 0): void {
  rig.poke64(0x13000 + 8 * page, (frame << 12) | bits, hi);
}

function asUser(rig: VcpuRig): void {
  rig.S[CPL] = 3;
  rig.cpu.updateMode();
}

describe('4-level paging', () => {
  it('translates, marks accessed and dirty, and then hits the TLB', () => {
    const rig = longMode();
    map(rig, 5, 0x80, P | W);
    rig.poke32(0x80010, 0x11223344);
    expect(rig.cpu.load32(0x5010, 0)).toBe(0x11223344);
    expect(rig.peek32(0x13000 + 40) & (A | D)).toBe(A);
    expect(rig.peek32(0x10000) & A).toBe(A);
    const j = (5 << 2) | 0;
    expect(rig.cpu.tlb[j + TLB_WRITE]).toBe(TLB_NONE);
    rig.cpu.store32(0x5010, 0, 7);
    expect(rig.peek32(0x13000 + 40) & (A | D)).toBe(A | D);
    expect(rig.cpu.tlb[j + TLB_WRITE]).toBe(0x5000);
    map(rig, 5, 0x81, P | W);
    expect(rig.cpu.load32(0x5010, 0)).toBe(7);
    rig.cpu.invalidatePage(0x5010, 0);
    expect(rig.cpu.load32(0x5010, 0)).toBe(0);
  });

  it('gives error codes for not present, user, write, write protect, fetch and reserved bits', () => {
    const rig = longMode();
    map(rig, 1, 0x81, P);
    map(rig, 2, 0x82, P | U);
    map(rig, 3, 0x83, P | W | U, NX);
    map(rig, 4, 0x84, P | W | U, 0x100);
    rig.cpu.load8(0x0abc, 0);
    expect(rig.S[CR2_LO]).toBe(0xabc);
    expect(rig.takeFault()).toEqual([14, 0]);
    rig.cpu.store8(0x1000, 0, 1);
    expect(rig.takeFault()).toEqual([14, 3]);
    rig.S[CR0] = CR0_PE | CR0_PG;
    rig.cpu.flushTlb(true);
    rig.cpu.store8(0x1000, 0, 1);
    expect(rig.takeFault()).toBeUndefined();
    expect(rig.cpu.mmu.translateCode(0x3000, 0)).toBe(-1);
    expect(rig.takeFault()).toEqual([14, 0x11]);
    asUser(rig);
    rig.cpu.load8(0x1000, 0);
    expect(rig.takeFault()).toEqual([14, 5]);
    rig.cpu.store8(0x2000, 0, 0);
    expect(rig.takeFault()).toEqual([14, 7]);
    expect(rig.cpu.mmu.translateCode(0x3010, 0)).toBe(-1);
    expect(rig.takeFault()).toEqual([14, 0x15]);
    expect(rig.cpu.mmu.translateCode(0x2010, 0)).toBe(rig.memory.locate(0x82010));
    rig.cpu.load8(0x4000, 0);
    expect(rig.takeFault()).toEqual([14, 0xc]);
    expect(rig.cpu.loadSystem8(0x1000, 0)).toBe(1);
    expect(rig.takeFault()).toBeUndefined();
  });

  it('raises #GP(0) for addresses that are not canonical, and maps the upper half', () => {
    const rig = longMode();
    map(rig, 1, 0x81, P | W);
    rig.poke32(0x81000, 0x1234);
    expect(rig.cpu.load32(0x1000, 0xffffff80 | 0)).toBe(0x1234);
    rig.cpu.load32(0x1000, 0x8000);
    expect(rig.takeFault()).toEqual([13, 0]);
    expect(rig.S[CR2_HI]).toBe(0);
  });

  it('checks both pages of a crossing store before it writes', () => {
    const rig = longMode();
    map(rig, 1, 0x81, P | W);
    rig.cpu.store64(0x1ffc, 0, -1, -1);
    expect(rig.takeFault()).toEqual([14, 2]);
    expect(rig.S[CR2_LO]).toBe(0x2000);
    expect(rig.peek32(0x81ffc)).toBe(0);
    map(rig, 2, 0x90, P | W);
    rig.cpu.store64(0x1ffd, 0, 0x44332211, 0x08776655);
    expect(rig.cpu.load64(0x1ffd, 0)).toBe(0x44332211);
    expect(rig.S[LD_HI]).toBe(0x08776655);
    expect(rig.peek32(0x90000)).toBe(0x77665544);
    expect(rig.cpu.load16(0x1fff, 0)).toBe(0x4433);
    rig.cpu.store16(0x1fff, 0, 0xaabb);
    expect(rig.cpu.load32(0x1ffd, 0)).toBe(0xaabb2211 | 0);
    rig.cpu.probeWrite(0x2fff, 0, 2);
    expect(rig.takeFault()).toEqual([14, 2]);
  });

  it('maps 2 MiB pages and drops all of one on INVLPG', () => {
    const rig = longMode();
    rig.poke64(0x12000 + 8, 0x200000 | P | W | PS | D, 0);
    rig.poke32(0x201000, 0x55);
    rig.poke32(0x202000, 0x66);
    expect(rig.cpu.load32(0x201000, 0)).toBe(0x55);
    expect(rig.cpu.load32(0x202000, 0)).toBe(0x66);
    rig.poke64(0x12000 + 8, 0, 0);
    rig.cpu.invalidatePage(0x200000, 0);
    rig.cpu.load32(0x202000, 0);
    expect(rig.takeFault()).toEqual([14, 0]);
  });

  it('has no 1 GiB pages', () => {
    const rig = longMode();
    rig.poke64(0x11000, P | W | PS, 0);
    rig.cpu.load32(0, 0);
    expect(rig.takeFault()).toEqual([14, 8]);
  });

  it('keeps global pages over a flush that is not', () => {
    const rig = longMode();
    rig.S[CR4] = CR4_PAE | CR4_PGE;
    map(rig, 1, 0x81, P | G);
    map(rig, 2, 0x82, P);
    rig.cpu.load8(0x1000, 0);
    rig.cpu.load8(0x2000, 0);
    map(rig, 1, 0, 0);
    map(rig, 2, 0, 0);
    const generation = rig.S[CODE_GENERATION] ?? 0;
    rig.cpu.flushTlb(false);
    expect(rig.S[CODE_GENERATION]).toBe(generation + 1);
    rig.cpu.load8(0x1000, 0);
    expect(rig.takeFault()).toBeUndefined();
    rig.cpu.load8(0x2000, 0);
    expect(rig.takeFault()).toEqual([14, 0]);
    rig.cpu.flushTlb(true);
    rig.cpu.load8(0x1000, 0);
    expect(rig.takeFault()).toEqual([14, 0]);
  });
});

describe('code pages and MMIO', () => {
  it('reports writes to code pages before they happen, and lets them be fast again when the page is none', () => {
    const rig = longMode();
    map(rig, 1, 0x81, P | W | D);
    asUser(rig);
    map(rig, 1, 0x81, P | W | U | D);
    rig.cpu.store8(0x1000, 0, 1);
    expect(rig.cpu.tlb[TLB_WORDS + 4 + TLB_WRITE]).toBe(0x1000);
    const seen: number[] = [];
    const codePage = rig.memory.locate(0x81000) >>> 12;
    rig.memory.codePages[codePage] = 1;
    rig.memory.onCodeWrite((page) => {
      seen.push(page, rig.peek32(0x81000));
      rig.memory.codePages[page] = 0;
    });
    rig.cpu.dropWriteTags(codePage);
    rig.cpu.store32(0x1000, 0, 0x99);
    expect(seen).toEqual([codePage, 1]);
    rig.cpu.store32(0x1000, 0, 0x98);
    expect(rig.peek32(0x81000)).toBe(0x98);
    expect(rig.cpu.tlb[TLB_WORDS + 4 + TLB_WRITE]).toBe(0x1000);
  });

  it('passes what is not RAM to the host, each time', () => {
    const rig = longMode();
    map(rig, 1, 0xfee00, P | W);
    map(rig, 2, 0xa0, P | W);
    rig.host.answer = 0xfedcba98;
    expect(rig.cpu.load32(0x1020, 0)).toBe(0xfedcba98 | 0);
    rig.cpu.store32(0x10b0, 0, -1);
    rig.cpu.store64(0x2000, 0, -2, 3);
    rig.cpu.store16(0x2ff0, 0, -1);
    expect(rig.host.log).toEqual([
      'read4 fee00020',
      'write4 fee000b0 ffffffff',
      'write4 a0000 fffffffe',
      'write4 a0004 3',
      'write2 a0ff0 ffff',
    ]);
    expect(rig.cpu.mmu.translateCode(0x1000, 0)).toBe(-2);
  });
});

describe('32-bit paging', () => {
  it('has 4 KiB and 4 MiB pages, and PSE-36 bits', () => {
    const rig = new VcpuRig();
    rig.poke32(0x10000, 0x11000 | P | W);
    rig.poke32(0x10004, P | W | PS);
    rig.poke32(0x10008, P | W | PS | (1 << 13));
    rig.poke32(0x1000c, P | W | PS | (1 << 21));
    rig.poke32(0x11000 + 4 * 3, 0x85000 | P | W);
    rig.S[CR3_LO] = 0x10000;
    rig.S[CR4] = CR4_PSE;
    rig.S[CR0] = CR0_PE | CR0_PG;
    rig.cpu.updateMode();
    rig.poke32(0x85000, 0x77);
    expect(rig.cpu.load32(0x3000, 0)).toBe(0x77);
    expect(rig.cpu.load32(0x485000, 0)).toBe(0x77);
    rig.cpu.load32(0x800010, 0);
    expect(rig.host.log).toEqual(['read4 100000010']);
    rig.cpu.load32(0xc00000, 0);
    expect(rig.takeFault()).toEqual([14, 8]);
    rig.cpu.store32(-2, 0, 0);
    expect(rig.takeFault()).toEqual([14, 2]);
  });

  it('PAE reads its pointers at the CR3 load and refuses reserved bits', () => {
    const rig = new VcpuRig();
    rig.poke64(0x10020, 0x12000 | P, 0);
    rig.poke64(0x12000, P | W | PS, 0);
    rig.S[CR4] = CR4_PAE;
    expect(loadPdptrs(rig.S, rig.memory, 0x10020)).toBe(true);
    rig.S[CR3_LO] = 0x10020;
    rig.S[CR0] = CR0_PE | CR0_PG;
    rig.cpu.updateMode();
    rig.poke64(0x10020, 0, 0);
    rig.poke32(0x5000, 0x31);
    expect(rig.cpu.load32(0x5000, 0)).toBe(0x31);
    rig.cpu.load32(0x40000000, 0);
    expect(rig.takeFault()).toEqual([14, 0]);
    rig.poke64(0x10028, P | W, 0);
    expect(loadPdptrs(rig.S, rig.memory, 0x10020)).toBe(false);
  });
});
