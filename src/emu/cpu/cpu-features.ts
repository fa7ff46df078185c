/**
 * What CPUID announces: QEMU's feature words, and the bits in them that the core asks for. A machine has one set for all its processors,
 * which is given to the stage and the decoder when they are made.
 */

/** Numbers of the feature words, QEMU's `FeatureWord`: places in FEATURE_WORD_NAMES. Words that the core has no bits of have no name here. */
export const FEAT_1_EDX = 0;
export const FEAT_1_ECX = 1;
export const FEAT_7_0_EBX = 2;
export const FEAT_7_0_ECX = 3;
export const FEAT_7_0_EDX = 4;
export const FEAT_7_1_EAX = 5;
export const FEAT_8000_0001_EDX = 6;
export const FEAT_8000_0001_ECX = 7;
export const FEAT_8000_0007_EDX = 8;
export const FEAT_8000_0008_EBX = 9;
/** CPUID leaf 0xD, subleaf 1, EAX. */
export const FEAT_XSAVE = 13;
export const FEAT_6_EAX = 14;
export const FEATURE_WORDS = 15;

/** The words, indexed by FEAT_*, as int32. Bits that depend on the processor's place (HTT) or state (APIC, OSXSAVE) are worked out by `cpuid`. */
export type CpuFeatures = readonly number[];

/** One bit of a feature word: word << 5 | bit. */
export type CpuFeature = number;

const BIT_BITS = 5;

function feature(word: number, bit: number): CpuFeature {
  return (word << BIT_BITS) | bit;
}

/** Names are those of QEMU's macros (target/i386/cpu.h). */
export const CPUID_MSR = feature(FEAT_1_EDX, 5);
export const CPUID_MCE = feature(FEAT_1_EDX, 7);
export const CPUID_CX8 = feature(FEAT_1_EDX, 8);
export const CPUID_APIC = feature(FEAT_1_EDX, 9);
export const CPUID_SEP = feature(FEAT_1_EDX, 11);
export const CPUID_MCA = feature(FEAT_1_EDX, 14);
export const CPUID_CMOV = feature(FEAT_1_EDX, 15);
export const CPUID_PSE36 = feature(FEAT_1_EDX, 17);
export const CPUID_CLFLUSH = feature(FEAT_1_EDX, 19);
export const CPUID_MMX = feature(FEAT_1_EDX, 23);
export const CPUID_FXSR = feature(FEAT_1_EDX, 24);
export const CPUID_SSE = feature(FEAT_1_EDX, 25);
export const CPUID_SSE2 = feature(FEAT_1_EDX, 26);
export const CPUID_EXT_SSE3 = feature(FEAT_1_ECX, 0);
export const CPUID_EXT_SSSE3 = feature(FEAT_1_ECX, 9);
export const CPUID_EXT_CX16 = feature(FEAT_1_ECX, 13);
export const CPUID_EXT_SSE41 = feature(FEAT_1_ECX, 19);
export const CPUID_EXT_SSE42 = feature(FEAT_1_ECX, 20);
export const CPUID_EXT_MOVBE = feature(FEAT_1_ECX, 22);
export const CPUID_EXT_POPCNT = feature(FEAT_1_ECX, 23);
export const CPUID_EXT_RDRAND = feature(FEAT_1_ECX, 30);
export const CPUID_EXT_HYPERVISOR = feature(FEAT_1_ECX, 31);
export const CPUID_7_0_EBX_FSGSBASE = feature(FEAT_7_0_EBX, 0);
export const CPUID_7_0_EBX_BMI1 = feature(FEAT_7_0_EBX, 3);
export const CPUID_7_0_EBX_SMEP = feature(FEAT_7_0_EBX, 7);
export const CPUID_7_0_EBX_BMI2 = feature(FEAT_7_0_EBX, 8);
export const CPUID_7_0_EBX_ERMS = feature(FEAT_7_0_EBX, 9);
export const CPUID_7_0_EBX_ADX = feature(FEAT_7_0_EBX, 19);
export const CPUID_7_0_EBX_SMAP = feature(FEAT_7_0_EBX, 20);
export const CPUID_7_0_EBX_CLFLUSHOPT = feature(FEAT_7_0_EBX, 23);
export const CPUID_7_0_EBX_CLWB = feature(FEAT_7_0_EBX, 24);
export const CPUID_7_0_ECX_UMIP = feature(FEAT_7_0_ECX, 2);
export const CPUID_EXT2_SYSCALL = feature(FEAT_8000_0001_EDX, 11);
export const CPUID_EXT2_NX = feature(FEAT_8000_0001_EDX, 20);
export const CPUID_EXT2_MMXEXT = feature(FEAT_8000_0001_EDX, 22);
export const CPUID_EXT2_RDTSCP = feature(FEAT_8000_0001_EDX, 27);
export const CPUID_EXT2_LM = feature(FEAT_8000_0001_EDX, 29);
export const CPUID_EXT3_LAHF_LM = feature(FEAT_8000_0001_ECX, 0);
export const CPUID_EXT3_ABM = feature(FEAT_8000_0001_ECX, 5);
export const CPUID_6_EAX_ARAT = feature(FEAT_6_EAX, 2);
const CPUID_ACPI = feature(FEAT_1_EDX, 22);
const CPUID_SS = feature(FEAT_1_EDX, 27);

