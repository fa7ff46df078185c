/** How many leaves of CPUID a processor has: as many as its features need, unless the user says another number. QEMU: target/i386/cpu.c. */
import { FEAT_7_0_EBX, FEAT_7_1_EAX } from '../cpu-features.ts';
import { FEATURE_WORD_NAMES } from './cpu-model-table.ts';
import { type FeatureBit, featureNamed } from './cpu-models.ts';

export interface CpuLevels {
  /** Highest basic leaf. */
  readonly level: number;
  /** Highest leaf from 80000000 on; 0: there are none. */
  readonly xlevel: number;
  /** Highest leaf from C0000000 on; 0: there are none. */
  readonly xlevel2: number;
  /** Highest subleaf of leaf 7. */
  readonly level7: number;
}

/** The leaf that tells of a word with features. */
const LEVELS: Readonly<Record<string, number>> = {
  'CPUID.06H:EAX': 0x6,
  'CPUID.07H:EAX': 0x7,
  'CPUID.07H:EBX': 0x7,
  'CPUID.07H:ECX': 0x7,
  'CPUID.07H:EDX': 0x7,
  'CPUID.0DH:EAX': 0xd,
  'CPUID.8000000AH:EDX': 0x8000000a,
  'CPUID.80000001H:ECX': 0x80000001,
  'CPUID.80000001H:EDX': 0x80000001,
  'CPUID.80000007H:EDX': 0x80000007,
  'CPUID.80000008H:EBX': 0x80000008,
  'CPUID.C0000001H:EDX': 0xc0000001,
};
/** The leaf that tells more of a feature. */
const FEATURE_LEVELS: readonly (readonly [name: string, leaf: number])[] = [
  ['sgx', 0x12],
  ['svm', 0x8000000a],
];
const INTEL_PT_LEAF = 0x14;
const EXTENDED = 0x80000000;
const CENTAUR = 0xc0000000;

export interface LevelRules {
  /** All features raise the number; else those of leaf 7, EBX, alone. */
  readonly fullAutoLevel: boolean;
  readonly intelPtAutoLevel: boolean;
}

/** The least numbers for `features`, one word for each row of FEATURE_WORD_NAMES, from `least` on. */
export function raisedLevels(
  features: Int32Array,
  least: Omit<CpuLevels, 'level7'>,
  rules: LevelRules,
): CpuLevels {
  const levels = { ...least, level7: features[FEAT_7_1_EAX] === 0 ? 0 : 1 };
  const raise = (leaf: number): void => {
    if (leaf >= CENTAUR) levels.xlevel2 = Math.max(levels.xlevel2, leaf);
    else if (leaf >= EXTENDED) levels.xlevel = Math.max(levels.xlevel, leaf);
    else levels.level = Math.max(levels.level, leaf);
  };
  for (const [word, { label }] of FEATURE_WORD_NAMES.entries()) {
    const leaf = LEVELS[label];
    if (leaf === undefined || features[word] === 0) continue;
    if (rules.fullAutoLevel || word === FEAT_7_0_EBX) raise(leaf);
  }
  if (!rules.fullAutoLevel) return levels;
  for (const [name, leaf] of FEATURE_LEVELS) if (has(features, featureNamed(name))) raise(leaf);
  if (rules.intelPtAutoLevel && has(features, featureNamed('intel-pt'))) raise(INTEL_PT_LEAF);
  return levels;
}

function has(features: Int32Array, feature: FeatureBit | undefined): boolean {
  return feature !== undefined && ((features[feature.word] >>> feature.bit) & 1) !== 0;
}
