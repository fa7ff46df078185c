/** A processor as an object, beside what QEMU 7.2 tells of its own: `scripts/record-cpu-expansions.ts` recorded tests/golden/cpu/objects.txt. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXECUTED_FEATURES } from '../../src/emu/cpu/cpu-features.ts';
import { FEATURE_BITS, featureNamed } from '../../src/emu/cpu/models/cpu-models.ts';
import { describeCpu } from '../../src/emu/cpu/models/cpu-option.ts';
import { CpuObject } from '../../src/emu/machine/cpu-object.ts';
import { Machine } from '../../src/emu/machine/machine.ts';
import { CURRENT_MACHINE, machineVersion } from '../../src/emu/machine/machine-versions.ts';
import type { JsonValue } from '../../src/emu/qapi/json-value.ts';
import { Qdev } from '../../src/emu/qdev/tree.ts';
import { OBJECT_CASES } from '../golden/cpu/object-cases.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { monitorRig } from '../support/monitor-rig.ts';

type Values = Readonly<Record<string, JsonValue | undefined>>;

const LINES = readFileSync(join(import.meta.dirname, '../golden/cpu/objects.txt'), 'utf8')
  .trimEnd()
  .split('\n');
/** By the command line: in what the processor differs from the default one, which is the first. */
const GOLDEN: ReadonlyMap<string, Values> = new Map(
  LINES.map((line) => {
    const at = line.indexOf(' = ');
    return [line.slice(0, at), JSON.parse(line.slice(at + 3)) as Values];
  }),
);
const USUAL: Values = GOLDEN.get('') ?? {};
const CASES = OBJECT_CASES.filter((line) => !/-cpu (?:EPYC|Dhyana)/.test(line));
/** They are the board's, which gives them to each processor. */
const PLACE = ['node-id', 'die-id', 'apic-id', 'thread-id', 'socket-id', 'core-id'];

interface ListedWord {
  readonly 'cpuid-register': string;
  readonly 'cpuid-input-eax': number;
  readonly 'cpuid-input-ecx'?: number;
  readonly features: number;
}

function oursOf(line: string): { readonly values: Values; readonly types: readonly string[] } {
  const words = line.split(' ');
  const after = (option: string): string | undefined => words[words.indexOf(option) + 1];
  const { cpu: compat } = machineVersion(
    words.includes('-machine') ? (after('-machine') ?? '') : CURRENT_MACHINE,
  );
  const text = words.includes('-cpu') ? (after('-cpu') ?? '') : 'qemu64';
  const cpu = describeCpu(text, compat, () => {});
  const object = new CpuObject({ cpu, compat, dies: /dies=2/.test(line) ? 2 : 1 });
  const properties = object.properties(Object.create(Qdev.prototype) as Qdev);
  const readable = properties.filter(
    ({ name, read }) => read !== undefined && name !== 'crash-information' && !PLACE.includes(name),
  );
  return {
    values: Object.fromEntries(readable.map(({ name, read }) => [name, read?.()])),
    types: properties.map(({ name, typeName }) => `${name}:${typeName}`),
  };
}

/** Numbers of the words alone, as the recording has those of all cases but the first. */
const wordsOf = (value: JsonValue | undefined): readonly number[] =>
  (value as unknown as readonly (ListedWord | number)[]).map((word) =>
    typeof word === 'number' ? word : word.features,
  );

const isXsaveArea = ({
  'cpuid-input-eax': leaf,
  'cpuid-input-ecx': sub,
  'cpuid-register': register,
}: ListedWord) => leaf === 0xd && (sub === 0 || register !== 'EAX');

