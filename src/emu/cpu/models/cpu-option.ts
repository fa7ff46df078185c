/** What `-cpu` means. QEMU: target/i386/cpu.c. Texts are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import { type CpuFeatures, EXECUTED_FEATURES, FEAT_1_EDX, FEAT_8000_0001_EDX } from '../cpu-features.ts';
import { AMD, type CpuIdentity, microcodeOf, signatureOf } from './cpu-identity.ts';
import { type CpuLevels, raisedLevels } from './cpu-levels.ts';
import { FEATURE_WORD_NAMES } from './cpu-model-table.ts';
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
import {
  type CpuValue,
  hasCpuProperty,
  isReadOnlyCpuProperty,
  needsKvm,
  readCpuValue,
} from './cpu-properties.ts';
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
  /** Leaf 14 of a processor with Intel PT is there by itself. */
  readonly intelPtAutoLevel: boolean;
  /** Other numbers for qemu64. */
  readonly qemu64?: { readonly family: number; readonly model: number; readonly stepping: number };
  /** Properties that had another default, and from which nothing follows here. */
  readonly shown: ReadonlyMap<string, CpuValue>;
}

export const CURRENT_CPU: CpuCompat = {
  l3Cache: true,
  tcgCpuid: true,
  vendorCpuidOnly: true,
  fullAutoLevel: true,
  intelPtAutoLevel: true,
  shown: new Map(),
};

const NUMBERS = new Set([
  ...['family', 'model', 'stepping', 'level', 'xlevel', 'xlevel2', 'level-func7'],
  ...['min-level', 'min-xlevel', 'min-xlevel2'],
]);
const SWITCHES = new Set([
  ...['check', 'enforce', 'l3-cache', 'tcg-cpuid', 'full-cpuid-auto-level', 'x-vendor-cpuid-only'],
  ...['x-intel-pt-auto-level', 'x-force-features', 'cpuid-0xb'],
]);
const TEXTS = new Set(['vendor', 'model-id']);
const VENDOR_LENGTH = 12;
/** QEMU: bounds of phys-bits. */
const PHYS_BITS = { min: 32, max: 52 };
/** Of every 64-bit processor here. */
const PHYS_BITS_64 = 40;
const LONG_MODE = 'lm';

/** Features that nobody can have who lacks another. */
const DEPENDS: Readonly<Record<string, string>> = {
  'CPUID.14H:ECX': 'intel-pt',
  'CPUID.8000000AH:EDX': 'svm',
  'MSR(10AH)': 'arch-capabilities',
  'MSR(CFH)': 'core-capability',
};

/** Leaf 80000001 EDX repeats these bits of leaf 1 EDX on AMD's processors. */
const AMD_ALIASES = 0x0183f3ff;
/** QEMU: `max` has no levels of its own but those that features raise. */
const UNRAISED_MAX = { level: 0, xlevel: 0 };

/** What -cpu is when it is not given. */
export const DEFAULT_CPU = 'qemu64';

/**
 * The processor that `text` names. Throws MonitorError for one that there is not.
 * @param text a model, then features and properties, as after -cpu
 * @param warn told what is odd about the text itself
 */
export function readCpu(text: string, compat: CpuCompat, warn: (text: string) => void): CpuIdentity {
  return describeCpu(text, compat, warn).identity;
}

/** A processor with all that monitors see of it. */
export interface CpuDescription {
  readonly identity: CpuIdentity;
  /** As `-cpu` names it, with or without a version. */
  readonly model: string;
  /** Without what the core does not execute. */
  readonly expanded: ExpandedCpu;
  /** What was asked for and is not executed: one word for each row of FEATURE_WORD_NAMES. */
  readonly filtered: Int32Array;
  /** Properties that were given, and from which nothing follows. */
  readonly given: ReadonlyMap<string, CpuValue>;
}

