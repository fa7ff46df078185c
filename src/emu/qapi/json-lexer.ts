/** Bytes to tokens of QEMU's JSON: strings in either kind of quotes, words of small letters, numbers, punctuation. */

export type TokenKind = 'punctuation' | 'string' | 'integer' | 'double' | 'keyword';

export interface TokenSink {
  /** `bytes` are the lexer's: they change after the call. */
  token(kind: TokenKind, bytes: Uint8Array): void;
  /** `bytes` begin no token, or one that their last byte cannot go on. */
  stray(bytes: Uint8Array): void;
  /** A token that has not ended is too long: the lexer has forgotten it, and takes what follows for another. */
  tooLong(): void;
}

/** QEMU's limit, for one token and for all tokens of a message. */
export const MAX_TOKEN_BYTES = 64 << 20;

// Where in a token the lexer is. START: between tokens.
const START = 0;
/** Something was stray: bytes are left out up to punctuation or a control character; a tab is none. */
const RECOVERY = 1;
const DOUBLE_QUOTED = 2;
const DOUBLE_QUOTED_ESCAPE = 3;
const SINGLE_QUOTED = 4;
const SINGLE_QUOTED_ESCAPE = 5;
const KEYWORD = 6;
const MINUS = 7;
const ZERO = 8;
const DIGITS = 9;
const POINT = 10;
const FRACTION = 11;
const EXPONENT = 12;
const EXPONENT_SIGN = 13;
const EXPONENT_DIGITS = 14;
const STATES = 15;
// What else a byte can mean.
/** The last byte of the token. */
const LAST = 15;
/** The first byte behind the token: it is looked at again from START. */
const BEHIND = 16;
const STRAY = 17;

const BYTES = 256;
const NEXT = new Uint8Array(STATES * BYTES).fill(STRAY);

function rule(state: number, characters: string, next: number): void {
  for (const character of characters) NEXT[state * BYTES + character.charCodeAt(0)] = next;
}

function rangeRule(state: number, first: number, last: number, next: number): void {
  NEXT.fill(next, state * BYTES + first, state * BYTES + last + 1);
}

const PUNCTUATION = '{}[],:';
const NON_ZERO = '123456789';
const ALL_DIGITS = `0${NON_ZERO}`;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** Bytes from here on are in no UTF-8. */
const NO_UTF8 = 0xfe;

rule(START, ' \t\r\n', START);
rule(START, PUNCTUATION, LAST);
rule(START, '"', DOUBLE_QUOTED);
rule(START, "'", SINGLE_QUOTED);
rule(START, LETTERS, KEYWORD);
rule(START, '-', MINUS);
rule(START, '0', ZERO);
rule(START, NON_ZERO, DIGITS);

rangeRule(RECOVERY, 0, 0xff, BEHIND);
rangeRule(RECOVERY, 0x20, NO_UTF8 - 1, RECOVERY);
rule(RECOVERY, '\t', RECOVERY);
rule(RECOVERY, PUNCTUATION, BEHIND);

for (const [quoted, escaped, quote] of [
  [DOUBLE_QUOTED, DOUBLE_QUOTED_ESCAPE, '"'],
  [SINGLE_QUOTED, SINGLE_QUOTED_ESCAPE, "'"],
] as const) {
  // Whether an escape or UTF-8 is right is looked at later, when the string is read.
  rangeRule(quoted, 0x20, NO_UTF8 - 1, quoted);
  rangeRule(escaped, 0x20, NO_UTF8 - 1, quoted);
  rule(quoted, '\\', escaped);
  rule(quoted, quote, LAST);
}

