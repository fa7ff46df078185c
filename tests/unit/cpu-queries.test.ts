/** What is told of processor models, beside what QEMU 7.2 tells: `scripts/record-cpu-expansions.ts` and `scripts/record-qmp.ts` recorded it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXECUTED_FEATURES, hasFeature } from '../../src/emu/cpu/cpu-features.ts';
import { featureNamed, MODEL_NAMES } from '../../src/emu/cpu/models/cpu-models.ts';
import { CURRENT_CPU } from '../../src/emu/cpu/models/cpu-option.ts';
import { cpuDefinitions, expandCpu } from '../../src/emu/machine/cpu-queries.ts';
import { machineVersion } from '../../src/emu/machine/machine-versions.ts';
import { qmpFlow } from '../support/qmp-flow.ts';

type Values = Readonly<Record<string, unknown>>;

/** What QEMU's TCG executes and this core does not. */
const NOT_EXECUTED = [
  ...['3dnow', '3dnowext', 'aes', 'avx', 'avx2', 'f16c', 'fma', 'la57', 'monitor', 'mpx', 'npt'],
  ...['pclmulqdq', 'pdpe1gb', 'pku', 'sse4a', 'svm', 'vaes', 'xgetbv1', 'xsave', 'xsaveopt'],
];

interface Differences {
  readonly full: Values;
  readonly static: Values;
}

/** By model: in what it differs from `base`. */
const GOLDEN: ReadonlyMap<string, Differences> = new Map(
  readFileSync(join(import.meta.dirname, '../golden/cpu/expansions.txt'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => [line.split(' ')[0] ?? '', JSON.parse(line.slice(line.indexOf('{'))) as Differences]),
);

function expanded(name: string, full: boolean, compat = CURRENT_CPU): Values {
  return expandCpu({ name, given: [], full, compat }, () => {}).props;
}

/** QEMU's table of the model that has nothing, as the program has it. */
const BASE = { full: expanded('base', true), static: expanded('base', false) };

describe('query-cpu-model-expansion', () => {
  it('was recorded for each model', () => {
    expect([...GOLDEN.keys()]).toEqual(MODEL_NAMES);
  });

  it.each(MODEL_NAMES.filter((name) => name !== 'max'))('%s is what QEMU makes of it', (name) => {
    for (const type of ['full', 'static'] as const) {
      expect(expanded(name, type === 'full'), type).toEqual({ ...BASE[type], ...GOLDEN.get(name)?.[type] });
    }
  });

  it('of max has what the core executes, and beside that what QEMU has', () => {
    const ofQemu: Values = { ...BASE.full, ...GOLDEN.get('max')?.full };
    const ours = expanded('max', true);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(ofQemu).sort());
    for (const [name, value] of Object.entries(ours)) {
      const feature = featureNamed(name.replaceAll('_', '-'));
      if (feature === undefined) expect(value, name).toBe(ofQemu[name]);
      else {
        expect(value, name).toBe(hasFeature(EXECUTED_FEATURES, (feature.word << 5) | feature.bit));
        // QEMU executes all that we do.
        if (value === true) expect(ofQemu[name], name).toBe(true);
      }
    }
  });

  it("of an older machine's processors has what that machine changes", () => {
    const { cpu } = machineVersion('pc-i440fx-2.7');
    expect(expanded('qemu64', true, cpu)).toMatchObject({
      ...{ 'l3-cache': false, 'tcg-cpuid': false, 'full-cpuid-auto-level': false },
      ...{ 'x-vendor-cpuid-only': false, family: 6, model: 6, stepping: 3 },
    });
  });
});

describe('query-cpu-definitions', () => {
  const [recorded] = qmpFlow('probe').filter(({ packet }) => packet.includes('query-cpu-definitions'));
  const ofQemu = (JSON.parse(recorded?.answers[0] ?? '') as { return: readonly Definition[] }).return;
  interface Definition {
    readonly name: string;
    readonly typename: string;
    readonly 'alias-of'?: string;
    readonly static: boolean;
    readonly 'migration-safe': boolean;
    readonly deprecated: boolean;
    readonly 'unavailable-features': readonly string[];
  }

  it('lists the models that QEMU lists, but those that this machine has not', () => {
    const has = (name: string): boolean => !/^(?:EPYC|Dhyana|host$)/.test(name);
    expect(cpuDefinitions().map(({ name }) => name)).toEqual(ofQemu.map(({ name }) => name).filter(has));
  });

  it('tells of each what QEMU tells, and of more features that they are not there', () => {
    const more = new Set<string>();
    for (const ours of cpuDefinitions()) {
      const theirs = ofQemu.find(({ name }) => name === ours.name);
      expect([ours.typeName, ours.aliasOf, ours.isStatic, ours.isMigrationSafe, false], ours.name).toEqual([
        theirs?.typename,
        theirs?.['alias-of'],
        theirs?.static,
        theirs?.['migration-safe'],
        theirs?.deprecated,
      ]);
      const unavailable = theirs?.['unavailable-features'] ?? [];
      // In the same order, too.
      expect(
        ours.unavailable.filter((name) => unavailable.includes(name)),
        ours.name,
      ).toEqual(unavailable);
      for (const name of ours.unavailable) if (!unavailable.includes(name)) more.add(name);
    }
    expect([...more].sort()).toEqual(NOT_EXECUTED);
  });
});
