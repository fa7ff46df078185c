/** A processor as an object: the properties that QEMU's have, in QEMU's order. */
import { MonitorError } from '../core/monitor-error.ts';
import { AMD, INTEL, microcodeOf } from '../cpu/models/cpu-identity.ts';
import { FEATURE_WORD_NAMES } from '../cpu/models/cpu-model-table.ts';
import { FEATURE_BITS, featureNamed, MAX_MODEL } from '../cpu/models/cpu-models.ts';
import type { CpuCompat, CpuDescription } from '../cpu/models/cpu-option.ts';
import { CPU_PROPERTIES, hasCpuProperty, isReadOnlyCpuProperty } from '../cpu/models/cpu-properties.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import { type Hardware, hardwareOf } from '../qdev/hardware.ts';
import type { QomProperty } from '../qdev/objects.ts';
import type { Qdev } from '../qdev/tree.ts';
import { type CpuValues, cpuDefaults, fillCpuValues } from './cpu-values.ts';

import type { MachineProcessor, Processors } from './processors.ts';

/** QEMU: the highest basic leaf of Intel's processors with several dies. */
const DIE_LEVEL = 0x1f;
const PHYS_BITS = { longMode: 40, pse36: 36, else: 32 };
const HYPER_V = 'Microsoft Hv';
/** Where it is: each processor has its own. */
const PLACE = ['node-id', 'die-id', 'apic-id', 'thread-id', 'socket-id', 'core-id'];

/** A feature word in QEMU's lists: leaf, subleaf where there are several, register, and the row of FEATURE_WORD_NAMES. */
type ListedWord = readonly [leaf: number, subleaf: number | undefined, register: string, label: string];

/** Not modelled: words without a label, for parts of XSAVE's area and for KVM, are 0, as there is neither. */
const LISTED_WORDS: readonly ListedWord[] = [
  [0xd, 1, 'EDX', ''],
  [0xd, 1, 'ECX', ''],
  [0x12, 1, 'EAX', ''],
  [0x12, 0, 'EBX', 'CPUID.12H:EBX'],
  [0x12, 0, 'EAX', 'CPUID.12H:EAX'],
  [0x14, 0, 'ECX', 'CPUID.14H:ECX'],
  [0xd, 0, 'EDX', ''],
  [0xd, 0, 'EAX', ''],
  [0x6, undefined, 'EAX', 'CPUID.06H:EAX'],
  [0xd, 1, 'EAX', 'CPUID.0DH:EAX'],
  [0x8000000a, undefined, 'EDX', 'CPUID.8000000AH:EDX'],
  [0x40000001, undefined, 'EDX', ''],
  [0x40000001, undefined, 'EAX', ''],
  [0xc0000001, undefined, 'EDX', 'CPUID.C0000001H:EDX'],
  [0x80000008, undefined, 'EBX', 'CPUID.80000008H:EBX'],
  [0x80000007, undefined, 'EDX', 'CPUID.80000007H:EDX'],
  [0x80000001, undefined, 'ECX', 'CPUID.80000001H:ECX'],
  [0x80000001, undefined, 'EDX', 'CPUID.80000001H:EDX'],
  [0x7, 1, 'EAX', 'CPUID.07H:EAX'],
  [0x7, 0, 'EDX', 'CPUID.07H:EDX'],
  [0x7, 0, 'ECX', 'CPUID.07H:ECX'],
  [0x7, 0, 'EBX', 'CPUID.07H:EBX'],
  [0x1, undefined, 'ECX', 'CPUID.01H:ECX'],
  [0x1, undefined, 'EDX', 'CPUID.01H:EDX'],
];

/** Properties that are other names of one. */
const OTHER_NAMES: Readonly<Record<string, string>> = { 'hv-apicv': 'hv-avic' };

export interface CpuObjectParts {
  readonly cpu: CpuDescription;
  readonly compat: CpuCompat;
  /** Of a socket. */
  readonly dies: number;
}

