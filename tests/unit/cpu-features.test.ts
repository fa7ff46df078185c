import { describe, expect, it } from 'vitest';
import { repeatableBytes } from '../../src/emu/core/entropy.ts';
import {
  CPUID_7_0_EBX_SMAP,
  CPUID_7_0_ECX_UMIP,
  CPUID_EXT_RDRAND,
  CPUID_EXT2_LM,
  CPUID_SSE,
  type CpuFeatures,
  EXECUTED_FEATURES,
  FEATURE_WORDS,
  hasFeature,
  QEMU64_FEATURES,
  withFeatures,
  withoutFeatures,
} from '../../src/emu/cpu/cpu-features.ts';
import {
  CR4,
  CR4_FSGSBASE,
  CR4_OSFXSR,
  CR4_SMAP,
  CR4_SMEP,
  CR4_UMIP,
  EFER,
  EFER_LME,
  EFER_SCE,
  MODE,
  MODE_CODE64,
  RAX,
  TSC_AUX,
} from '../../src/emu/cpu/state.ts';
import { movToCr } from '../../src/emu/cpu/system/control-registers.ts';
import { cpuidLeaf } from '../../src/emu/cpu/system/cpuid.ts';
import { IA32_EFER, IA32_TSC_AUX, writeMsr } from '../../src/emu/cpu/system/msr.ts';
import { initState } from '../../src/emu/cpu/system/reset.ts';
import { SYSTEM_OPS } from '../../src/emu/cpu/system/system-ops.ts';
import { Machine } from '../../src/emu/index.ts';
import { ABLEST, cpuWith } from '../support/featured-cpu.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { tinyKernel } from '../support/tiny-kernel.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

const ONE = { apicId: 0, sockets: 1, cores: 1, threads: 1 };
const CARRY = 1;
const ARITHMETIC = 0x8d5;

function rigWith(features: CpuFeatures): VcpuRig {
  return new VcpuRig(ONE, undefined, cpuWith(features));
}

describe('feature words', () => {
  it('are asked and changed bit by bit', () => {
    const more = withFeatures(QEMU64_FEATURES, [CPUID_EXT_RDRAND, CPUID_7_0_ECX_UMIP]);
    expect(hasFeature(QEMU64_FEATURES, CPUID_EXT_RDRAND)).toBe(false);
    expect(hasFeature(more, CPUID_EXT_RDRAND)).toBe(true);
    expect(hasFeature(more, CPUID_7_0_ECX_UMIP)).toBe(true);
    expect(withoutFeatures(more, [CPUID_EXT_RDRAND, CPUID_7_0_ECX_UMIP])).toEqual(QEMU64_FEATURES);
    expect(QEMU64_FEATURES).toHaveLength(FEATURE_WORDS);
  });

  it('of qemu64 are among those that the core executes', () => {
    expect(QEMU64_FEATURES.map((word, at) => word & ~(EXECUTED_FEATURES[at] ?? 0))).toEqual(
      Array(FEATURE_WORDS).fill(0),
    );
  });

  it('are what CPUID answers', () => {
    const leaf = (number: number, sub = 0): string[] =>
      cpuidLeaf(ABLEST, number, sub, ONE, true).map((word) => (word >>> 0).toString(16));
    expect(leaf(1).slice(2)).toEqual(['c0d82201', 'fcbfbfd']);
    expect(leaf(6)).toEqual(['4', '0', '0', '0']);
    expect(leaf(7)).toEqual(['0', '1980389', '4', '0']);
    expect(leaf(7, 1)).toEqual(['0', '0', '0', '0']);
    expect(leaf(0xd, 1)).toEqual(['0', '0', '0', '0']);
    expect(leaf(0x80000001).slice(2)).toEqual(['21', '29d3fbfd']);
  });
});

