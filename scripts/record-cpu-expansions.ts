/**
 * Asks a real QEMU what its processor models become: `npx tsx scripts/record-cpu-expansions.ts` writes src/emu/cpu/models/cpu-property-table.ts,
 * all properties of a processor with their defaults, tests/golden/cpu/expansions.txt, in which each model says how it differs from `base`, and
 * tests/golden/cpu/objects.txt, in which processors of whole machines say how they differ from the default one.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MODEL_NAMES } from '../src/emu/cpu/models/cpu-models.ts';
import { OBJECT_CASES } from '../tests/golden/cpu/object-cases.ts';
import { ask, type Values } from './ask-qemu.ts';

const TABLE = fileURLToPath(new URL('../src/emu/cpu/models/cpu-property-table.ts', import.meta.url));
const GOLDEN = fileURLToPath(new URL('../tests/golden/cpu/expansions.txt', import.meta.url));
const OBJECTS = fileURLToPath(new URL('../tests/golden/cpu/objects.txt', import.meta.url));
const LINE = 100;
/** The first processor of a machine. */
const FIRST = '/machine/unattached/device[0]';

interface Expansion {
  readonly model: { readonly name: string; readonly props: Values };
}

async function expansions(names: readonly string[], type: 'static' | 'full'): Promise<readonly Values[]> {
  const questions = names.map((name) => ({
    execute: 'query-cpu-model-expansion',
    arguments: { type, model: { name } },
  }));
  const { results } = await ask([], questions);
  return (results.slice(0, names.length) as Expansion[]).map(({ model }) => model.props);
}

interface Property {
  readonly name: string;
  readonly type: string;
}

/** The properties of the first processor of a machine with these arguments, in QEMU's order. */
async function propertiesOf(args: readonly string[]): Promise<readonly Property[]> {
  const { results } = await ask(args, [{ execute: 'qom-list', arguments: { path: FIRST } }]);
  const listed = results[0] as readonly Property[];
  // What each device has comes first; objects inside the processor are in no table.
  const common = listed.findIndex(({ name }) => name === 'hotpluggable');
  return listed.slice(common + 1).filter(({ name, type }) => !type.startsWith('child<') && name !== LEFT_OUT);
}

async function valuesOf(args: readonly string[], names: readonly string[]): Promise<Values> {
  const questions = names.map((property) => ({
    execute: 'qom-get',
    arguments: { path: FIRST, property },
  }));
  const { results } = await ask(args, questions);
  return Object.fromEntries(names.map((name, at) => [name, results[at]]));
}

/** Of the lists of feature words, only the words: which they are is the same for all processors. */
function short(value: unknown): unknown {
  if (!Array.isArray(value) || typeof value[0] !== 'object') return value;
  return (value as readonly { readonly features: number }[]).map(({ features }) => features);
}

/** Names with blanks between them, as an expression over several lines. */
function words(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length > LINE) lines.push(name);
    else lines[lines.length - 1] = `${last} ${name}`;
  }
  return lines.map((line, at) => `'${line}${at < lines.length - 1 ? ' ' : ''}'`).join(' +\n');
}

/** A link to an object that our tree does not have. */
const LEFT_OUT = 'memory';

function writeTable(full: Values, fixed: Values, properties: readonly Property[]): void {
  const names = Object.keys(full)
    .filter((name) => name !== LEFT_OUT)
    .sort();
  const having = (value: unknown): readonly string[] => names.filter((name) => full[name] === value);
  const others = Object.fromEntries(
    names.filter((name) => typeof full[name] !== 'boolean').map((name) => [name, full[name]]),
  );
  const text = `/** What QEMU 7.2 tells of the properties of \`base\`; recorded by scripts/record-cpu-expansions.ts, not to be edited by hand. */

/** Those of \`max\`, which has all that others have, in QEMU's order; with the type of each that is no bool. */
export const PROPERTIES = ${words(properties.map(({ name, type }) => (type === 'bool' ? name : `${name}:${type}`)))};

/** Switches that are on; the others are off. */
export const ON = ${words(having(true))};

/** Numbers and texts. */
export const VALUES: Readonly<Record<string, number | bigint | string>> = ${JSON.stringify(others)};

/** Properties that are no part of the static expansion. */
export const FULL_ONLY = ${words(names.filter((name) => !(name in fixed)))};
`;
  // JSON has no name for a number of 64 bits.
  writeFileSync(TABLE, text.replaceAll('18446744073709552000', '0xffff_ffff_ffff_ffffn'));
  execFileSync('node_modules/.bin/biome', ['format', '--write', TABLE]);
}

function difference(props: Values, base: Values): Values {
  return Object.fromEntries(
    Object.entries(props)
      .filter(([name, value]) => value !== base[name])
      .sort(),
  );
}

const full = await expansions(MODEL_NAMES, 'full');
const fixed = await expansions(MODEL_NAMES, 'static');
const base = MODEL_NAMES.indexOf('base');
const [baseFull = {}, baseStatic = {}] = [full[base], fixed[base]];
const properties = await propertiesOf(['-cpu', 'max']);
writeTable(baseFull, baseStatic, properties);
const rows = MODEL_NAMES.map((name, at) => {
  const differences = {
    full: difference(full[at] ?? {}, baseFull),
    static: difference(fixed[at] ?? {}, baseStatic),
  };
  return `${name} ${JSON.stringify(differences)}\n`;
});
writeFileSync(GOLDEN, rows.join(''));

const names = properties.map(({ name }) => name);
const usual = await valuesOf([], names);
const objects: string[] = [];
for (const line of ['', ...OBJECT_CASES]) {
  const values = await valuesOf(line.split(' ').filter(Boolean), names);
  const differences = Object.entries(values).filter(
    ([name, value]) => line === '' || JSON.stringify(value) !== JSON.stringify(usual[name]),
  );
  const shown = line === '' ? differences : differences.map(([name, value]) => [name, short(value)]);
  objects.push(`${line} = ${JSON.stringify(Object.fromEntries(shown))}\n`);
}
writeFileSync(OBJECTS, objects.join(''));
