/** Tokens to a value, one after the other; nothing is nested but the data, so that no message can exhaust a stack. */
import { assert } from '../core/assert.ts';
import type { TokenKind } from './json-lexer.ts';
import { readString } from './json-string.ts';
import { JsonDouble, type JsonValue, jsonInteger, jsonObject } from './json-value.ts';
import { decodeCText } from './utf8.ts';

/** What the next token has to be. QEMU: a key is read as any value, and only then found to be no string. */
type Expected = 'value' | 'value or end' | 'separator' | 'colon' | 'nothing';

/** An array or object that has not ended. */
type Open = ({ readonly items: JsonValue[] } | { readonly members: Map<string, JsonValue> }) & {
  /** Of an object: the key whose value comes next. */
  key: string | undefined;
};

const KEYWORDS: ReadonlyMap<string, JsonValue> = new Map([
  ['null', null],
  ['true', true],
  ['false', false],
]);
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;
/** A sign and the digits of the longest number of 64 bits; all up to SAFE_DIGITS are exact. */
const INTEGER_BYTES = 21;
const SAFE_DIGITS = 15;

/** The value of one message, or the first error in it. */
export class JsonParser {
  #expected: Expected = 'value';
  readonly #open: Open[] = [];
  #value: JsonValue = null;
  #error: string | undefined;

  push(kind: TokenKind, bytes: Uint8Array): void {
    if (this.#error !== undefined) return;
    const sign = kind === 'punctuation' ? String.fromCharCode(bytes[0] ?? 0) : '';
    if (this.#expected === 'colon') this.#colon(sign);
    else if (this.#expected === 'separator') this.#separator(sign);
    else if (kind === 'punctuation') this.#punctuation(sign);
    else this.#scalar(kind, bytes);
  }

  /** The message is over. */
  finish(): { readonly value: JsonValue } | { readonly error: string } {
    if (this.#error !== undefined) return { error: this.#error };
    return this.#expected === 'nothing' ? { value: this.#value } : { error: 'premature EOI' };
  }

  #colon(sign: string): void {
    if (sign === ':') this.#expected = 'value';
    else this.#error = 'missing : in object pair';
  }

  #separator(sign: string): void {
    const inList = 'items' in this.#innermost();
    if (sign === ',') this.#expected = 'value';
    else if (sign === (inList ? ']' : '}')) this.#close();
    else this.#error = `expected separator in ${inList ? 'list' : 'dict'}`;
  }

  #punctuation(sign: string): void {
    if (sign === '[') this.#begin({ items: [], key: undefined });
    else if (sign === '{') this.#begin({ members: new Map(), key: undefined });
    else if (this.#expected === 'value or end' && sign === ('items' in this.#innermost() ? ']' : '}'))
      this.#close();
    else this.#error = 'expecting value';
  }

  #begin(container: Open): void {
    this.#open.push(container);
    this.#expected = 'value or end';
  }

  #scalar(kind: TokenKind, bytes: Uint8Array): void {
    if (kind === 'string') {
      const content = readString(bytes);
      if ('error' in content) this.#error = content.error;
      else this.#complete(content.text);
      return;
    }
    const text = decodeCText(bytes);
    const value = kind === 'keyword' ? KEYWORDS.get(text) : readNumber(text, kind === 'integer');
    if (value === undefined) this.#error = `invalid keyword '${text}'`;
    else this.#complete(value);
  }

  #close(): void {
    const closed = this.#innermost();
    this.#open.pop();
    this.#complete('items' in closed ? closed.items : jsonObject(closed.members));
  }

  /** A value has ended: it goes where it belongs. */
  #complete(value: JsonValue): void {
    const container = this.#open.at(-1);
    if (container === undefined) {
      this.#value = value;
      this.#expected = 'nothing';
    } else if ('items' in container) {
      container.items.push(value);
      this.#expected = 'separator';
    } else if (container.key === undefined) {
      if (typeof value === 'string') container.key = value;
      else this.#error = 'key is not a string in object';
      this.#expected = 'colon';
    } else {
      if (container.members.has(container.key)) this.#error = 'duplicate key';
      container.members.set(container.key, value);
      container.key = undefined;
      this.#expected = 'separator';
    }
  }

  #innermost(): Open {
    const open = this.#open.at(-1);
    assert(open !== undefined, 'only a container makes the parser wait for a separator or an end');
    return open;
  }
}

function readNumber(text: string, isInteger: boolean): JsonValue {
  if (!isInteger) return new JsonDouble(Number(text));
  // Adding zero turns -0, which QEMU takes for 0, into 0.
  if (text.length <= SAFE_DIGITS) return Number(text) + 0;
  if (text.length > INTEGER_BYTES) return new JsonDouble(Number(text));
  const value = BigInt(text);
  if (value < INT64_MIN || value > UINT64_MAX) return new JsonDouble(Number(text));
  return jsonInteger(value);
}
