/** Bytes that are JSON, or nearly, made from a seed. */
import { echo } from './qmp-echo.ts';

/** A generator of pseudo-random numbers: xorshift on 32 bits. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed === 0 ? 1 : seed | 0;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % end;
  }

  pick<T>(choices: ArrayLike<T>): T {
    return choices[this.below(choices.length)] as T;
  }

  oneIn(chances: number): boolean {
    return this.below(chances) === 0;
  }
}

const WORDS = ['true', 'false', 'null', 'tru', 'nullx', 'e', 'x'];
const SPACES = ['', '', '', ' ', '\n', '\t', '\r\n', '  '];
const KEYS = ['execute', 'arguments', 'id', '__proto__', '', 'a', 'b', 'class', 'desc', '\\u0000', '\\u00e9'];
const NUMBERS = [
  '0',
  '-0',
  '00',
  '01',
  '-',
  '-01',
  '0e1',
  '0.',
  '.5',
  '+1',
  '1.',
  '1e',
  '1e+',
  '-1e-3',
  '1E5',
  '0.0',
  '-0.0',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  '18446744073709551616',
  '1e999',
  '-1e999',
  '1e-400',
  '5e-324',
  '1.7976931348623157e308',
  '99999999999999999999999',
  '0x10',
  '1_0',
  'NaN',
  '1e16',
  '1e17',
  '123456789012345678.5',
  '0.0001',
  '0.00001',
];
const STRING_PARTS = [
  'a',
  'bc',
  '%d',
  ' ',
  '/',
  "'",
  '\\"',
  "\\'",
  '\\\\',
  '\\/',
  '\\b\\f\\n\\r\\t',
  '\\u0041',
  '\\u00E9',
  '\\u0000',
  '\\uD83D\\uDE00',
  '\\ud83d',
  '\\uDE00',
  '\\uD83Dx',
  '\\uD83D\\u0041',
  '\\uDBFF\\uDFFF',
  '\\uFFFE',
  '\\uFDD0',
  '\\u12',
  '\\u12G4',
  '\\x',
  '\\0',
  '\x7f',
  '\xc3\xa9',
  '\xe2\x82\xac',
  '\xf0\x9f\x98\x80',
  '\xc0\x80',
  '\xc1\xbf',
  '\xed\xa0\x80',
  '\xef\xbf\xbe',
  '\xf4\x90\x80\x80',
  '\xf8\x88\x80\x80\x80',
  '\xfc',
  '\x80',
  '\xe2\x82',
  '\x01',
  '\t',
  '\xfe',
];
/** Bytes that mean something to a reader of JSON. */
const SPICE = '{}[],:"\'\\-+.eE0159aunt %/\n\t\r\x00\x1f\x7f\x80\xbf\xc0\xc3\xe2\xf0\xfd\xfe\xff';
const MAX_DEPTH = 6;

function madeOf(dice: Dice, parts: readonly string[], max: number): string {
  return Array.from({ length: dice.below(max + 1) }, () => dice.pick(parts)).join('');
}

function double(dice: Dice): string {
  const sign = dice.pick(['', '-']);
  // In the middle of two numbers of 17 digits.
  if (dice.oneIn(3)) return `${sign}${((2 * dice.below(2 ** 17) + 1) / 2 ** 18).toFixed(18)}`;
  const digits = String(dice.below(2 ** 32)) + String(dice.below(2 ** 32));
  return `${sign}${dice.below(9) + 1}.${digits.slice(0, 1 + dice.below(19))}e${dice.below(620) - 310}`;
}

function string(dice: Dice): string {
  // Most parts are right: else hardly any message would be.
  const text = dice.oneIn(4) ? madeOf(dice, STRING_PARTS, 5) : madeOf(dice, STRING_PARTS.slice(0, 15), 6);
  return dice.oneIn(5) ? `'${text}'` : `"${text.replaceAll("'", '')}"`;
}

function key(dice: Dice): string {
  if (dice.oneIn(30)) return value(dice, 1);
  if (dice.oneIn(2)) return `"${dice.below(400)}"`;
  return dice.oneIn(4) ? `"${dice.pick(KEYS)}"` : `"${madeOf(dice, [...'abcdefghij-_'], 4)}"`;
}

function list(dice: Dice, most: number, one: () => string): string {
  const items = Array.from({ length: dice.below(most + 1) }, one);
  const separator = dice.oneIn(40) ? dice.pick([' ', ',,', ':', ';']) : ',';
  return items.join(`${dice.pick(SPACES)}${separator}${dice.pick(SPACES)}`);
}

function value(dice: Dice, depth: number): string {
  const choice = dice.below(depth > 0 ? 10 : 6);
  if (choice === 0) return dice.pick(dice.oneIn(8) ? WORDS : WORDS.slice(0, 3));
  if (choice === 1) return dice.pick(dice.oneIn(4) ? NUMBERS : NUMBERS.slice(-8));
  if (choice === 2) return String(dice.below(2 ** 32) - 2 ** 31);
  if (choice === 3) return double(dice);
  if (choice < 6) return string(dice);
  const most = dice.oneIn(10) ? 40 : 4;
  if (choice < 8) return `[${list(dice, most, () => value(dice, depth - 1))}]`;
  return `{${list(dice, most, () => `${key(dice)}${dice.pick(SPACES)}:${dice.pick(SPACES)}${value(dice, depth - 1)}`)}}`;
}

function mutated(dice: Dice, text: string): string {
  let bytes = text;
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(bytes.length + 1);
    const kind = dice.below(4);
    if (kind === 0) bytes = bytes.slice(0, at);
    else
      bytes =
        bytes.slice(0, at) + (kind === 1 ? '' : dice.pick(SPICE)) + bytes.slice(kind === 3 ? at : at + 1);
  }
  return bytes;
}

/** One case: right, cut, changed, several messages, or nothing but noise. */
export function jsonBytes(dice: Dice): Uint8Array {
  if (dice.oneIn(12)) return Buffer.from(madeOf(dice, [...SPICE], 24), 'latin1');
  const one = (): string => {
    const text = value(dice, dice.below(MAX_DEPTH));
    return dice.oneIn(4) ? text : echo(text);
  };
  let text = one();
  while (dice.oneIn(5)) text += dice.pick(SPACES) + one();
  return Buffer.from(dice.oneIn(2) ? mutated(dice, text) : text, 'latin1');
}
