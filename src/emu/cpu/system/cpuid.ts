/**
 * The CPUID instruction. QEMU: every value as QEMU 7.2 (TCG) answers it, recorded with a boot sector for each model
 * (scripts/record-cpu-models.ts).
 */
import type { Cpu, CpuTopology } from '../cpu.ts';
import {
  CPUID_EXT2_LM,
  CPUID_PSE36,
  type CpuFeatures,
  FEAT_1_ECX,
  FEAT_1_EDX,
  FEAT_6_EAX,
  FEAT_7_0_EBX,
  FEAT_7_0_ECX,
  FEAT_7_0_EDX,
  FEAT_7_1_EAX,
  FEAT_8000_0001_ECX,
  FEAT_8000_0001_EDX,
  FEAT_8000_0007_EDX,
  FEAT_8000_0008_EBX,
  FEAT_XSAVE,
  hasFeature,
} from '../cpu-features.ts';
import { type CpuIdentity, INTEL } from '../models/cpu-identity.ts';
import { APIC_BASE_LO, RAX, RBX, RCX, RDX } from '../state.ts';

const FEATURE_APIC = 1 << 9;
const FEATURE_HTT = 1 << 28;
const FEATURE_CMP_LEGACY = 1 << 1;
const CLFLUSH_QWORDS = 8 << 8;
const APIC_BASE_ENABLE = 1 << 11;
const EXTENDED_LEAVES = 0x80000000;
const CENTAUR_LEAVES = 0xc0000000;
const HYPERVISOR_LEAVES = 0x40000000;
const HIGHEST_HYPERVISOR = 0x40000001;
/** QEMU: Intel's processors tell of their dies. */
const DIE_LEVEL = 0x1f;
const MONITOR_EXTENSIONS = 0x3;
const EMULATOR = 'TCGTCGTCGTCG';
/** Leaf 80000008 EAX: 48 linear and 40 physical address bits, or what a 32-bit processor with PSE36, or without, has. */
const ADDRESSES_64 = 0x3028;
const ADDRESSES_PSE36 = 0x24;
const ADDRESSES_32 = 0x20;

const ALONE: CpuTopology = { apicId: 0, sockets: 1, cores: 1, threads: 1 };

type Leaf = readonly [number, number, number, number];

/** Bits that number `count` things. */
export function bitsFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** Four bytes of `text` from `at`, little-endian; zeros past its end. */
function packText(text: string, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= (at + i < text.length ? text.charCodeAt(at + i) : 0) << (8 * i);
  return word;
}

/** Three such words. */
function packTexts(text: string, at: number): [number, number, number] {
  return [packText(text, at), packText(text, at + 4), packText(text, at + 8)];
}

/** The four result words: EAX, EBX, ECX, EDX. */
export function cpuidLeaf(
  identity: CpuIdentity,
  leaf: number,
  subleaf: number,
  topology: CpuTopology,
  apicEnabled: boolean,
): Leaf {
  const { features, caches } = identity;
  const perPackage = topology.cores * topology.threads;
  const apicMask = apicEnabled ? -1 : ~FEATURE_APIC;
  const level = identity.vendor === INTEL && (topology.dies ?? 1) > 1 ? DIE_LEVEL : identity.level;
  const effective = effectiveLeaf(leaf >>> 0, level, identity);
  switch (effective) {
    case 0:
      return vendorLeaf(identity, level);
    case 1: {
      let edx = features[FEAT_1_EDX] & apicMask;
      let ebx = (topology.apicId << 24) | CLFLUSH_QWORDS;
      if (perPackage > 1) {
        ebx |= (perPackage & 0xff) << 16;
        edx |= FEATURE_HTT;
      }
      return [identity.signature, ebx, features[FEAT_1_ECX], edx];
    }
    case 2:
      return caches.intel ? [1, 0, caches.l3 ? 0x4d : 0, 0x2c307d] : NOTHING;
    case 4:
      return caches.intel ? cacheLeaf(subleaf, topology, caches.l3) : NOTHING;
    case 5:
      return [0, 0, MONITOR_EXTENSIONS, 0];
    case 6:
      return [features[FEAT_6_EAX], 0, 0, 0];
    case 7:
      return featureLeaf(identity, subleaf);
    case 0xb:
      return identity.topologyLeaf ? topologyLeaf(subleaf, topology) : NOTHING;
    case DIE_LEVEL:
      return (topology.dies ?? 1) > 1 ? dieLeaf(subleaf, topology) : NOTHING;
    case 0xd:
      return subleaf === 1 ? [features[FEAT_XSAVE], 0, 0, 0] : NOTHING;
    case HYPERVISOR_LEAVES:
      return identity.hypervisorLeaves ? [HIGHEST_HYPERVISOR, ...packTexts(EMULATOR, 0)] : NOTHING;
    case 0x80000000:
      return vendorLeaf(identity, identity.xlevel);
    case 0x80000001: {
      const legacy = perPackage > 1 && identity.vendor !== INTEL ? FEATURE_CMP_LEGACY : 0;
      const ecx = features[FEAT_8000_0001_ECX] | legacy;
      return [identity.signature, 0, ecx, features[FEAT_8000_0001_EDX] & apicMask];
    }
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = (effective - 0x80000002) * 16;
      return [packText(identity.modelId, at), ...packTexts(identity.modelId, at + 4)];
    }
    case 0x80000005:
      return [0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140];
    case 0x80000006:
      return [0, 0x42004200, 0x02008140, caches.l3 ? 0x00808140 : 0];
    case 0x80000007:
      return [0, 0, 0, features[FEAT_8000_0007_EDX]];
    case 0x80000008: {
      const ids = perPackage > 1 ? (packageBits(topology) << 12) | (perPackage - 1) : 0;
      return [addressBits(features), features[FEAT_8000_0008_EBX], ids, 0];
    }
    case CENTAUR_LEAVES:
      return [identity.xlevel2, 0, 0, 0];
    case CENTAUR_LEAVES + 1:
      return [identity.signature, 0, 0, 0];
    default:
      return NOTHING;
  }
}

