/** `object_add` and `object_del`. */
import { type Options, parseKeyValues } from '../../qdev/option-string.ts';
import type { PropertySpec } from '../../qdev/properties.ts';
import type { ObjectType, UserObjects } from '../../qdev/user-objects.ts';
import type { Command } from '../command.ts';

const isHelp = (text: string): boolean => text === 'help' || text === '?';

/** By name, as QEMU lists them. */
function typesText(types: readonly ObjectType[]): string {
  const names = types.map(({ name }) => name).sort();
  return `List of user creatable objects:\n${names.map((name) => `  ${name}\n`).join('')}`;
}

/** Where QEMU begins the description of a property. */
const DESCRIPTION_COLUMN = 24;
/** QEMU: numbers have one name here, and text another than in the help of devices. */
const TYPE_NAMES: Readonly<Record<string, string>> = { str: 'string', size: 'int' };

function propertyLine({ name, kind: { typeName }, help }: PropertySpec): string {
  const start = `  ${name}=<${TYPE_NAMES[typeName] ?? typeName}>`;
  return help === undefined ? `${start}\n` : `${start.padEnd(DESCRIPTION_COLUMN)} - ${help}\n`;
}

/** QEMU: help on what is no type is the list of types. */
function propertiesText(types: readonly ObjectType[], name: string): string {
  const type = types.find((one) => one.name === name);
  if (type === undefined) return typesText(types);
  const lines = type.properties
    .filter(({ kind }) => kind.isReadOnly !== true)
    .map(propertyLine)
    .sort();
  return lines.length === 0 ? `There are no options for ${name}.\n` : `${name} options:\n${lines.join('')}`;
}

/** The help for which options of an object ask; undefined: for none. */
export function objectHelpText(types: readonly ObjectType[], options: Options): string | undefined {
  const type = options.get('qom-type');
  if (type === undefined) return undefined;
  if (isHelp(type)) return typesText(types);
  const asked = options.get('help') ?? options.get('?');
  return asked === undefined ? undefined : propertiesText(types, type);
}

function objectAdd(objects: UserObjects, text: string, warn: (text: string) => void): string {
  const options = parseKeyValues(text, 'qom-type');
  const help = objectHelpText(objects.types(), options);
  if (help === undefined) objects.add(options, warn);
  return help ?? '';
}

export const OBJECT_COMMANDS: readonly Command[] = [
  {
    name: 'object_add',
    args: [{ name: 'object', kind: 'rest' }],
    params: '[qom-type=]type,id=str[,prop=value][,...]',
    help: 'make an object, such as a source of randomness',
    complete: ({ machine }) => machine.objects.types().map(({ name }) => name),
    run: ({ machine, warn }, args) => objectAdd(machine.objects, String(args.get('object')), warn),
  },
  {
    name: 'object_del',
    args: [{ name: 'id', kind: 'string' }],
    params: 'id',
    help: 'take an object away',
    complete: ({ machine }) => machine.objects.ids(),
    run({ machine }, args) {
      machine.objects.delete(String(args.get('id')));
      return '';
    },
  },
];
