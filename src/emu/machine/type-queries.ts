/** The types of objects as monitors list them: those that this machine has, with the abstract ones above them. */
import { cpuTypeOf, MODEL_NAMES } from '../cpu/models/cpu-models.ts';
import { TYPE_TABLE } from './type-table.ts';

export interface TypeInfo {
  readonly name: string;
  /** Absent: it stands above all. */
  readonly parent: string | undefined;
  readonly isAbstract: boolean;
  /** Beside its parent's. */
  readonly interfaces: readonly string[];
}

const NO_PARENT = '-';
const ABSTRACT = 'abstract';
const INTERFACE = '+';

function typeOf(line: string): TypeInfo {
  const [name = '', parent, ...marks] = line.split(' ');
  return {
    name,
    parent: parent === NO_PARENT ? undefined : parent,
    isAbstract: marks.includes(ABSTRACT),
    interfaces: marks.flatMap((mark) => (mark.startsWith(INTERFACE) ? [mark.slice(1)] : [])),
  };
}

/** Each model is a type, directly below the type of all processors. */
const CPU_TYPES: readonly TypeInfo[] = MODEL_NAMES.map((name) => ({
  name: cpuTypeOf(name),
  parent: 'x86_64-cpu',
  isAbstract: false,
  interfaces: [],
}));

const TYPES: ReadonlyMap<string, TypeInfo> = new Map(
  [...TYPE_TABLE.trim().split('\n').map(typeOf), ...CPU_TYPES]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((type) => [type.name, type]),
);

/** Undefined: this machine has no such type. */
export function typeNamed(name: string): TypeInfo | undefined {
  return TYPES.get(name);
}

/** Is it `wanted`, or below it, or does it have that interface? */
export function isType(name: string, wanted: string): boolean {
  for (let type = TYPES.get(name); type !== undefined; type = TYPES.get(type.parent ?? '')) {
    if (type.name === wanted || type.interfaces.includes(wanted)) return true;
  }
  return false;
}

/**
 * By name.
 * @param wanted only those below it, or with that interface; absent: all
 * @param withAbstract also those of which no object can be
 */
export function listTypes(wanted: string | undefined, withAbstract: boolean): readonly TypeInfo[] {
  return [...TYPES.values()].filter(
    ({ name, isAbstract }) => (withAbstract || !isAbstract) && (wanted === undefined || isType(name, wanted)),
  );
}
