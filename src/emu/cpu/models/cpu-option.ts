/** What `-cpu` means. QEMU: target/i386/cpu.c. Texts are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import { parseBool } from '../../qdev/properties.ts';
import {
  type CpuFeatures,
  EXECUTED_FEATURES,
  FEAT_1_EDX,
  FEAT_7_1_EAX,
  FEAT_8000_0001_EDX,
} from '../cpu-features.ts';
import { AMD, type CpuIdentity, signatureOf } from './cpu-identity.ts';
import { FEATURE_WORD_NAMES, IDLE_FEATURES } from './cpu-model-table.ts';
import {
  cpuTypeOf,
  describeFeature,
  FEATURE_BITS,
  type FeatureBit,
  featureNamed,
  featuresOfModel,
  MAX_MODEL,
  modelNamed,
} from './cpu-models.ts';
import type { RecordedModel } from './recorded-model.ts';

/** What a machine of an older version changes of its processors. */
export interface CpuCompat {
  readonly l3Cache: boolean;
  /** Leaves that name the emulator. */
  readonly tcgCpuid: boolean;
  /** Leaves 2 and 4 are Intel's only. */
  readonly vendorCpuidOnly: boolean;
  /** A feature raises the highest leaf to the one that tells of it. */
  readonly fullAutoLevel: boolean;
  /** Other numbers for qemu64. */
  readonly qemu64?: { readonly family: number; readonly model: number; readonly stepping: number };
}

export const CURRENT_CPU: CpuCompat = {
  l3Cache: true,
  tcgCpuid: true,
  vendorCpuidOnly: true,
  fullAutoLevel: true,
};

/** Properties of QEMU's processors that mean nothing without KVM, or nothing here. */
const IDLE_PROPERTIES = new Set([
  ...IDLE_FEATURES,
  'host-cache-info',
  'host-phys-bits',
  'kvm',
  'lmce',
  'pmu',
]);
/** Numbers: QEMU's property type, its name in errors, and the range that has an error of its own. */
const NUMBERS: Readonly<Record<string, { readonly expects: string; readonly max?: number }>> = {
  family: { expects: 'int64', max: 0x10e },
  model: { expects: 'int64', max: 0xff },
  stepping: { expects: 'int64', max: 0xf },
  level: { expects: 'uint64' },
  xlevel: { expects: 'uint64' },
  'min-level': { expects: 'uint64' },
  'min-xlevel': { expects: 'uint64' },
};
const SWITCHES = new Set(['check', 'enforce', 'l3-cache', 'tcg-cpuid', 'full-cpuid-auto-level']);
const TEXTS = new Set(['vendor', 'model-id']);
const VENDOR_LENGTH = 12;
const UINT32_MAX = 0xffff_ffff;

/** Features that nobody can have who lacks another. */
const DEPENDS: Readonly<Record<string, string>> = {
  'CPUID.14H:ECX': 'intel-pt',
  'CPUID.8000000AH:EDX': 'svm',
  'MSR(10AH)': 'arch-capabilities',
  'MSR(CFH)': 'core-capability',
};

/** Leaf 80000001 EDX repeats these bits of leaf 1 EDX on AMD's processors. */
const AMD_ALIASES = 0x0183f3ff;
/** The highest leaf that a word with features asks for. */
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
};
const EXTENDED = 0x80000000;
/** QEMU: `max` has no levels of its own but those that features raise; without all of these, it is left with leaf 7. */
const UNRAISED_MAX = { level: 7, xlevel: 0 };

/** What -cpu is when it is not given. */
export const DEFAULT_CPU = 'qemu64';

/**
 * The processor that `text` names. Throws MonitorError for one that there is not.
 * @param text a model, then features and properties, as after -cpu
 * @param warn told what is odd about the text itself
 */
export function readCpu(text: string, compat: CpuCompat, warn: (text: string) => void): CpuIdentity {
  if (text === '') throw new MonitorError('-cpu option cannot be empty');
  const [name = '', ...parts] = text.split(',');
  if (name === 'host') throw new MonitorError("CPU model 'host' requires KVM or HVF");
  const model = modelNamed(name);
  if (model === undefined) throw new MonitorError(`unable to find CPU model '${name}'`);
  return new Choice(name, model, compat).read(parts, warn);
}