for (const state of [KEYWORD, ZERO, DIGITS, FRACTION, EXPONENT_DIGITS]) rangeRule(state, 0, 0xff, BEHIND);
rule(KEYWORD, LETTERS, KEYWORD);
rule(MINUS, '0', ZERO);
rule(MINUS, NON_ZERO, DIGITS);
rule(ZERO, ALL_DIGITS, STRAY);
// QEMU: no exponent follows a zero, it needs a point: `0e1` are two tokens.
rule(ZERO, '.', POINT);
rule(DIGITS, ALL_DIGITS, DIGITS);
rule(DIGITS, '.', POINT);
rule(DIGITS, 'eE', EXPONENT);
rule(POINT, ALL_DIGITS, FRACTION);
rule(FRACTION, ALL_DIGITS, FRACTION);
rule(FRACTION, 'eE', EXPONENT);
rule(EXPONENT, '+-', EXPONENT_SIGN);
for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS]) rule(state, ALL_DIGITS, EXPONENT_DIGITS);

/** What a token is that ends in each state; none can end in the states that are left out. */
const KINDS: Readonly<Record<number, TokenKind>> = {
  [START]: 'punctuation',
  [DOUBLE_QUOTED]: 'string',
  [SINGLE_QUOTED]: 'string',
  [KEYWORD]: 'keyword',
  [ZERO]: 'integer',
  [DIGITS]: 'integer',
  [FRACTION]: 'double',
  [EXPONENT_DIGITS]: 'double',
};

const FIRST_ROOM = 256;
/** The room of a longer token is given back. */
const MAX_KEPT = 1 << 16;

export class JsonLexer {
  readonly #sink: TokenSink;
  #state = START;
  /** The token so far. */
  #token = new Uint8Array(FIRST_ROOM);
  #length = 0;

  constructor(sink: TokenSink) {
    this.#sink = sink;
  }

  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const state = this.#state;
      const next = NEXT[state * BYTES + (bytes[at] ?? 0)] ?? STRAY;
      if (next === BEHIND) {
        this.#end(state);
        continue;
      }
      // Most bytes leave the state as it is: they are taken together.
      const end = next === state ? this.#runEnd(bytes, at) : at + 1;
      if (next !== START && next !== RECOVERY) this.#append(bytes, at, end);
      at = end;
      if (next === LAST) this.#end(state);
      else if (next === STRAY) this.#stray();
      else this.#enter(next);
    }
  }

  /** There are no more bytes: a token that has begun ends here. */
  flush(): void {
    const state = this.#state;
    if (state === START) return;
    // Any byte but its own ends such a token, and so does the end.
    if (NEXT[state * BYTES] === BEHIND) this.#end(state);
    else this.#stray();
    this.#state = START;
  }

  #runEnd(bytes: Uint8Array, from: number): number {
    const row = this.#state * BYTES;
    // One byte too many is enough to see that the token is too long.
    const limit = Math.min(bytes.length, from + MAX_TOKEN_BYTES + 1 - this.#length);
    let end = from;
    while (end < limit && NEXT[row + (bytes[end] ?? 0)] === this.#state) end++;
    return end;
  }

  #append(bytes: Uint8Array, from: number, end: number): void {
    const length = this.#length + end - from;
    if (length > this.#token.length) {
      const longer = new Uint8Array(Math.max(length, 2 * this.#token.length));
      longer.set(this.#token.subarray(0, this.#length));
      this.#token = longer;
    }
    if (end === from + 1) this.#token[this.#length] = bytes[from] ?? 0;
    else this.#token.set(bytes.subarray(from, end), this.#length);
    this.#length = length;
  }

  #enter(state: number): void {
    this.#state = state;
    if (this.#length <= MAX_TOKEN_BYTES) return;
    this.#forget();
    this.#sink.tooLong();
  }

  #end(state: number): void {
    const token = this.#token.subarray(0, this.#length);
    this.#forget();
    const kind = KINDS[state];
    // What RECOVERY left out is no token.
    if (kind !== undefined) this.#sink.token(kind, token);
  }

  #stray(): void {
    const token = this.#token.subarray(0, this.#length);
    this.#forget();
    this.#state = RECOVERY;
    this.#sink.stray(token);
  }

  #forget(): void {
    this.#state = START;
    this.#length = 0;
    if (this.#token.length > MAX_KEPT) this.#token = new Uint8Array(FIRST_ROOM);
  }
}
