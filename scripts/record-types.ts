/**
 * Asks a real QEMU where the types that this machine has stand among its types: `npx tsx scripts/record-types.ts` writes
 * src/emu/machine/type-table.ts. Needs qemu-system-x86_64 7.2.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cpuTypeOf, MODEL_NAMES } from '../src/emu/cpu/models/cpu-models.ts';
import { DEVICE_TYPES, OBJECT_TYPES } from '../src/emu/machine/device-types.ts';
import { MACHINE_VERSIONS } from '../src/emu/machine/machine-versions.ts';
import { ask } from './ask-qemu.ts';

const TABLE = fileURLToPath(new URL('../src/emu/machine/type-table.ts', import.meta.url));
const INTERFACE = 'interface';

interface TypeInfo {
  readonly name: string;
  readonly parent?: string;
  readonly abstract?: boolean;
}

async function listed(...all: readonly (string | undefined)[]): Promise<readonly (readonly TypeInfo[])[]> {
  const questions = all.map((name) => ({
    execute: 'qom-list-types',
    arguments: { ...(name === undefined ? {} : { implements: name }), abstract: true },
  }));
  return (await ask([], questions)).results.slice(0, all.length) as (readonly TypeInfo[])[];
}

const ours = [
  'container',
  ...DEVICE_TYPES.flatMap(({ name, busType }) => (busType === undefined ? [name] : [name, busType])),
  ...OBJECT_TYPES.map(({ name }) => name),
  ...MACHINE_VERSIONS.map(({ name }) => `${name}-machine`),
];
const [all = [], interfaces = []] = await listed(undefined, INTERFACE);
const byName = new Map(all.map((type) => [type.name, type]));
const wanted = new Map<string, TypeInfo>();
for (const start of ours) {
  for (let name: string | undefined = start; name !== undefined; ) {
    const type: TypeInfo | undefined = byName.get(name);
    if (type === undefined) {
      process.stdout.write(`QEMU has no type ${name}\n`);
      break;
    }
    wanted.set(name, type);
    name = type.parent;
  }
}
const isInterface = (name: string | undefined): boolean => {
  const found = interfaces.find((type) => type.name === name);
  return found !== undefined && (name === INTERFACE || isInterface(found.parent));
};
// Those follow from the table of models, of which each is a type below the one of all processors.
const CPU_BASE = 'x86_64-cpu';
for (const name of MODEL_NAMES.map(cpuTypeOf)) {
  const { parent, abstract = false } = wanted.get(name) ?? {};
  if (parent !== CPU_BASE || abstract) process.stdout.write(`QEMU's ${name} is not a model's type\n`);
  wanted.delete(name);
}
// The list has types that have an interface, too.
const names = interfaces.map(({ name }) => name).filter((name) => name !== INTERFACE && isInterface(name));
const having = await listed(...names);
const rows = [...wanted.values()]
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ name, parent = '', abstract = false }) => {
    const own = names.filter((_, at) => having[at]?.some((type) => type.name === name));
    // What a parent has need not be said again.
    const more = own.filter((one) => !having[names.indexOf(one)]?.some((type) => type.name === parent));
    return `${name} ${parent || '-'}${abstract ? ' abstract' : ''}${more.map((one) => ` +${one}`).join('')}`;
  });
writeFileSync(
  TABLE,
  `/** Types of objects as QEMU 7.2 has them, but for models of processors; recorded by scripts/record-types.ts, not to be edited by hand. */

/** A line for each: its name, its parent, whether it is abstract, and the interfaces that it has beside its parent's. */
export const TYPE_TABLE = \`
${rows.join('\n')}
\`;
`,
);
execFileSync('node_modules/.bin/biome', ['format', '--write', TABLE]);
