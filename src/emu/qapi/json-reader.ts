/** Messages of JSON out of a stream of bytes, with QEMU's errors, limits and recovery. */
import { MonitorError } from '../core/monitor-error.ts';
import { JsonLexer, MAX_TOKEN_BYTES, type TokenKind } from './json-lexer.ts';
import { JsonParser } from './json-parser.ts';
import type { JsonValue } from './json-value.ts';
import { decodeCText, encodeText } from './utf8.ts';

export type JsonMessage = { readonly value: JsonValue } | { readonly error: MonitorError };

// QEMU's limits of one message.
const MAX_TOKENS = 2 << 20;
const MAX_NESTING = 1024;

const parseError = (what: string): string => `JSON parse error, ${what}`;

/** How punctuation changes the number of open braces and brackets. */
const NESTING: Readonly<Record<string, readonly [braces: number, brackets: number]>> = {
  '{': [1, 0],
  '}': [-1, 0],
  '[': [0, 1],
  ']': [0, -1],
};
const NO_CHANGE = [0, 0] as const;

/** Bytes may be cut anywhere. */
export class JsonReader {
  readonly #onMessage: (message: JsonMessage) => void;
  readonly #lexer: JsonLexer;
  // The message so far.
  #parser = new JsonParser();
  #tokens = 0;
  #bytes = 0;
  #braces = 0;
  #brackets = 0;

  constructor(onMessage: (message: JsonMessage) => void) {
    this.#onMessage = onMessage;
    this.#lexer = new JsonLexer({
      token: (kind, bytes) => this.#token(kind, bytes),
      stray: (bytes) => this.#fail(parseError(`stray '${decodeCText(bytes)}'`)),
      tooLong: () => this.#fail('JSON token size limit exceeded'),
    });
  }

  feed(bytes: Uint8Array): void {
    this.#lexer.feed(bytes);
  }

  /** There are no more bytes: a message that has begun is over. */
  flush(): void {
    this.#lexer.flush();
    if (this.#tokens > 0) this.#finish();
  }

  #token(kind: TokenKind, bytes: Uint8Array): void {
    if (kind === 'punctuation') {
      const [braces, brackets] = NESTING[String.fromCharCode(bytes[0] ?? 0)] ?? NO_CHANGE;
      this.#braces += braces;
      this.#brackets += brackets;
    }
    const exceeded = this.#exceeded(bytes.length);
    if (exceeded !== undefined) {
      this.#fail(`JSON ${exceeded} limit exceeded`);
      return;
    }
    this.#tokens++;
    this.#bytes += bytes.length;
    this.#parser.push(kind, bytes);
    // QEMU: braces and brackets are counted, not matched. What is wrong is told when the last one is closed, or one too many.
    const open = this.#braces > 0 || this.#brackets > 0;
    if (!open || this.#braces < 0 || this.#brackets < 0) this.#finish();
  }

  #exceeded(tokenBytes: number): string | undefined {
    if (this.#bytes + tokenBytes >= MAX_TOKEN_BYTES) return 'token size';
    if (this.#tokens >= MAX_TOKENS) return 'token count';
    return this.#braces + this.#brackets > MAX_NESTING ? 'nesting depth' : undefined;
  }

  #finish(): void {
    const result = this.#parser.finish();
    if ('error' in result) {
      this.#fail(parseError(result.error));
      return;
    }
    this.#forget();
    this.#onMessage(result);
  }

  #fail(text: string): void {
    this.#forget();
    this.#onMessage({ error: new MonitorError(text) });
  }

  #forget(): void {
    this.#parser = new JsonParser();
    this.#tokens = 0;
    this.#bytes = 0;
    this.#braces = 0;
    this.#brackets = 0;
  }
}

/** The one value that `text` is, as `-device {…}` takes it. Throws `MonitorError` in QEMU's words. */
export function parseJson(text: string): JsonValue {
  let found: JsonMessage | undefined;
  const reader = new JsonReader((message) => {
    // QEMU: a first error stands, a first value does not.
    if (found === undefined) found = message;
    else if ('value' in found) found = { error: new MonitorError('Expecting at most one JSON value') };
  });
  reader.feed(encodeText(text));
  reader.flush();
  const result: JsonMessage = found ?? { error: new MonitorError('Expecting a JSON value') };
  if ('error' in result) throw result.error;
  return result.value;
}