describe('bits of control registers', () => {
  const GUARDED = [CR4_UMIP, CR4_FSGSBASE, CR4_SMEP, CR4_SMAP];

  function writeCr4(rig: VcpuRig, value: number): readonly [number, number] | undefined {
    rig.S[RAX] = value;
    rig.S[RAX + 1] = 0;
    movToCr(rig.cpu, 32, 4, 0);
    return rig.takeFault();
  }

  it('are reserved without their feature', () => {
    const [none, all] = [rigWith(QEMU64_FEATURES), rigWith(EXECUTED_FEATURES)];
    for (const bit of GUARDED) {
      expect(writeCr4(none, bit)).toEqual([13, 0]);
      expect(none.S[CR4]).toBe(0);
      expect(writeCr4(all, bit)).toBeUndefined();
      expect(all.S[CR4]).toBe(bit);
    }
    const smap = rigWith(withFeatures(QEMU64_FEATURES, [CPUID_7_0_EBX_SMAP]));
    expect(GUARDED.map((bit) => writeCr4(smap, bit) === undefined)).toEqual([false, false, false, true]);
  });

  it('QEMU: CR4.OSFXSR stays clear without SSE, LME without long mode', () => {
    const rig = rigWith(withoutFeatures(QEMU64_FEATURES, [CPUID_SSE, CPUID_EXT2_LM]));
    expect(writeCr4(rig, CR4_OSFXSR)).toBeUndefined();
    expect(rig.S[CR4]).toBe(0);
    expect(writeMsr(rig.cpu, IA32_EFER, EFER_LME | EFER_SCE, 0)).toBe(true);
    expect(rig.S[EFER]).toBe(EFER_SCE);
  });

  it('TSC_AUX survives INIT', () => {
    const rig = rigWith(EXECUTED_FEATURES);
    writeMsr(rig.cpu, IA32_TSC_AUX, 0x1005, 0);
    initState(rig.S, true, ABLEST.signature);
    expect(rig.S[TSC_AUX]).toBe(0x1005);
  });
});

describe('RDRAND', () => {
  it.each([
    [16, 0x1122_a5a5, 0x3344],
    [32, 0xa5a5_a5a5, 0],
    [64, 0xa5a5_a5a5, 0xa5a5_a5a5],
  ])('of %i bits is what the host gives, and CF alone', (size, lo, hi) => {
    const rig = rigWith(EXECUTED_FEATURES);
    rig.host.answer = 0xa5;
    rig.S[MODE] |= MODE_CODE64;
    rig.S[RAX] = 0x1122_3344;
    rig.S[RAX + 1] = 0x3344;
    rig.cpu.writeFlags(ARITHMETIC & ~CARRY);
    SYSTEM_OPS.rdrand.run(rig.cpu, size, 0, 0, 0, 0);
    expect([rig.S[RAX], rig.S[RAX + 1]].map((word) => (word ?? 0) >>> 0)).toEqual([lo, hi]);
    expect(rig.cpu.readFlags() & ARITHMETIC).toBe(CARRY);
  });

  function bytesOf(icountShift?: number): string {
    const machine = new Machine(
      {
        memoryBytes: 4 << 20,
        kernel: tinyKernel([0xf4]),
        ...(icountShift === undefined ? {} : { icountShift }),
      },
      {
        monotonicNs: () => 0,
        wallClockMs: () => 0,
        after() {},
        random: (bytes) => bytes.fill(0x42),
        images: memoryImages(),
        notice() {},
      },
    );
    const bytes = new Uint8Array(8);
    machine.engine.cpu.host.random(bytes);
    return Buffer.from(bytes).toString('hex');
  }

  it('is the entropy of the host; with -icount it depends on the count of instructions alone', () => {
    expect(bytesOf()).toBe('42'.repeat(8));
    expect(bytesOf(5)).not.toBe('42'.repeat(8));
    expect(bytesOf(5)).toBe(bytesOf(5));
  });

  it('gives other bytes at the next instruction', () => {
    const seen = new Set<string>();
    const bytes = new Uint8Array(8);
    for (const from of [0, 2 ** 31 - 500, 2 ** 32 - 500, 2 ** 45]) {
      for (let number = from; number < from + 1000; number++) {
        repeatableBytes(bytes, number);
        seen.add(Buffer.from(bytes).toString('hex'));
      }
    }
    expect(seen.size).toBe(4000);
  });
});
