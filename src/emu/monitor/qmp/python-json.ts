/** JSON as Python prints it with an indent of four and sorted keys: what qmp-shell shows. */
import { JsonDouble, type JsonOutput } from '../../qapi/json-value.ts';

const INDENT = '    ';

/** All but ASCII as escapes, in lower case. */
function text(value: string): string {
  return JSON.stringify(value).replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: DEL and all behind it
    /[\x7f-\uffff]/g,
    (unit) => (unit === '\x7f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

function lines(open: string, close: string, items: readonly string[], indent: string): string {
  if (items.length === 0) return `${open}${close}`;
  const deeper = indent + INDENT;
  return `${open}\n${items.map((item) => `${deeper}${item}`).join(',\n')}\n${indent}${close}`;
}

export function pythonJson(value: JsonOutput, indent = ''): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return text(value);
  if (value instanceof JsonDouble) return String(value.value);
  if (typeof value !== 'object') return String(value);
  const deeper = indent + INDENT;
  if (Array.isArray(value)) {
    const items = value.map((item: JsonOutput) => pythonJson(item, deeper));
    return lines('[', ']', items, indent);
  }
  const members = Object.entries(value as { readonly [key: string]: JsonOutput })
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${text(key)}: ${pythonJson(member, deeper)}`);
  return lines('{', '}', members, indent);
}
