import { describe, expect, it } from 'vitest';
import {
  CR0,
  EA_LO,
  MODE,
  MODE_CODE32,
  MODE_FLAT,
  MODE_REAL,
  MODE_STACK32,
  MODE_USER,
  RAX,
  RSP,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
  SEG_TR,
  SHADOW,
} from '../../src/emu/cpu/state.ts';
import { SYSTEM_OPS } from '../../src/emu/cpu/system/system-ops.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

function protectedRig(cpl: number): VcpuRig {
  const rig = new VcpuRig();
  rig.protectedMode(cpl);
  rig.S[RSP] = 0x8000;
  return rig;
}

/** MOV `segment`, AX. */
function load(rig: VcpuRig, segment: number, selector: number): readonly [number, number] | undefined {
  rig.S[RAX] = selector;
  SYSTEM_OPS.movToSeg.run(rig.cpu, 16, (segment - SEG_ES) / 8, 0, 0, 0);
  return rig.takeFault();
}

describe('MOV Sreg', () => {
  it('in real mode sets the base and leaves the limit', () => {
    const rig = new VcpuRig();
    rig.S[SEG_DS + SEG_LIMIT] = -1;
    expect(load(rig, SEG_DS, 0x1234)).toBeUndefined();
    expect([rig.S[SEG_DS + SEG_BASE_LO], rig.S[SEG_DS + SEG_LIMIT]]).toEqual([0x12340, -1]);
    expect((rig.S[MODE] ?? 0) & MODE_REAL).toBe(MODE_REAL);
  });

  it('reads descriptors with base, scaled limit and accessed bit', () => {
    const rig = protectedRig(0);
    rig.gdt(7, 0x56780fff, 0x12409234);
    expect(load(rig, SEG_ES, 0x38)).toBeUndefined();
    expect([SEG_BASE_LO, SEG_LIMIT, SEG_ATTR].map((at) => rig.S[SEG_ES + at])).toEqual([
      0x12345678, 0xfff, 0x409300,
    ]);
    expect(rig.peek32(0x1000 + 0x3c)).toBe(0x12409334);
    expect((rig.S[MODE] ?? 0) & MODE_FLAT).toBe(0);
    expect(load(rig, SEG_ES, 0x10)).toBeUndefined();
    expect(rig.S[MODE]).toBe(MODE_FLAT | MODE_CODE32 | MODE_STACK32);
  });

  it('gives the error codes of the manual', () => {
    const rig = protectedRig(3);
    rig.gdt(7, 0xffff, 0xcf7300);
    rig.gdt(8, 0xffff, 0xcff900);
    rig.gdt(9, 0xffff, 0xcfb300);
    expect(load(rig, SEG_DS, 0x10)).toEqual([13, 0x10]);
    expect(load(rig, SEG_DS, 0x3b)).toEqual([11, 0x38]);
    expect(load(rig, SEG_DS, 0x43)).toEqual([13, 0x40]);
    expect(load(rig, SEG_DS, 0x103)).toEqual([13, 0x100]);
    expect(load(rig, SEG_DS, 0x1b)).toBeUndefined();
    expect(load(rig, SEG_DS, 0x24 | 3)).toEqual([13, 0x24]);
    expect(load(rig, SEG_SS, 0)).toEqual([13, 0]);
    expect(load(rig, SEG_SS, 0x20)).toEqual([13, 0x20]);
    expect(load(rig, SEG_SS, 0x1b)).toEqual([13, 0x18]);
    expect(load(rig, SEG_SS, 0x3b)).toEqual([12, 0x38]);
    expect(load(rig, SEG_DS, 0)).toBeUndefined();
    expect(rig.S[SEG_DS + SEG_ATTR]).toBe(0);
    expect((rig.S[MODE] ?? 0) & (MODE_FLAT | MODE_USER)).toBe(MODE_USER);
    SYSTEM_OPS.movToSeg.run(rig.cpu, 16, 1, 0, 0, 0);
    expect(rig.takeFault()?.[0]).toBe(6);
  });

  it('holds interrupts off after SS only, and POP SS reads the old stack', () => {
    const rig = protectedRig(0);
    load(rig, SEG_DS, 0x10);
    expect(rig.S[SHADOW]).toBe(0);
    rig.poke32(0x8000, 0x10);
    SYSTEM_OPS.popSeg.run(rig.cpu, 32, 2, 0, 0, 0);
    expect([rig.S[SHADOW], rig.S[RSP], rig.S[SEG_SS + SEG_SELECTOR]]).toEqual([1, 0x8004, 0x10]);
  });

  it('LFS changes nothing when the selector is bad', () => {
    const rig = protectedRig(3);
    rig.poke32(0x6000, 0x11223344);
    rig.poke32(0x6004, 0x10);
    rig.S[EA_LO] = 0x6000;
    SYSTEM_OPS.loadFarPointer.run(rig.cpu, 32, 0, -1, 4, 0);
    expect(rig.takeFault()).toEqual([13, 0x10]);
    expect(rig.S[RAX]).toBe(0);
    rig.poke32(0x6004, 0x23);
    SYSTEM_OPS.loadFarPointer.run(rig.cpu, 32, 0, -1, 4, 0);
    expect([rig.S[RAX], rig.S[SEG_FS + SEG_SELECTOR]]).toEqual([0x11223344, 0x23]);
  });
});

describe('system segments', () => {
  it('LTR marks the TSS busy and refuses a busy one', () => {
    const rig = protectedRig(0);
    rig.gdt(8, 0x30000067, 0x00008900);
    rig.S[RAX] = 0x40;
    SYSTEM_OPS.ltr.run(rig.cpu, 16, 0, 0, 0, 0);
    expect(rig.takeFault()).toBeUndefined();
    expect([rig.S[SEG_TR + SEG_BASE_LO], rig.S[SEG_TR + SEG_LIMIT], rig.S[SEG_TR + SEG_ATTR]]).toEqual([
      0x3000, 0x67, 0x8b00,
    ]);
    SYSTEM_OPS.ltr.run(rig.cpu, 16, 0, 0, 0, 0);
    expect(rig.takeFault()).toEqual([13, 0x40]);
    rig.S[CR0] = 0;
    rig.cpu.updateMode();
    SYSTEM_OPS.str.run(rig.cpu, 16, 0, 0, 0, 0);
    expect(rig.takeFault()).toEqual([6, 0]);
  });

  it('LAR, LSL, VERR and VERW answer by ZF', () => {
    const rig = protectedRig(3);
    const zf = (op: 'lar' | 'lsl' | 'verr' | 'verw', selector: number): boolean => {
      rig.S[RAX] = selector;
      SYSTEM_OPS[op].run(rig.cpu, 32, 1, 0, 0, 0);
      return (rig.cpu.readFlags() & 0x40) !== 0;
    };
    expect(zf('lar', 0x23)).toBe(true);
    expect(rig.S[2]).toBe(0xc0f300);
    expect(zf('lsl', 0x23)).toBe(true);
    expect(rig.S[2]).toBe(-1);
    expect(zf('lar', 0x10)).toBe(false);
    expect(zf('lar', 0)).toBe(false);
    expect(zf('lsl', 0x7ff3)).toBe(false);
    expect(zf('verr', 0x1b)).toBe(true);
    expect(zf('verw', 0x1b)).toBe(false);
    expect(zf('verw', 0x23)).toBe(true);
    expect(rig.takeFault()).toBeUndefined();
  });
});