export class CpuObject {
  readonly #cpu: CpuDescription;
  readonly #values: CpuValues;

  constructor({ cpu, compat, dies }: CpuObjectParts) {
    this.#cpu = cpu;
    this.#values = cpuDefaults(cpu.model, compat);
    for (const name of this.#values.keys()) {
      const value = cpu.given.get(realName(name));
      if (value !== undefined) this.#values.set(name, value);
    }
    fillCpuValues(this.#values, cpu.expanded, compat);
    this.#complete();
    if (dies > 1 && cpu.identity.vendor === INTEL)
      for (const name of ['min-level', 'level'])
        this.#values.set(name, Math.max(DIE_LEVEL, Number(this.#values.get(name))));
  }

  /** Beside those that each device has. */
  properties(device: Qdev): readonly QomProperty[] {
    const isMax = this.#cpu.model === MAX_MODEL;
    return [...CPU_PROPERTIES]
      .filter(([name]) => hasCpuProperty(name, isMax))
      .map(([name, typeName]) => this.#property(name, typeName, device));
  }

  #property(name: string, typeName: string, device: Qdev): QomProperty {
    const read = this.#reader(name, device);
    const property = read === undefined ? { name, typeName } : { name, typeName, read };
    if (isReadOnlyCpuProperty(name)) return property;
    // Not modelled: QEMU lets family, model, stepping, vendor, model-id and tsc-frequency change at any time.
    const refuse = (): never => {
      throw device.realizedError(realName(name), 'property');
    };
    return { ...property, write: refuse };
  }

  #reader(name: string, device: Qdev): (() => JsonValue) | undefined {
    const { expanded, filtered } = this.#cpu;
    if (PLACE.includes(name)) return () => Number(device.valueNamed(name));
    if (name === 'feature-words') return () => listed(expanded.features);
    if (name === 'filtered-features') return () => listed(filtered);
    if (name === 'unavailable-features') return () => namesOf(filtered);
    if (name === 'crash-information') return noCrash;
    const value = this.#values.get(name);
    return value === undefined ? undefined : () => value;
  }

  /** What QEMU fills in when a processor is realized. */
  #complete(): void {
    const values = this.#values;
    const { vendor } = this.#cpu.identity;
    if (!values.get('ucode-rev')) values.set('ucode-rev', Number(microcodeOf(vendor === AMD ? AMD : INTEL)));
    if (values.get('hv-vendor-id') === '') values.set('hv-vendor-id', HYPER_V);
    if (values.get('lm') === true) values.set('phys-bits', PHYS_BITS.longMode);
    else values.set('phys-bits', values.get('pse36') === true ? PHYS_BITS.pse36 : PHYS_BITS.else);
  }
}

/** A processor that is there, as a device. */
export function cpuHardware(
  processor: MachineProcessor,
  processors: Processors,
  object: CpuObject,
): Hardware {
  return hardwareOf({
    sections: processors.sections(processor),
    ownProperties: (device) => object.properties(device),
    release: () => processors.remove(processor.index),
  });
}

function realName(name: string): string {
  const plain = name.replaceAll('_', '-');
  return OTHER_NAMES[plain] ?? featureNamed(plain)?.name ?? plain;
}

function noCrash(): never {
  throw new MonitorError('No crash occurred');
}

function listed(words: Int32Array): readonly JsonValue[] {
  return LISTED_WORDS.map(([leaf, subleaf, register, label]) => {
    const row = FEATURE_WORD_NAMES.findIndex((word) => word.label === label);
    return {
      'cpuid-register': register,
      ...(subleaf === undefined ? {} : { 'cpuid-input-ecx': subleaf }),
      'cpuid-input-eax': leaf,
      features: row < 0 ? 0 : (words[row] ?? 0) >>> 0,
    };
  });
}

function namesOf(words: Int32Array): readonly string[] {
  return FEATURE_BITS.filter(({ word, bit }) => (((words[word] ?? 0) >>> bit) & 1) !== 0).map(
    ({ name }) => name,
  );
}
