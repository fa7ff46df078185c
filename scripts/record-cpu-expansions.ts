/**
 * Asks a real QEMU what its processor models become: `npx tsx scripts/record-cpu-expansions.ts` writes src/emu/cpu/models/cpu-property-table.ts,
 * all properties of a processor with their defaults, and tests/golden/cpu/expansions.txt, in which each model says how it differs from `base`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MODEL_NAMES } from '../src/emu/cpu/models/cpu-models.ts';
import { ask, type Values } from './ask-qemu.ts';

const TABLE = fileURLToPath(new URL('../src/emu/cpu/models/cpu-property-table.ts', import.meta.url));
const GOLDEN = fileURLToPath(new URL('../tests/golden/cpu/expansions.txt', import.meta.url));
const LINE = 100;

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

/** Names with blanks between them, as an expression over several lines. */
function words(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of [...names].sort()) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length > LINE) lines.push(name);
    else lines[lines.length - 1] = `${last} ${name}`;
  }
  return lines.map((line, at) => `'${line}${at < lines.length - 1 ? ' ' : ''}'`).join(' +\n');
}

/** A link to an object that our tree does not have. */
const LEFT_OUT = 'memory';

function writeTable(full: Values, fixed: Values): void {
  const names = Object.keys(full).filter((name) => name !== LEFT_OUT);
  const having = (value: unknown): readonly string[] => names.filter((name) => full[name] === value);
  const others = Object.fromEntries(
    names
      .filter((name) => typeof full[name] !== 'boolean')
      .sort()
      .map((name) => [name, full[name]]),
  );
  const text = `/** What QEMU 7.2 tells of the properties of \`base\`; recorded by scripts/record-cpu-expansions.ts, not to be edited by hand. */

/** Switches that are off: features and others. */
export const OFF = ${words(having(false))};

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
writeTable(baseFull, baseStatic);
const rows = MODEL_NAMES.map((name, at) => {
  const differences = {
    full: difference(full[at] ?? {}, baseFull),
    static: difference(fixed[at] ?? {}, baseStatic),
  };
  return `${name} ${JSON.stringify(differences)}\n`;
});
writeFileSync(GOLDEN, rows.join(''));
