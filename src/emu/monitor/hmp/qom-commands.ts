/** `qom-list`, `qom-get` and `qom-set`. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { JsonValue } from '../../qdev/properties.ts';
import type { QomValue } from '../../qdev/qom-value.ts';
import type { Command } from '../command.ts';

const INDENT = '    ';

/** JSON as QEMU prints it: an entry to a line. */
export function prettyJson(value: QomValue, indent = ''): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = indent + INDENT;
  const [open, close, entries] = Array.isArray(value)
    ? ['[', ']', value.map((one: QomValue) => prettyJson(one, deeper))]
    : [
        '{',
        '}',
        Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${prettyJson(one, deeper)}`),
      ];
  const lines = entries.map((entry) => `\n${deeper}${entry}`).join(',');
  return `${open}${lines}\n${indent}${close}`;
}

/** Throws QEMU's error. */
function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    // QEMU says what is wrong in more words.
    throw new MonitorError('JSON parse error');
  }
}

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
      `${prettyJson(machine.qom.get(String(args.get('path')), String(args.get('property'))))}\n`,
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
