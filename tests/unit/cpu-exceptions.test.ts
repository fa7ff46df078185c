import { describe, expect, it } from 'vitest';
import {
  CPL,
  CR0,
  CR0_PG,
  CR3_LO,
  CR4,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFLAGS,
  FAULT,
  FAULT_TRIPLE,
  FLAG_IF,
  FLAG_TF,
  FLAG_VM,
  IDTR_LIMIT,
  IDTR_LO,
  NEXT_LO,
  RIP_HI,
  RIP_LO,
  RSP,
  SEG_ATTR,
  SEG_BASE_LO,
  SEG_CS,
  SEG_DS,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SS,
  SEG_TR,
} from '../../src/emu/cpu/state.ts';
import { deliver, deliverFault } from '../../src/emu/cpu/system/exceptions.ts';
import { SYSTEM_OPS } from '../../src/emu/cpu/system/system-ops.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

const IDT = 0x2000;
const TSS = 0x3000;

function gate32(rig: VcpuRig, vector: number, type: number, selector = 8, offset = 0x5000 + vector): void {
  rig.poke64(IDT + 8 * vector, (selector << 16) | (offset & 0xffff), (offset & 0xffff0000) | (type << 8));
}

function protectedRig(cpl: number): VcpuRig {
  const rig = new VcpuRig();
  rig.protectedMode(cpl);
  const S = rig.S;
  S[IDTR_LO] = IDT;
  S[IDTR_LIMIT] = 0x7ff;
  rig.setSegment(SEG_TR, 0x40, 0x8b00, 0x67, TSS);
  rig.poke32(TSS + 4, 0x9000);
  rig.poke32(TSS + 8, 0x10);
  S[RSP] = 0x8000;
  S[RIP_LO] = 0x1234;
  S[NEXT_LO] = 0x1236;
  return rig;
}

function longRig(cpl: number): VcpuRig {
  const rig = new VcpuRig();
  const S = rig.S;
  for (let i = 0; i < 2; i++) rig.poke64(0x12000 + 8 * i, (i << 21) | 0xe7, 0);
  rig.poke64(0x10000, 0x11007, 0);
  rig.poke64(0x11000, 0x12007, 0);
  S[CR3_LO] = 0x10000;
  S[CR0] = CR0_PG;
  S[CR4] = CR4_PAE;
  rig.protectedMode(cpl, EFER_LME | EFER_LMA);
  S[IDTR_LO] = IDT;
  S[IDTR_LIMIT] = 0xfff;
  rig.setSegment(SEG_TR, 0x40, 0x8b00, 0x67, TSS);
  rig.poke64(TSS + 4, 0x9008, 0);
  rig.poke64(TSS + 36, 0xa000, 0);
  S[RSP] = 0x8008;
  S[RIP_LO] = 0x1234;
  S[NEXT_LO] = 0x1236;
  return rig;
}

function gate64(rig: VcpuRig, vector: number, ist: number, type = 0x8e): void {
  rig.poke64(IDT + 16 * vector, 0x00285000 | vector, (type << 8) | ist | 0x00010000);
  rig.poke64(IDT + 16 * vector + 8, 0, 0);
}

describe('real mode', () => {
  it('goes through the vector table', () => {
    const rig = new VcpuRig();
    const S = rig.S;
    rig.poke32(0x10 * 4, 0xc0001234);
    S[RSP] = 0x100;
    S[SEG_SS + SEG_BASE_LO] = 0x7000;
    S[NEXT_LO] = 0xfff2;
    S[EFLAGS] = 0x302;
    SYSTEM_OPS.intN.run(rig.cpu, 16, 0, 0, 0x10, 0);
    expect(S[SEG_CS + SEG_BASE_LO]).toBe(0xc0000);
    expect(S[RIP_LO]).toBe(0x1234);
    expect(S[RSP]).toBe(0xfa);
    expect(rig.peek32(0x70fa)).toBe(0xf000fff2);
    expect(rig.peek32(0x70fe) & 0xffff).toBe(0x302);
    expect((S[EFLAGS] ?? 0) & (FLAG_IF | FLAG_TF)).toBe(0);
    SYSTEM_OPS.iret.run(rig.cpu, 16, 0, 0, 0, 0);
    expect([S[SEG_CS + SEG_SELECTOR], S[RIP_LO], S[RSP], S[EFLAGS]]).toEqual([0xf000, 0xfff2, 0x100, 0x302]);
  });
});

