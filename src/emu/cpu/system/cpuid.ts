/**
 * The CPUID instruction. Feature words are the machine's; all else is that of `-cpu qemu64`. QEMU: every value as QEMU 7.2 (TCG)
 * answers it, recorded with a boot sector.
 */
import type { Cpu, CpuTopology } from '../cpu.ts';
import {
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
} from '../cpu-features.ts';
import { APIC_BASE_LO, RAX, RBX, RCX, RDX } from '../state.ts';

/** Family 15, model 107, stepping 1: leaf 1 EAX, and EDX after reset. */
export const PROCESSOR_SIGNATURE = 0x00060fb1;

const FEATURE_APIC = 1 << 9;
const FEATURE_HTT = 1 << 28;
const FEATURE_CMP_LEGACY = 1 << 1;
const CLFLUSH_QWORDS = 8 << 8;
const APIC_BASE_ENABLE = 1 << 11;
const HIGHEST_BASIC = 0xd;
const HIGHEST_EXTENDED = 0x8000000a | 0;
const HIGHEST_HYPERVISOR = 0x40000001;
const MONITOR_EXTENSIONS = 0x3;
/** 48 linear and 40 physical address bits. */
const ADDRESS_BITS = 0x3028;
const BRAND = 'QEMU Virtual CPU version 2.5+';

const ALONE: CpuTopology = { apicId: 0, sockets: 1, cores: 1, threads: 1 };

/** Bits that number `count` things. */
function bitsFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** Four bytes of `text` from `at`, little-endian; zeros past its end. */
function packText(text: string, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= (at + i < text.length ? text.charCodeAt(at + i) : 0) << (8 * i);
  return word;
}

/** The four result words: EAX, EBX, ECX, EDX. */
export function cpuidLeaf(
  features: CpuFeatures,
  leaf: number,
  subleaf: number,
  topology: CpuTopology,
  apicEnabled: boolean,
): readonly [number, number, number, number] {
  const perPackage = topology.cores * topology.threads;
  const apicMask = apicEnabled ? -1 : ~FEATURE_APIC;
  switch (effectiveLeaf(leaf | 0)) {
    case 0:
      return [HIGHEST_BASIC, packText('Auth', 0), packText('cAMD', 0), packText('enti', 0)];
    case 1: {
      let edx = features[FEAT_1_EDX] & apicMask;
      let ebx = (topology.apicId << 24) | CLFLUSH_QWORDS;
      if (perPackage > 1) {
        ebx |= (perPackage & 0xff) << 16;
        edx |= FEATURE_HTT;
      }
      return [PROCESSOR_SIGNATURE, ebx, features[FEAT_1_ECX], edx];
    }
    case 5:
      return [0, 0, MONITOR_EXTENSIONS, 0];
    case 6:
      return [features[FEAT_6_EAX], 0, 0, 0];
    case 7:
      return featureLeaf(features, subleaf);
    case 0xb:
      return topologyLeaf(subleaf, topology);
    case 0xd:
      return subleaf === 1 ? [features[FEAT_XSAVE], 0, 0, 0] : [0, 0, 0, 0];
    case 0x40000000:
      return [HIGHEST_HYPERVISOR, packText('TCGT', 0), packText('CGTC', 0), packText('GTCG', 0)];
    case 0x80000000 | 0:
      return [HIGHEST_EXTENDED, packText('Auth', 0), packText('cAMD', 0), packText('enti', 0)];
    case 0x80000001 | 0: {
      const ecx = features[FEAT_8000_0001_ECX] | (perPackage > 1 ? FEATURE_CMP_LEGACY : 0);
      return [PROCESSOR_SIGNATURE, 0, ecx, features[FEAT_8000_0001_EDX] & apicMask];
    }
    case 0x80000002 | 0:
    case 0x80000003 | 0:
    case 0x80000004 | 0: {
      const at = ((leaf & 0xf) - 2) * 16;
      return [
        packText(BRAND, at),
        packText(BRAND, at + 4),
        packText(BRAND, at + 8),
        packText(BRAND, at + 12),
      ];
    }
    case 0x80000005 | 0:
      return [0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140];
    case 0x80000006 | 0:
      return [0, 0x42004200, 0x02008140, 0x00808140];
    case 0x80000007 | 0:
      return [0, 0, 0, features[FEAT_8000_0007_EDX]];
    case 0x80000008 | 0: {
      const ids = perPackage > 1 ? (packageBits(topology) << 12) | (perPackage - 1) : 0;
      return [ADDRESS_BITS, features[FEAT_8000_0008_EBX], ids, 0];
    }
    default:
      return [0, 0, 0, 0];
  }
}

/** QEMU: leaves past the end of their range answer as the highest basic leaf, whose words are all 0 here. */
function effectiveLeaf(leaf: number): number {
  const unsigned = leaf >>> 0;
  if (unsigned >= 0x80000000) return unsigned <= HIGHEST_EXTENDED >>> 0 ? leaf : HIGHEST_BASIC;
  if (unsigned >= 0x40000000) return unsigned <= HIGHEST_HYPERVISOR ? leaf : HIGHEST_BASIC;
  return unsigned <= HIGHEST_BASIC ? leaf : HIGHEST_BASIC;
}

/** How many low bits of an APIC id number what is in one package. */
function packageBits({ dies = 1, cores, threads }: CpuTopology): number {
  return bitsFor(threads) + bitsFor(cores) + bitsFor(dies);
}

/** Leaf 7. */
function featureLeaf(features: CpuFeatures, subleaf: number): readonly [number, number, number, number] {
  if (subleaf === 1) return [features[FEAT_7_1_EAX], 0, 0, 0];
  if (subleaf !== 0) return [0, 0, 0, 0];
  const highest = features[FEAT_7_1_EAX] === 0 ? 0 : 1;
  return [highest, features[FEAT_7_0_EBX], features[FEAT_7_0_ECX], features[FEAT_7_0_EDX]];
}

function topologyLeaf(subleaf: number, topology: CpuTopology): readonly [number, number, number, number] {
  const threadBits = bitsFor(topology.threads);
  const level = subleaf & 0xff;
  if (subleaf === 0) return [threadBits, topology.threads, 0x100 | level, topology.apicId];
  if (subleaf === 1)
    return [packageBits(topology), topology.cores * topology.threads, 0x200 | level, topology.apicId];
  return [0, 0, level, topology.apicId];
}

/** The CPUID instruction. */
export function cpuid(cpu: Cpu): void {
  const S = cpu.S;
  const apicEnabled = (S[APIC_BASE_LO] & APIC_BASE_ENABLE) !== 0 && cpu.apic !== undefined;
  const [eax, ebx, ecx, edx] = cpuidLeaf(cpu.features, S[RAX], S[RCX], cpu.topology ?? ALONE, apicEnabled);
  S[RAX] = eax;
  S[RBX] = ebx;
  S[RCX] = ecx;
  S[RDX] = edx;
  S[RAX + 1] = 0;
  S[RBX + 1] = 0;
  S[RCX + 1] = 0;
  S[RDX + 1] = 0;
}
