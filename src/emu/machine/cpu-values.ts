/** The values of a processor's properties: QEMU's defaults, and over them what a model and its features come to. */
import { featureNamed, MAX_MODEL } from '../cpu/models/cpu-models.ts';
import type { CpuCompat, ExpandedCpu } from '../cpu/models/cpu-option.ts';
import { CPU_PROPERTIES, hasCpuProperty } from '../cpu/models/cpu-properties.ts';
import { ON, VALUES } from '../cpu/models/cpu-property-table.ts';
import type { JsonValue } from '../qapi/json-value.ts';

export type CpuValues = Map<string, JsonValue>;

const IS_ON: ReadonlySet<string> = new Set(ON.split(' '));
/** QEMU: `max` takes part in the host's performance monitoring unless told otherwise. */
const ON_OF_MAX: ReadonlySet<string> = new Set(['migratable', 'pmu']);

/** Of a processor that is not made yet; `model` is as -cpu names it. */
export function cpuDefaults(model: string, { shown }: CpuCompat): CpuValues {
  const isMax = model === MAX_MODEL;
  const values: CpuValues = new Map([['realized', false]]);
  for (const [name, type] of CPU_PROPERTIES) {
    if (!hasCpuProperty(name, isMax)) continue;
    if (type === 'bool') values.set(name, IS_ON.has(name) || (isMax && ON_OF_MAX.has(name)));
    else if (Object.hasOwn(VALUES, name)) values.set(name, VALUES[name] ?? 0);
  }
  for (const [name, value] of shown) values.set(name, value);
  return new Map([...values].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Puts what became of the features and numbers into the values, each under all its spellings. */
export function fillCpuValues(
  values: CpuValues,
  { features, vendor, modelId, numbers, switches }: ExpandedCpu,
  compat: CpuCompat,
): void {
  for (const name of values.keys()) {
    const feature = featureNamed(name.replaceAll('_', '-'));
    if (feature === undefined) continue;
    values.set(name, (((features[feature.word] ?? 0) >>> feature.bit) & 1) !== 0);
  }
  const ofVersion = {
    ...{ 'l3-cache': compat.l3Cache, 'tcg-cpuid': compat.tcgCpuid },
    ...{ 'full-cpuid-auto-level': compat.fullAutoLevel, 'x-vendor-cpuid-only': compat.vendorCpuidOnly },
    'x-intel-pt-auto-level': compat.intelPtAutoLevel,
  };
  const all = { ...ofVersion, ...Object.fromEntries(switches), ...numbers, vendor, 'model-id': modelId };
  for (const [name, value] of Object.entries(all)) values.set(name, value);
}