describe('the object of a processor', () => {
  it('lists the feature words that QEMU lists', () => {
    const places = (value: JsonValue | undefined): readonly unknown[] =>
      (value as unknown as readonly ListedWord[]).map(({ features: _, ...place }) => place);
    const { values } = oursOf('');
    expect(places(values['feature-words'])).toEqual(places(USUAL['feature-words']));
    expect(places(values['filtered-features'])).toEqual(places(USUAL['filtered-features']));
  });

  it.each(['', ...CASES])('%s has what QEMU gives it', (line) => {
    const theirs: Values = { ...USUAL, ...GOLDEN.get(line) };
    const ours = oursOf(line).values;
    // As JSON: a number of 64 bits is no exact one there.
    const asJson = (value: JsonValue | undefined): unknown =>
      typeof value === 'bigint' ? Number(value) : value;
    for (const [name, value] of Object.entries(ours)) {
      const feature = featureNamed(name.replaceAll('_', '-'));
      if (/feature/.test(name)) continue;
      if (feature === undefined) expect(asJson(value), name).toEqual(theirs[name]);
      else if (value === true) expect(theirs[name], name).toBe(true);
    }
    expect(Object.keys(ours).sort()).toEqual(
      Object.keys(theirs)
        .filter(
          (name) =>
            !PLACE.includes(name) &&
            (/-cpu max/.test(line) || !/^(?:migratable|host-cache-info)$/.test(name)),
        )
        .sort(),
    );
  });

  it.each(CASES)('%s was asked for the features that QEMU was asked for', (line) => {
    const theirs: Values = { ...USUAL, ...GOLDEN.get(line) };
    const ours = oursOf(line).values;
    const places = USUAL['feature-words'] as unknown as readonly ListedWord[];
    const asked = (values: Values): readonly number[] => {
      const filtered = wordsOf(values['filtered-features']);
      return wordsOf(values['feature-words']).map((word, at) => (word | (filtered[at] ?? 0)) >>> 0);
    };
    // `max` is what an emulator has.
    if (/-cpu max/.test(line)) return;
    const compared = (words: readonly number[]): readonly number[] =>
      words.filter((_, at) => places[at] !== undefined && !isXsaveArea(places[at]));
    expect(compared(asked(ours))).toEqual(compared(asked(theirs)));
    const missing = new Set(ours['unavailable-features'] as readonly string[]);
    for (const { name, word, bit } of FEATURE_BITS)
      if (missing.has(name)) expect((EXECUTED_FEATURES[word] ?? 0) & (1 << bit), name).toBe(0);
  });

  it('is what qom-list, qom-get and qom-set see', async () => {
    const { machine } = await monitorRig({ cpu: 'Haswell' });
    const path = '/machine/unattached/device[0]';
    const listed = machine.qom.list(path).map(({ name, typeName }) => `${name}:${typeName}`);
    expect(listed.slice(5)).toEqual(oursOf('-cpu Haswell').types);
    expect(machine.qom.get(path, 'xlevel')).toBe(0x80000008);
    expect(machine.qom.get(path, 'sse4_1')).toBe(true);
    expect(machine.qom.get(path, 'core-id')).toBe(0);
    expect(() => machine.qom.get(path, 'crash-information')).toThrow('No crash occurred');
    expect(() => machine.qom.get(path, 'legacy-memory')).toThrow(
      "Property 'Haswell-x86_64-cpu.legacy-memory' is not readable",
    );
    expect(() => machine.qom.set(path, 'feature-words', [], true)).toThrow(
      "Property 'Haswell-x86_64-cpu.feature-words' is not writable",
    );
    expect(() => machine.qom.set(path, 'sse4-1', true, true)).toThrow(
      "Attempt to set property 'sse4.1' on anonymous device (type 'Haswell-x86_64-cpu') after it was realized",
    );
  });

  // As QEMU answers with the same -cpu.
  it('of the machine none has the ids that the user gives', async () => {
    const path = '/machine/unattached/device[0]';
    const cpu = 'qemu64,apic-id=5,core-id=3,node-id=2';
    const machine = new Machine(
      { machineType: 'none', memoryBytes: 0, cpu },
      { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    );
    const ids = ['apic-id', 'core-id', 'socket-id', 'die-id', 'thread-id', 'node-id', 'level'];
    expect(ids.map((name) => machine.qom.get(path, name))).toEqual([5, 3, -1, -1, -1, 2, 13]);
    expect(machine.inspect.cpus().map(({ qomPath }) => qomPath)).toEqual([path]);
    machine.reset();
    expect(machine.inspect.cpuRegisters(0)?.rip).toBe(0xfff0n);
    await machine.close();
    const empty = new Machine(
      { machineType: 'none', memoryBytes: 0 },
      { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    );
    expect(empty.inspect.cpus()).toEqual([]);
    expect(() => empty.qom.get(path, 'level')).toThrow("Device '/machine/unattached/device[0]' not found");
    await empty.close();
  });
});