/** What a model and what is put over it become, before the core masks what it does not execute. */
export interface ExpandedCpu {
  /** One word for each row of FEATURE_WORD_NAMES. */
  readonly features: Int32Array;
  readonly vendor: string;
  readonly modelId: string;
  /** Family, model, stepping, and levels as they were given or follow from the features. */
  readonly numbers: Readonly<Record<string, number>>;
  /** As they were given; others are as the machine's version has them. */
  readonly switches: ReadonlyMap<string, boolean>;
}

/** Takes properties of a model, each as its name and the text of its value. */
export interface CpuExpansion {
  /** False: nothing follows from this property, which only shows what it was given. Throws MonitorError. */
  set(name: string, value: string): boolean;
  /** @param warn told of features that stand on others which are not there */
  expanded(warn: (text: string) => void): ExpandedCpu;
}

/** To be given properties; undefined when there is no such model. */
export function expansionOf(name: string, compat: CpuCompat): CpuExpansion | undefined {
  const model = modelNamed(name);
  return model && new Choice(name, model, compat);
}

class Choice implements CpuExpansion {
  readonly #type: string;
  readonly #model: RecordedModel;
  readonly #compat: CpuCompat;
  readonly #features: Int32Array;
  readonly #numbers = new Map<string, number>();
  readonly #switches = new Map<string, boolean>();
  /** What the user asked for by name. */
  readonly #asked = new Set<FeatureBit>();
  #vendor: string;
  #modelId: string;

  constructor(name: string, model: RecordedModel, compat: CpuCompat) {
    this.#type = cpuTypeOf(name);
    this.#model = model;
    this.#compat = compat;
    this.#vendor = model.vendor;
    this.#modelId = model.modelId;
    this.#features = featuresOfModel(model);
    if (model.name !== MAX_MODEL) return;
    this.#features.set(EXECUTED_FEATURES);
    this.#features[FEAT_8000_0001_EDX] &= ~AMD_ALIASES;
  }

  read(parts: readonly string[], warn: (text: string) => void): CpuIdentity {
    const plus: string[] = [];
    const minus: string[] = [];
    let ambiguous = false;
    for (const part of parts) {
      if (part === '') continue;
      const name = part.slice(1);
      if (part.startsWith('+')) plus.push(name);
      else if (part.startsWith('-')) minus.push(name);
      else ambiguous = this.#pair(part, { plus, minus }, warn) || ambiguous;
    }
    if (ambiguous) warn("Compatibility of ambiguous CPU model strings won't be kept on future QEMU versions");
    // QEMU: what is taken away wins over what is added, in whatever order they stand.
    for (const name of plus) this.#flag(name, true);
    for (const name of minus) this.#flag(name, false);
    return this.#finish(warn);
  }

  set(name: string, value: string): boolean {
    const counts =
      TEXTS.has(name) || Object.hasOwn(NUMBERS, name) || SWITCHES.has(name) || featureNamed(plain(name));
    if (counts) this.#set(plain(name), value);
    return counts !== undefined;
  }

  expanded(warn: (text: string) => void): ExpandedCpu {
    const warnings: string[] = [];
    this.#dropDependents(warnings);
    for (const text of warnings) warn(text);
    const least = this.#leastLevels();
    const { family, model, stepping } = this.#versionNumbers();
    return {
      ...{ features: this.#features, vendor: this.#vendor, modelId: this.#modelId, switches: this.#switches },
      numbers: {
        ...{ family, model, stepping, 'min-level': least.level, 'min-xlevel': least.xlevel },
        level: this.#numbers.get('level') ?? least.level,
        xlevel: this.#numbers.get('xlevel') ?? least.xlevel,
        'level-func7': least.level7,
      },
    };
  }

  /** `name=value`; true: it contradicts a flag before it. */
  #pair(
    part: string,
    flags: { readonly plus: readonly string[]; readonly minus: readonly string[] },
    warn: (text: string) => void,
  ): boolean {
    const [, key = '', value = 'on'] = /^([^=]*)(?:=(.*))?$/s.exec(part) ?? [];
    const name = plain(key);
    const isIn = (names: readonly string[]): boolean => names.some((one) => plain(one) === name);
    const mixed = isIn(flags.plus) ? '+' : isIn(flags.minus) ? '-' : undefined;
    if (mixed !== undefined)
      warn(`Ambiguous CPU model string. Don't mix both "${mixed}${name}" and "${name}=${value}"`);
    try {
      this.#set(name, value);
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      throw new MonitorError(`can't apply global ${this.#type}.${name}=${value}: ${error.message}`);
    }
    return mixed !== undefined;
  }