describe('protected mode', () => {
  it('pushes flags, CS, EIP and the error code on the same stack', () => {
    const rig = protectedRig(0);
    gate32(rig, 13, 0x8e);
    rig.S[EFLAGS] = FLAG_IF | 2;
    rig.cpu.raise(13, 0x18);
    deliverFault(rig.cpu);
    const S = rig.S;
    expect(S[FAULT]).toBe(0);
    expect([S[RIP_LO], S[RSP], S[EFLAGS]]).toEqual([0x500d, 0x7ff0, 2]);
    expect([0, 4, 8, 12].map((at) => rig.peek32(0x7ff0 + at))).toEqual([0x18, 0x1234, 8, 0x202]);
  });

  it('switches to the stack of the TSS from user mode, and IRET comes back', () => {
    const rig = protectedRig(3);
    gate32(rig, 0x80, 0xef);
    SYSTEM_OPS.intN.run(rig.cpu, 32, 0, 0, 0x80, 0);
    const S = rig.S;
    expect([S[CPL], S[RSP], S[SEG_SS + SEG_SELECTOR], S[RIP_LO]]).toEqual([0, 0x8fec, 0x10, 0x5080]);
    expect([0, 4, 8, 12, 16].map((at) => rig.peek32(0x8fec + at))).toEqual([0x1236, 0x1b, 2, 0x8000, 0x23]);
    S[SEG_DS + SEG_ATTR] = 0xc09300;
    SYSTEM_OPS.iret.run(rig.cpu, 32, 0, 0, 0, 0);
    expect([S[CPL], S[RSP], S[SEG_SS + SEG_SELECTOR], S[RIP_LO]]).toEqual([3, 0x8000, 0x23, 0x1236]);
    expect(S[SEG_DS + SEG_ATTR]).toBe(0);
  });

  it('refuses software interrupts through gates of more privilege, without touching the stack', () => {
    const rig = protectedRig(3);
    gate32(rig, 0x21, 0x8e);
    SYSTEM_OPS.intN.run(rig.cpu, 32, 0, 0, 0x21, 0);
    expect(rig.takeFault()).toEqual([13, 0x21 * 8 + 2]);
    expect(rig.S[RSP]).toBe(0x8000);
    deliver(rig.cpu, 0x21, 'interrupt', undefined);
    expect(rig.S[RIP_LO]).toBe(0x5021);
    expect(rig.peek32(0x8fec)).toBe(0x1234);
  });

  it('makes double and triple faults', () => {
    const rig = protectedRig(0);
    gate32(rig, 8, 0x8e);
    deliver(rig.cpu, 13, 'fault', 0);
    expect(rig.S[RIP_LO]).toBe(0x5008);
    expect(rig.peek32(0x7ff0)).toBe(0);
    const other = protectedRig(0);
    deliver(other.cpu, 14, 'fault', 0);
    expect(other.S[FAULT]).toBe(FAULT_TRIPLE);
    const benign = protectedRig(0);
    gate32(benign, 13, 0x8e);
    deliver(benign.cpu, 6, 'fault', undefined);
    expect(benign.S[RIP_LO]).toBe(0x500d);
    expect(benign.peek32(0x7ff0)).toBe(6 * 8 + 2);
  });

  it('leaves virtual-8086 mode with null data segments and returns to it', () => {
    const rig = protectedRig(0);
    gate32(rig, 0x20, 0x8e);
    const S = rig.S;
    S[RSP] = 0x8000 - 36;
    [0x123, 0x2000, FLAG_VM | FLAG_IF, 0x700, 0x3000, 0x40, 0x50, 0x60, 0x70].forEach((word, i) => {
      rig.poke32(0x8000 - 36 + 4 * i, word);
    });
    SYSTEM_OPS.iret.run(rig.cpu, 32, 0, 0, 0, 0);
    expect([S[CPL], S[RIP_LO], S[SEG_CS + SEG_BASE_LO], S[SEG_DS + SEG_BASE_LO]]).toEqual([
      3, 0x123, 0x20000, 0x500,
    ]);
    deliver(rig.cpu, 0x20, 'interrupt', undefined);
    expect([S[CPL], S[RIP_LO], S[SEG_DS + SEG_ATTR], S[RSP]]).toEqual([0, 0x5020, 0, 0x9000 - 36]);
    expect((S[EFLAGS] ?? 0) & FLAG_VM).toBe(0);
    expect(rig.peek32(0x9000 - 4)).toBe(0x70);
    expect(rig.peek32(0x9000 - 36)).toBe(0x123);
  });
});

describe('long mode', () => {
  it('always pushes five words on an aligned stack', () => {
    const rig = longRig(0);
    gate64(rig, 14, 0);
    deliver(rig.cpu, 14, 'fault', 2);
    const S = rig.S;
    expect([S[RIP_LO], S[RIP_HI], S[RSP]]).toEqual([0x1500e, 0, 0x8000 - 48]);
    expect([0, 8, 16, 24, 32, 40].map((at) => rig.peek32(0x8000 - 48 + at))).toEqual([
      2, 0x1234, 0x28, 2, 0x8008, 0x10,
    ]);
    S[RSP] = (S[RSP] ?? 0) + 8;
    SYSTEM_OPS.iret.run(rig.cpu, 64, 0, 0, 0, 0);
    expect([S[RIP_LO], S[RSP], S[SEG_SS + SEG_SELECTOR]]).toEqual([0x1234, 0x8008, 0x10]);
  });

  it('takes RSP0 from user mode with a null SS, and IST when the gate says so', () => {
    const rig = longRig(3);
    gate64(rig, 0x20, 0);
    deliver(rig.cpu, 0x20, 'interrupt', undefined);
    const S = rig.S;
    expect([S[CPL], S[RSP], S[SEG_SS + SEG_SELECTOR]]).toEqual([0, 0x9000 - 40, 0]);
    SYSTEM_OPS.iret.run(rig.cpu, 64, 0, 0, 0, 0);
    expect([S[CPL], S[RSP], S[SEG_SS + SEG_SELECTOR], S[RIP_LO]]).toEqual([3, 0x8008, 0x23, 0x1234]);
    gate64(rig, 2, 1);
    deliver(rig.cpu, 2, 'interrupt', undefined);
    expect(S[RSP]).toBe(0xa000 - 40);
  });

  it('raises #GP with the vector for gates that are not there', () => {
    const rig = longRig(0);
    rig.S[IDTR_LIMIT] = 13 * 16 + 15;
    gate64(rig, 13, 0);
    deliver(rig.cpu, 0x80, 'interrupt', undefined);
    expect(rig.peek32(rig.S[RSP] ?? 0)).toBe(0x80 * 16 + 2);
    rig.S[SEG_TR + SEG_LIMIT] = 0x67;
  });
});