/** As `readCpu`. */
export function describeCpu(text: string, compat: CpuCompat, warn: (text: string) => void): CpuDescription {
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
  readonly #name: string;
  readonly #type: string;
  readonly #model: RecordedModel;
  readonly #compat: CpuCompat;
  readonly #features: Int32Array;
  readonly #numbers = new Map<string, number>();
  readonly #switches = new Map<string, boolean>();
  readonly #given = new Map<string, CpuValue>();
  /** What the user asked for by name. */
  readonly #asked = new Set<FeatureBit>();
  #vendor: string;
  #modelId: string;

  constructor(name: string, model: RecordedModel, compat: CpuCompat) {
    this.#name = name;
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

  read(parts: readonly string[], warn: (text: string) => void): CpuDescription {
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
    const counts = TEXTS.has(name) || NUMBERS.has(name) || SWITCHES.has(name) || featureNamed(plain(name));
    if (counts) this.#set(plain(name), value);
    return counts !== undefined;
  }

  expanded(warn: (text: string) => void): ExpandedCpu {
    const warnings: string[] = [];
    this.#dropDependents(warnings);
    for (const text of warnings) warn(text);
    return this.#expanded(this.#leastLevels());
  }

  #expanded(least: CpuLevels): ExpandedCpu {
    const { family, model, stepping } = this.#versionNumbers();
    const { level, xlevel, xlevel2, level7 } = this.#levels(least);
    return {
      ...{ features: this.#features, vendor: this.#vendor, modelId: this.#modelId, switches: this.#switches },
      numbers: {
        ...{ family, model, stepping, level, xlevel, xlevel2, 'level-func7': level7 },
        ...{ 'min-level': least.level, 'min-xlevel': least.xlevel, 'min-xlevel2': least.xlevel2 },
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
    const feature = featureNamed(name);
    if (isReadOnlyCpuProperty(name))
      throw new MonitorError(`Property '${this.#type}.${name}' is not writable`);
    if (!hasCpuProperty(feature?.name ?? name, this.#isMax)) throw this.#notFound(name);
    if (name === 'vendor') this.#setVendor(value);
    else if (name === 'model-id') this.#modelId = value;
    else if (feature === undefined) this.#setValue(name, readCpuValue(name, value));
    else this.#setFeature(feature, readCpuValue(name, value) === true);
  }

  #setValue(name: string, value: CpuValue): void {
    if (NUMBERS.has(name)) this.#numbers.set(name, Number(value));
    else if (SWITCHES.has(name)) this.#switches.set(name, value === true);
    else if (!needsKvm(name)) this.#given.set(name, value);
  }

  #setFeature(feature: FeatureBit, on: boolean): void {
    const mask = 1 << feature.bit;
    if (on) this.#features[feature.word] |= mask;
    else this.#features[feature.word] &= ~mask;
    if (on) this.#asked.add(feature);
  }

  get #isMax(): boolean {
    return this.#model.name === MAX_MODEL;
  }

  #notFound(name: string): MonitorError {
    return new MonitorError(`Property '${this.#type}.${name}' not found`);
  }

  #setVendor(value: string): void {
    if (value.length !== VENDOR_LENGTH)
      throw new MonitorError(`Property '.vendor' doesn't take value '${value}'`);
    this.#vendor = value;
  }

  /** `+name` or `-name`. */
  #flag(given: string, on: boolean): void {
    if (featureNamed(plain(given)) === undefined && !hasCpuProperty(plain(given), this.#isMax))
      throw this.#notFound(given);
    this.#set(plain(given), on ? 'on' : 'off');
  }

  #on(name: string, otherwise: boolean): boolean {
    return this.#switches.get(name) ?? otherwise;
  }

  #finish(warn: (text: string) => void): CpuDescription {
    const warnings: string[] = [];
    this.#dropDependents(warnings);
    const least = this.#leastLevels();
    const filtered = this.#dropUnknown(warnings);
    if (warnings.length > 0 && this.#on('enforce', false)) {
      for (const text of warnings) warn(text);
      throw new MonitorError("TCG doesn't support requested features");
    }
    this.#checkGiven(warn);
    const words = this.#features;
    if (this.#vendor === AMD) words[FEAT_8000_0001_EDX] |= words[FEAT_1_EDX] & AMD_ALIASES;
    const identity = this.#identity(least, this.#on('check', true) ? warnings : []);
    const expanded = this.#expanded(least);
    return { identity, model: this.#name, expanded, filtered, given: this.#given };
  }

  #identity(least: CpuLevels, warnings: readonly string[]): CpuIdentity {
    const words = this.#features;
    const { family, model, stepping } = this.#versionNumbers();
    const features: CpuFeatures = EXECUTED_FEATURES.map((_, word) => words[word]);
    const isAmd = this.#vendor === AMD;
    return {
      ...{ type: this.#type, vendor: this.#vendor, modelId: this.#modelId },
      signature: signatureOf(family, model, stepping),
      ...this.#levels(least),
      features,
      caches: {
        l3: this.#on('l3-cache', this.#compat.l3Cache),
        intel: !isAmd || !this.#on('x-vendor-cpuid-only', this.#compat.vendorCpuidOnly),
      },
      topologyLeaf: this.#on('cpuid-0xb', true),
      hypervisorLeaves: this.#on('tcg-cpuid', this.#compat.tcgCpuid),
      microcode: BigInt(this.#given.get('ucode-rev') || microcodeOf(this.#vendor)),
      warnings,
    };
  }

  /** Values that QEMU takes one by one, and refuses together with the rest of the processor. */
  #checkGiven(warn: (text: string) => void): void {
    if (String(this.#given.get('hv-vendor-id') ?? '').length > VENDOR_LENGTH)
      warn(`hv-vendor-id truncated to ${VENDOR_LENGTH} characters`);
    if (this.#given.get('legacy-cache') === false)
      throw new MonitorError(`CPU model '${this.#name}' doesn't support legacy-cache=off`);
    const bits = Number(this.#given.get('phys-bits') ?? 0);
    if (bits === 0) return;
    const longMode = featureNamed(LONG_MODE);
    if (longMode !== undefined && !this.#has(longMode))
      throw new MonitorError('phys-bits is not user-configurable in 32 bit');
    const { min, max } = PHYS_BITS;
    if (bits < min || bits > max)
      throw new MonitorError(`phys-bits should be between ${min} and ${max}  (but is ${bits})`);
    if (bits !== PHYS_BITS_64) throw new MonitorError(`'phys-bits=${bits}' is not modelled by this machine`);
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

  #levels(least: CpuLevels): CpuLevels {
    return {
      level: this.#numbers.get('level') ?? least.level,
      xlevel: this.#numbers.get('xlevel') ?? least.xlevel,
      xlevel2: this.#numbers.get('xlevel2') ?? least.xlevel2,
      level7: this.#numbers.get('level-func7') ?? least.level7,
    };
  }

  /** QEMU: from what was asked for, be it there or not. */
  #leastLevels(): CpuLevels {
    const fullAutoLevel = this.#on('full-cpuid-auto-level', this.#compat.fullAutoLevel);
    const intelPtAutoLevel = this.#on('x-intel-pt-auto-level', this.#compat.intelPtAutoLevel);
    const model = !fullAutoLevel && this.#isMax ? UNRAISED_MAX : this.#model;
    const least = {
      level: this.#numbers.get('min-level') ?? model.level,
      xlevel: this.#numbers.get('min-xlevel') ?? model.xlevel,
      xlevel2: this.#numbers.get('min-xlevel2') ?? 0,
    };
    return raisedLevels(this.#features, least, { fullAutoLevel, intelPtAutoLevel });
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

  /** Takes away what the core does not execute, unless it was asked for by force. Gives what that is. */
  #dropUnknown(warnings: string[]): Int32Array {
    const filtered = new Int32Array(FEATURE_WORD_NAMES.length);
    for (const feature of FEATURE_BITS) {
      if (!this.#has(feature)) continue;
      const mask = 1 << feature.bit;
      if (((EXECUTED_FEATURES[feature.word] ?? 0) & mask) !== 0) continue;
      filtered[feature.word] |= mask;
      if (!this.#on('x-force-features', false)) this.#features[feature.word] &= ~mask;
      // Not modelled: SVM, which QEMU has, and with it most of AMD's models; a warning for each qemu64 would be no news.
      if (feature.name === 'svm' && !this.#asked.has(feature)) continue;
      warnings.push(`TCG doesn't support requested feature: ${describeFeature(feature)}`);
    }
    return filtered;
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
