/** JSON as QEMU writes it. */
import { formatDouble } from './format-double.ts';
import { JsonDouble, type JsonOutput, keysOf } from './json-value.ts';
import { inQdictOrder } from './qdict-order.ts';
import { isCharacter } from './utf8.ts';

const INDENT = '    ';
const REPLACEMENT = '\\uFFFD';

/** @param pretty each entry on a line of its own, indented by four spaces a level */
export function writeJson(value: JsonOutput, pretty = false): string {
  const parts: string[] = [];
  new Writer(parts, pretty).value(value, '\n');
  return parts.join('');
}

type Container = Extract<JsonOutput, object>;

class Writer {
  readonly #parts: string[];
  readonly #pretty: boolean;

  constructor(parts: string[], pretty: boolean) {
    this.#parts = parts;
    this.#pretty = pretty;
  }

  /** @param newline a line's end with the indentation of the next one */
  value(value: JsonOutput, newline: string): void {
    if (typeof value !== 'object' || value === null) this.#parts.push(scalar(value));
    else if (value instanceof JsonDouble) this.#parts.push(formatDouble(value.value));
    else this.#container(value, newline);
  }

  #container(container: Container, newline: string): void {
    const [open, close] = Array.isArray(container) ? '[]' : '{}';
    const deeper = newline + INDENT;
    const between = this.#pretty ? `,${deeper}` : ', ';
    this.#parts.push(open ?? '');
    let before = this.#pretty ? deeper : '';
    for (const [key, value] of entriesOf(container)) {
      this.#parts.push(before);
      if (key !== undefined) this.#parts.push(quoted(key), ': ');
      this.value(value, deeper);
      before = between;
    }
    this.#parts.push(this.#pretty ? `${newline}${close}` : (close ?? ''));
  }
}

function entriesOf(container: Container): readonly (readonly [key: string | undefined, value: JsonOutput])[] {
  if (Array.isArray(container)) return container.map((item: JsonOutput) => [undefined, item]);
  const members = container as { readonly [key: string]: JsonOutput };
  const keys = keysOf(members).filter((key) => members[key] !== undefined);
  return inQdictOrder(keys).map((key) => [key, members[key]]);
}

function scalar(value: null | undefined | boolean | number | bigint | string): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'number') return String(value ?? null);
  return Number.isInteger(value) ? String(BigInt(value)) : formatDouble(value);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function quoted(text: string): string {
  // All but printable ASCII, by whole characters.
  return `"${text.replace(/["\\]|[^ -~]/gu, (character) => ESCAPES[character] ?? escaped(character))}"`;
}

function escaped(character: string): string {
  if (!isCharacter(character.codePointAt(0) ?? 0)) return REPLACEMENT;
  let text = '';
  for (let at = 0; at < character.length; at++) {
    text += `\\u${character.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return text;
}