export function hasFeature(features: CpuFeatures, wanted: CpuFeature): boolean {
  return ((features[wanted >> BIT_BITS] >>> (wanted & 31)) & 1) !== 0;
}

/** `features` with more of them set. */
export function withFeatures(features: CpuFeatures, more: readonly CpuFeature[]): CpuFeatures {
  const words = [...features];
  for (const one of more) words[one >> BIT_BITS] |= 1 << (one & 31);
  return words;
}

/** `features` with some of them cleared. */
export function withoutFeatures(features: CpuFeatures, less: readonly CpuFeature[]): CpuFeatures {
  const words = [...features];
  for (const one of less) words[one >> BIT_BITS] &= ~(1 << (one & 31));
  return words;
}

function words(of: Readonly<Record<number, number>>): CpuFeatures {
  return Array.from({ length: FEATURE_WORDS }, (_, word) => of[word] | 0);
}

/** `-cpu qemu64` as QEMU 7.2 (TCG) answers it. Not modelled: SVM (80000001 ECX bit 2), which it announces too. */
export const QEMU64_FEATURES: CpuFeatures = words({
  // FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2; no VME.
  [FEAT_1_EDX]: 0x078bfbfd,
  // SSE3, CMPXCHG16B, hypervisor.
  [FEAT_1_ECX]: 0x80002001,
  // As leaf 1 where AMD repeats it, plus SYSCALL, NX, LM.
  [FEAT_8000_0001_EDX]: 0x2193fbfd,
  // LAHF/SAHF in 64-bit mode.
  [FEAT_8000_0001_ECX]: 0x1,
});

/** What the core executes, or may say of itself without executing anything: no model announces more. */
export const EXECUTED_FEATURES: CpuFeatures = withFeatures(QEMU64_FEATURES, [
  CPUID_ACPI,
  CPUID_SS,
  CPUID_EXT_SSSE3,
  CPUID_EXT_SSE41,
  CPUID_EXT_SSE42,
  CPUID_EXT_MOVBE,
  CPUID_EXT_POPCNT,
  CPUID_EXT_RDRAND,
  CPUID_7_0_EBX_FSGSBASE,
  CPUID_7_0_EBX_BMI1,
  CPUID_7_0_EBX_SMEP,
  CPUID_7_0_EBX_BMI2,
  CPUID_7_0_EBX_ERMS,
  CPUID_7_0_EBX_ADX,
  CPUID_7_0_EBX_SMAP,
  CPUID_7_0_EBX_CLFLUSHOPT,
  CPUID_7_0_EBX_CLWB,
  CPUID_7_0_ECX_UMIP,
  CPUID_EXT2_MMXEXT,
  CPUID_EXT2_RDTSCP,
  CPUID_EXT3_ABM,
  CPUID_6_EAX_ARAT,
]);
