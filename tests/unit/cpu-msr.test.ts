import { describe, expect, it } from 'vitest';
import { QEMU64 } from '../../src/emu/cpu/models/cpu-identity.ts';
import {
  APIC_BASE_LO,
  CPL,
  CR0,
  CR0_PG,
  EFER,
  EFER_LMA,
  RAX,
  RCX,
  RDX,
  SEG_BASE_HI,
  SEG_FS,
} from '../../src/emu/cpu/state.ts';
import { cpuidLeaf } from '../../src/emu/cpu/system/cpuid.ts';
import { SYSTEM_OPS } from '../../src/emu/cpu/system/system-ops.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

function read(rig: VcpuRig, msr: number): readonly [number, number] {
  rig.S[RCX] = msr;
  SYSTEM_OPS.rdmsr.run(rig.cpu, 32, 0, 0, 0, 0);
  return [(rig.S[RDX] ?? 0) >>> 0, (rig.S[RAX] ?? 0) >>> 0];
}

function write(rig: VcpuRig, msr: number, hi: number, lo: number): readonly [number, number] | undefined {
  rig.S[RCX] = msr;
  rig.S[RAX] = lo;
  rig.S[RDX] = hi;
  SYSTEM_OPS.wrmsr.run(rig.cpu, 32, 0, 0, 0, 0);
  return rig.takeFault();
}

describe('MSRs after reset, as QEMU 7.2 shows them', () => {
  const rig = new VcpuRig();
  for (const [msr, hi, lo] of [
    [0x1b, 0, 0xfee00900],
    [0x8b, 0, 0x01000065],
    [0xfe, 0, 0x508],
    [0x179, 0, 0x0100010a],
    [0x17a, 0, 0],
    [0x17b, 0xffffffff, 0xffffffff],
    [0x198, 0x400, 0x3e8],
    [0x1a0, 0, 1],
    [0x277, 0x00070406, 0x00070406],
    [0x400, 0xffffffff, 0xffffffff],
    [0x401, 0, 0],
    [0x424, 0xffffffff, 0xffffffff],
    [0x428, 0, 0],
    [0xc0000080, 0, 0],
    [0x12345, 0, 0],
  ] as const) {
    it(msr.toString(16), () => expect(read(rig, msr)).toEqual([hi, lo]));
  }
});

describe('writes', () => {
  it('store, check for reserved types, and obey privilege', () => {
    const rig = new VcpuRig();
    expect(write(rig, 0xc0000100, -1, 0x1000)).toBeUndefined();
    expect(rig.S[SEG_FS + SEG_BASE_HI]).toBe(-1);
    expect(write(rig, 0x277, 0x02000000, 0)).toEqual([13, 0]);
    expect(write(rig, 0x250, 0x06060606, 0x06060606)).toBeUndefined();
    expect(read(rig, 0x250)).toEqual([0x06060606, 0x06060606]);
    expect(write(rig, 0x999, 1, 1)).toBeUndefined();
    rig.protectedMode(3);
    expect(write(rig, 0x250, 0, 0)).toEqual([13, 0]);
    expect(rig.S[CPL]).toBe(3);
  });

  it('EFER keeps LMA and refuses LME under paging', () => {
    const rig = new VcpuRig();
    write(rig, 0xc0000080, 0, 0xffffffff);
    expect(read(rig, 0xc0000080)).toEqual([0, 0x901]);
    rig.S[CR0] = (rig.S[CR0] ?? 0) | CR0_PG;
    rig.S[EFER] = 0x900 | EFER_LMA;
    expect(write(rig, 0xc0000080, 0, 0)).toEqual([13, 0]);
  });

  it('the time-stamp counter counts nanoseconds from what was written', () => {
    const rig = new VcpuRig();
    rig.host.time = 5_000_000_000;
    write(rig, 0x10, 7, 0xfffffff0);
    rig.host.time += 0x20;
    SYSTEM_OPS.rdtsc.run(rig.cpu, 32, 0, 0, 0, 0);
    expect([rig.S[RDX], rig.S[RAX]]).toEqual([8, 0x10]);
    write(rig, 0x10, 0, 0);
    rig.host.time += 3;
    expect(read(rig, 0x10)).toEqual([0, 3]);
  });
});

describe('CPUID of qemu64', () => {
  const one = { apicId: 0, sockets: 1, cores: 1, threads: 1 };
  const hex = (words: readonly number[]): string[] => words.map((word) => (word >>> 0).toString(16));

  it('answers as recorded from QEMU, less SVM', () => {
    const leaf = (number: number, sub = 0): string[] => hex(cpuidLeaf(QEMU64, number, sub, one, true));
    expect(leaf(0)).toEqual(['d', '68747541', '444d4163', '69746e65']);
    expect(leaf(1)).toEqual(['60fb1', '800', '80002001', '78bfbfd']);
    expect(leaf(5)).toEqual(['0', '0', '3', '0']);
    expect(leaf(0xb)).toEqual(['0', '1', '100', '0']);
    expect(leaf(0xb, 1)).toEqual(['0', '1', '201', '0']);
    expect(leaf(0xb, 2)).toEqual(['0', '0', '2', '0']);
    expect(leaf(0x40000000)).toEqual(['40000001', '54474354', '43544743', '47435447']);
    expect(leaf(0x80000001)).toEqual(['60fb1', '0', '1', '2193fbfd']);
    expect(leaf(0x80000002)).toEqual(['554d4551', '72695620', '6c617574', '55504320']);
    expect(leaf(0x80000003)).toEqual(['72657620', '6e6f6973', '352e3220', '2b']);
    expect(leaf(0x80000006)).toEqual(['0', '42004200', '2008140', '808140']);
    expect(leaf(0x80000008)).toEqual(['3028', '0', '0', '0']);
    expect(leaf(0xc0000000)).toEqual(['0', '0', '0', '0']);
  });

  it('describes the topology', () => {
    const four = { apicId: 3, sockets: 1, cores: 2, threads: 2 };
    expect(hex(cpuidLeaf(QEMU64, 1, 0, four, true))).toEqual(['60fb1', '3040800', '80002001', '178bfbfd']);
    expect(hex(cpuidLeaf(QEMU64, 0xb, 0, four, true))).toEqual(['1', '2', '100', '3']);
    expect(hex(cpuidLeaf(QEMU64, 0xb, 1, four, true))).toEqual(['2', '4', '201', '3']);
    expect(hex(cpuidLeaf(QEMU64, 0x80000008, 0, four, true))).toEqual(['3028', '0', '2003', '0']);
  });

  it('hides the APIC when it is off, and EDX after reset is the signature', () => {
    const rig = new VcpuRig();
    expect(rig.S[RDX]).toBe(QEMU64.signature);
    rig.S[APIC_BASE_LO] = 0;
    rig.S[RAX] = 1;
    SYSTEM_OPS.cpuid.run(rig.cpu, 32, 0, 0, 0, 0);
    expect((rig.S[RDX] ?? 0) & 0x200).toBe(0);
  });
});