const NOTHING: Leaf = [0, 0, 0, 0];

/** QEMU: leaves past the end of their range answer as the highest basic leaf. */
function effectiveLeaf(leaf: number, level: number, { xlevel, xlevel2 }: CpuIdentity): number {
  if (leaf >= CENTAUR_LEAVES) return leaf <= xlevel2 ? leaf : level;
  if (leaf >= EXTENDED_LEAVES) return leaf <= xlevel ? leaf : level;
  if (leaf >= HYPERVISOR_LEAVES) return leaf <= HIGHEST_HYPERVISOR ? leaf : level;
  return leaf <= level ? leaf : level;
}

/** EBX, EDX, ECX name the vendor, in this order. */
function vendorLeaf({ vendor }: CpuIdentity, highest: number): Leaf {
  return [highest | 0, packText(vendor, 0), packText(vendor, 8), packText(vendor, 4)];
}

function addressBits(features: CpuFeatures): number {
  if (hasFeature(features, CPUID_EXT2_LM)) return ADDRESSES_64;
  return hasFeature(features, CPUID_PSE36) ? ADDRESSES_PSE36 : ADDRESSES_32;
}

/**
 * Leaf 4. Spec: SDM vol. 2, CPUID. QEMU: 32 KiB of L1 for data and for code, 8 ways; 4 MiB of L2, 16 ways, for the threads of a core;
 * 16 MiB of L3, 16 ways, for a die.
 */
function cacheLeaf(subleaf: number, { cores, threads }: CpuTopology, l3: boolean): Leaf {
  const inPackage = (cores - 1) << 26;
  const sharing = (ids: number): number => (ids - 1) << 14;
  if (subleaf === 0) return [inPackage | 0x121, 0x01c0003f, 0x3f, 1];
  if (subleaf === 1) return [inPackage | 0x122, 0x01c0003f, 0x3f, 1];
  if (subleaf === 2) return [inPackage | sharing(threads) | 0x143, 0x03c0003f, 0xfff, 1];
  if (subleaf === 3 && l3) {
    const ids = 1 << (bitsFor(threads) + bitsFor(cores));
    return [inPackage | sharing(ids) | 0x163, 0x03c0003f, 0x3fff, 6];
  }
  return NOTHING;
}

/** How many low bits of an APIC id number what is in one package. */
function packageBits({ dies = 1, cores, threads }: CpuTopology): number {
  return bitsFor(threads) + bitsFor(cores) + bitsFor(dies);
}

/** Leaf 7. */
function featureLeaf({ features, level7 }: CpuIdentity, subleaf: number): Leaf {
  if (subleaf === 1) return [features[FEAT_7_1_EAX], 0, 0, 0];
  if (subleaf !== 0) return [0, 0, 0, 0];
  return [level7, features[FEAT_7_0_EBX], features[FEAT_7_0_ECX], features[FEAT_7_0_EDX]];
}

function topologyLeaf(subleaf: number, topology: CpuTopology): Leaf {
  const threadBits = bitsFor(topology.threads);
  const level = subleaf & 0xff;
  if (subleaf === 0) return [threadBits, topology.threads, 0x100 | level, topology.apicId];
  if (subleaf === 1)
    return [packageBits(topology), topology.cores * topology.threads, 0x200 | level, topology.apicId];
  return [0, 0, level, topology.apicId];
}

/** As leaf 0xb, with the dies as a level of their own. */
function dieLeaf(subleaf: number, { apicId, dies = 1, cores, threads }: CpuTopology): Leaf {
  const threadBits = bitsFor(threads);
  const coreBits = threadBits + bitsFor(cores);
  const level = subleaf & 0xff;
  if (subleaf === 0) return [threadBits, threads, 0x100 | level, apicId];
  if (subleaf === 1) return [coreBits, cores * threads, 0x200 | level, apicId];
  if (subleaf === 2) return [coreBits + bitsFor(dies), dies * cores * threads, 0x500 | level, apicId];
  return [0, 0, level, apicId];
}

/** The CPUID instruction. */
export function cpuid(cpu: Cpu): void {
  const S = cpu.S;
  const apicEnabled = (S[APIC_BASE_LO] & APIC_BASE_ENABLE) !== 0 && cpu.apic !== undefined;
  const [eax, ebx, ecx, edx] = cpuidLeaf(cpu.identity, S[RAX], S[RCX], cpu.topology ?? ALONE, apicEnabled);
  S[RAX] = eax;
  S[RBX] = ebx;
  S[RCX] = ecx;
  S[RDX] = edx;
  S[RAX + 1] = 0;
  S[RBX + 1] = 0;
  S[RCX + 1] = 0;
  S[RDX + 1] = 0;
}
