/** `qom-list`, `qom-get` and `qom-set`. */
import { parseJson } from '../../qapi/json-reader.ts';
import { writeJson } from '../../qapi/json-writer.ts';
import type { Command } from '../command.ts';

const PATH = { name: 'path', kind: 'string' } as const;
const PROPERTY = { name: 'property', kind: 'string' } as const;

export const QOM_COMMANDS: readonly Command[] = [
  {
    name: 'qom-list',
    args: [{ ...PATH, optional: true }],
    params: 'path',
    help: "properties of an object, such as a device's",
    complete: ({ machine }) => machine.qom.paths(),
    run({ machine }, args) {
      const path = args.get('path');
      if (path === undefined) return '/\n';
      return machine.qom
        .list(String(path))
        .map(({ name, typeName }) => `${name} (${typeName})\n`)
        .join('');
    },
  },
  {
    name: 'qom-get',
    args: [PATH, PROPERTY],
    params: 'path property',
    help: 'what a property of an object is',
    complete: ({ machine }) => machine.qom.paths(),
    run: ({ machine }, args) =>
      `${writeJson(machine.qom.get(String(args.get('path')), String(args.get('property'))), true)}\n`,
  },
  {
    name: 'qom-set',
    args: [{ name: 'json', kind: 'flag', letter: 'j' }, PATH, PROPERTY, { name: 'value', kind: 'rest' }],
    params: '[-j] path property value',
    help: 'set a property of an object\n\t\t\t-j: the value is JSON',
    complete: ({ machine }) => machine.qom.paths(),
    run({ machine }, args) {
      const json = args.get('json') === true;
      const text = String(args.get('value'));
      const value = json ? parseJson(text) : text;
      machine.qom.set(String(args.get('path')), String(args.get('property')), value, json);
      return '';
    },
  },
];
