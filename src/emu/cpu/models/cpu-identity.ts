/** Who a processor says that it is: what CPUID tells besides its place among others. */
import { type CpuFeatures, QEMU64_FEATURES } from '../cpu-features.ts';

export interface CpuIdentity {
  /** QEMU's device type: `qemu64-x86_64-cpu`. */
  readonly type: string;
  /** Twelve characters; empty: twelve NULs. */
  readonly vendor: string;
  /** Leaf 1 EAX, and EDX after reset. */
  readonly signature: number;
  /** The brand string. */
  readonly modelId: string;
  /** Highest basic and extended leaf; an extended one of 0: there are none. */
  readonly level: number;
  readonly xlevel: number;
  /** Highest leaf from C0000000 on; 0: there are none. */
  readonly xlevel2: number;
  /** Highest subleaf of leaf 7. */
  readonly level7: number;
  readonly features: CpuFeatures;
  readonly caches: CacheLeaves;
  /** Leaf 0xb tells of the topology; else it is empty. */
  readonly topologyLeaf: boolean;
  /** Leaves 0x40000000 and 0x40000001, which name the emulator. */
  readonly hypervisorLeaves: boolean;
  /** IA32_BIOS_SIGN_ID, of 64 bits. */
  readonly microcode: bigint;
  /** What QEMU says of each processor that is made: what of the model is masked. */
  readonly warnings: readonly string[];
}

export interface CacheLeaves {
  /** There is a third level. */
  readonly l3: boolean;
  /** QEMU: leaves 2 and 4 are Intel's; older machines answer them on AMD's processors too. */
  readonly intel: boolean;
}

export const AMD = 'AuthenticAMD';
export const INTEL = 'GenuineIntel';

/** QEMU: the revision of the microcode, when it is not given. */
export function microcodeOf(vendor: string): bigint {
  return vendor === AMD ? 0x01000065n : 0x1_0000_0000n;
}

const FAMILY_MAX = 0xf;

/** Spec: SDM vol. 2, CPUID, figure 3-6. */
export function signatureOf(family: number, model: number, stepping: number): number {
  const extended = family > FAMILY_MAX ? ((family - FAMILY_MAX) << 20) | (FAMILY_MAX << 8) : family << 8;
  return extended | ((model >> 4) << 16) | ((model & 0xf) << 4) | stepping;
}

export const QEMU64: CpuIdentity = {
  type: 'qemu64-x86_64-cpu',
  vendor: AMD,
  signature: signatureOf(15, 107, 1),
  modelId: 'QEMU Virtual CPU version 2.5+',
  level: 0xd,
  xlevel: 0x8000000a,
  xlevel2: 0,
  level7: 0,
  features: QEMU64_FEATURES,
  caches: { l3: true, intel: false },
  topologyLeaf: true,
  hypervisorLeaves: true,
  microcode: microcodeOf(AMD),
  warnings: [],
};