  #set(name: string, value: string): void {
    if (name === 'vendor') this.#setVendor(value);
    else if (name === 'model-id') this.#modelId = value;
    else if (Object.hasOwn(NUMBERS, name)) this.#setNumber(name, value);
    else {
      const on = parseBool(value);
      if (!this.#isSwitch(name)) throw this.#notFound(name);
      if (on === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
      // QEMU: whether `max` may have what cannot migrate; nothing here can.
      if (name === 'migratable') return;
      if (SWITCHES.has(name)) this.#switches.set(name, on);
      else this.#flag(name, on);
    }
  }

  #isSwitch(name: string): boolean {
    if (name === 'migratable') return this.#model.name === MAX_MODEL;
    return SWITCHES.has(name) || IDLE_PROPERTIES.has(name) || featureNamed(name) !== undefined;
  }

  #notFound(name: string): MonitorError {
    return new MonitorError(`Property '${this.#type}.${name}' not found`);
  }

  #setVendor(value: string): void {
    if (value.length !== VENDOR_LENGTH)
      throw new MonitorError(`Property '.vendor' doesn't take value '${value}'`);
    this.#vendor = value;
  }

  #setNumber(name: string, text: string): void {
    const { expects, max } = NUMBERS[name] ?? { expects: '' };
    if (!/^[+-]?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text))
      throw new MonitorError(`Parameter '${name}' expects ${expects}`);
    const value = Number(text);
    if (max !== undefined && !(value >= 0 && value <= max)) {
      const range = `(minimum: 0, maximum: ${max})`;
      throw new MonitorError(`Property .${name} doesn't take value ${value} ${range}`);
    }
    if (!(value >= 0 && value <= UINT32_MAX)) throw new MonitorError(`Parameter '${name}' expects uint32_t`);
    this.#numbers.set(name, value);
  }

  #flag(given: string, on: boolean): void {
    const name = plain(given);
    if (IDLE_PROPERTIES.has(name)) return;
    const feature = featureNamed(name);
    if (feature === undefined) throw this.#notFound(given);
    const mask = 1 << feature.bit;
    if (on) this.#features[feature.word] |= mask;
    else this.#features[feature.word] &= ~mask;
    if (on) this.#asked.add(feature);
  }

  #finish(warn: (text: string) => void): CpuIdentity {
    const warnings: string[] = [];
    this.#dropDependents(warnings);
    const levels = this.#levels();
    this.#dropUnknown(warnings);
    const on = (name: string, otherwise: boolean): boolean => this.#switches.get(name) ?? otherwise;
    if (warnings.length > 0 && on('enforce', false)) {
      for (const text of warnings) warn(text);
      throw new MonitorError("TCG doesn't support requested features");
    }
    const words = this.#features;
    const { family, model, stepping } = this.#versionNumbers();
    if (this.#vendor === AMD) words[FEAT_8000_0001_EDX] |= words[FEAT_1_EDX] & AMD_ALIASES;
    const features: CpuFeatures = EXECUTED_FEATURES.map((_, word) => words[word]);
    return {
      ...{ type: this.#type, vendor: this.#vendor, modelId: this.#modelId },
      signature: signatureOf(family, model, stepping),
      ...levels,
      features,
      caches: {
        l3: on('l3-cache', this.#compat.l3Cache),
        intel: this.#vendor !== AMD || !this.#compat.vendorCpuidOnly,
      },
      hypervisorLeaves: on('tcg-cpuid', this.#compat.tcgCpuid),
      warnings: on('check', true) ? warnings : [],
    };
  }

  #versionNumbers(): { readonly family: number; readonly model: number; readonly stepping: number } {
    const isQemu64 = this.#model.name === 'qemu64-v1';
    const { family, model, stepping } = (isQemu64 ? this.#compat.qemu64 : undefined) ?? this.#model;
    const number = (name: string, otherwise: number): number => this.#numbers.get(name) ?? otherwise;
    return {
      family: number('family', family),
      model: number('model', model),
      stepping: number('stepping', stepping),
    };
  }

  #levels(): Pick<CpuIdentity, 'level' | 'xlevel' | 'level7'> {
    const { level, xlevel, level7 } = this.#leastLevels();
    return {
      level: this.#numbers.get('level') ?? level,
      xlevel: this.#numbers.get('xlevel') ?? xlevel,
      level7,
    };
  }

  /** QEMU: from what was asked for, be it there or not. */
  #leastLevels(): Pick<CpuIdentity, 'level' | 'xlevel' | 'level7'> {
    const raises = this.#switches.get('full-cpuid-auto-level') ?? this.#compat.fullAutoLevel;
    const least = !raises && this.#model.name === MAX_MODEL ? UNRAISED_MAX : this.#model;
    let level = this.#numbers.get('min-level') ?? least.level;
    let xlevel = this.#numbers.get('min-xlevel') ?? least.xlevel;
    for (const [word, { label }] of FEATURE_WORD_NAMES.entries()) {
      const needed = LEVELS[label];
      if (!raises || needed === undefined || this.#features[word] === 0) continue;
      if (needed < EXTENDED) level = Math.max(level, needed);
      else xlevel = Math.max(xlevel, needed);
    }
    const level7 = this.#features[FEAT_7_1_EAX] === 0 ? 0 : 1;
    return { level, xlevel, level7 };
  }

  /** Features without the one that they stand on. QEMU says so of those that were asked for. */
  #dropDependents(warnings: string[]): void {
    for (const feature of FEATURE_BITS) {
      const needed = DEPENDS[FEATURE_WORD_NAMES[feature.word]?.label ?? ''];
      const base = needed === undefined ? undefined : featureNamed(needed);
      if (base === undefined || this.#has(base) || !this.#has(feature)) continue;
      this.#features[feature.word] &= ~(1 << feature.bit);
      if (!this.#asked.has(feature)) continue;
      warnings.push(
        `This feature depends on other features that were not requested: ${describeFeature(feature)}`,
      );
    }
  }

  /** What the core does not execute. */
  #dropUnknown(warnings: string[]): void {
    for (const feature of FEATURE_BITS) {
      if (!this.#has(feature)) continue;
      const mask = 1 << feature.bit;
      if (((EXECUTED_FEATURES[feature.word] ?? 0) & mask) !== 0) continue;
      this.#features[feature.word] &= ~mask;
      // Not modelled: SVM, which QEMU has, and with it most of AMD's models; a warning for each qemu64 would be no news.
      if (feature.name === 'svm' && !this.#asked.has(feature)) continue;
      warnings.push(`TCG doesn't support requested feature: ${describeFeature(feature)}`);
    }
  }

  #has({ word, bit }: FeatureBit): boolean {
    return ((this.#features[word] >>> bit) & 1) !== 0;
  }
}

/** As QEMU's names of properties are written. */
function plain(name: string): string {
  return name.replaceAll('_', '-');
}

/** What QEMU says once of a machine whose cores have several threads. */
export function hyperthreadingWarning({ vendor }: CpuIdentity, threads: number): string | undefined {
  if (vendor !== AMD || threads <= 1) return undefined;
  return (
    `This family of AMD CPU doesn't support hyperthreading(${threads})\n` +
    'Please configure -smp options properly or try enabling topoext feature.'
  );
}
