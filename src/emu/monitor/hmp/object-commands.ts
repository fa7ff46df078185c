/** `object_add` and `object_del`. */
import { parseKeyValues } from '../../qdev/option-string.ts';
import type { UserObjects } from '../../qdev/user-objects.ts';
import type { Command } from '../command.ts';

const isHelp = (text: string): boolean => text === 'help' || text === '?';

function typesText(objects: UserObjects): string {
  return `List of user creatable objects:\n${objects
    .types()
    .map(({ name }) => `  ${name}\n`)
    .join('')}`;
}

/** QEMU: help on what is no type is the list of types. */
function propertiesText(objects: UserObjects, name: string): string {
  const type = objects.find(name);
  if (type === undefined) return typesText(objects);
  const lines = type.properties
    .map(
      ({ name: property, kind }) => `  ${property}=<${kind.typeName === 'str' ? 'string' : kind.typeName}>\n`,
    )
    .sort();
  return lines.length === 0 ? `There are no options for ${name}.\n` : `${name} options:\n${lines.join('')}`;
}

function objectAdd(objects: UserObjects, text: string): string {
  const options = parseKeyValues(text, 'qom-type');
  const type = options.get('qom-type');
  if (type !== undefined && isHelp(type)) return typesText(objects);
  if (type !== undefined && (options.get('help') ?? options.get('?')) !== undefined) {
    return propertiesText(objects, type);
  }
  objects.add(options);
  return '';
}

export const OBJECT_COMMANDS: readonly Command[] = [
  {
    name: 'object_add',
    args: [{ name: 'object', kind: 'rest' }],
    params: '[qom-type=]type,id=str[,prop=value][,...]',
    help: 'make an object, such as a source of randomness',
    complete: ({ machine }) => machine.objects.types().map(({ name }) => name),
    run: ({ machine }, args) => objectAdd(machine.objects, String(args.get('object'))),
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
