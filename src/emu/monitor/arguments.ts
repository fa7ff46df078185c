/** How the human monitor reads a line: words, quotes, flags, numbers. Texts are QEMU's. */
import { ArgumentError } from './argument-error.ts';
import { evaluateExpression } from './expression.ts';

/** An argument with a value. */
export interface ValueSpec {
  readonly name: string;
  /**
   * string: a word or a quoted text · block: the same, the name of a drive · options: `key=value,…` ·
   * integer: a 32-bit expression · megabytes: an expression of at least 0, whose value is in bytes · rest: what is left of the line.
   */
  readonly kind: 'string' | 'block' | 'options' | 'integer' | 'megabytes' | 'rest';
  readonly optional?: boolean;
}

/** A flag such as `-n`. */
export interface FlagSpec {
  readonly name: string;
  readonly kind: 'flag';
  readonly letter: string;
}

/** One argument of a command. */
export type ArgumentSpec = ValueSpec | FlagSpec;

export type ArgumentValues = ReadonlyMap<string, string | number | boolean>;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', '\\': '\\', "'": "'", '"': '"' };
const MISSING: Readonly<Record<'string' | 'block', string>> = {
  string: 'string expected',
  block: 'block device name expected',
};

/** Reads a line from left to right. */
export class LineReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get rest(): string {
    return this.#text.slice(this.#at);
  }

  skipSpaces(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The name of a command: up to a space or a slash. */
  commandName(): string {
    this.skipSpaces();
    const name = /^[^\s/]*/.exec(this.rest)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  take(length: number): void {
    this.#at += length;
  }

  takeRest(): string {
    const { rest } = this;
    this.#at = this.#text.length;
    return rest;
  }

  /** A word or a quoted text; undefined at the end of the line. Throws `ArgumentError` with what QEMU's process prints. */
  word(): string | undefined {
    this.skipSpaces();
    if (this.atEnd) return undefined;
    if (this.#text[this.#at] === '"') return this.#quoted();
    const word = /^\S*/.exec(this.rest)?.[0] ?? '';
    this.#at += word.length;
    return word;
  }

  #quoted(): string {
    let text = '';
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.atEnd) throw new ArgumentError('unterminated string', true);
      if (this.#text[this.#at] !== '\\') {
        text += this.#text[this.#at];
        continue;
      }
      this.#at++;
      const letter = this.#text[this.#at] ?? '';
      const character = ESCAPES[letter];
      if (character === undefined) throw new ArgumentError(`unsupported escape code: '\\${letter}'`, true);
      text += character;
    }
    this.#at++;
    return text;
  }
}

/**
 * Reads a command's arguments. Throws `ArgumentError`.
 * @param command the name that QEMU puts before its errors
 * @param stderr told what QEMU's process prints beside the monitor
 */
export function parseArguments(
  command: string,
  specs: readonly ArgumentSpec[],
  reader: LineReader,
  stderr: (message: string) => void,
): ArgumentValues {
  const values = new Map<string, string | number | boolean>();
  const letters = specs.flatMap((spec) => (spec.kind === 'flag' ? [spec.letter] : []));
  for (const spec of specs) {
    const value =
      spec.kind === 'flag'
        ? readFlag(command, spec.letter, letters, reader)
        : readArgument(command, spec, reader, stderr);
    if (value !== undefined) values.set(spec.name, value);
  }
  reader.skipSpaces();
  if (!reader.atEnd) throw new ArgumentError(`${command}: extraneous characters at the end of line`);
  return values;
}

function readArgument(
  command: string,
  spec: ValueSpec,
  reader: LineReader,
  stderr: (message: string) => void,
): string | number | undefined {
  reader.skipSpaces();
  switch (spec.kind) {
    case 'integer':
      if (spec.optional && reader.atEnd) return undefined;
      return readInteger(command, reader);
    case 'megabytes':
      return readMegabytes(reader);
    case 'options':
      return reader.word() ?? '';
    case 'rest':
      if (!spec.optional && reader.atEnd) throw new ArgumentError(`${command}: ${MISSING.string}`);
      return reader.takeRest();
    case 'string':
    case 'block':
      if (spec.optional && reader.atEnd) return undefined;
      return readString(command, spec.kind, reader, stderr);
  }
}

function readString(
  command: string,
  kind: 'string' | 'block',
  reader: LineReader,
  stderr: (message: string) => void,
): string {
  const missing = new ArgumentError(`${command}: ${MISSING[kind]}`);
  let word: string | undefined;
  try {
    word = reader.word();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    stderr(error.message);
    throw missing;
  }
  if (word === undefined) throw missing;
  return word;
}

/** QEMU: flags come in the table's order; one of a later flag is left for it. */
function readFlag(command: string, letter: string, letters: readonly string[], reader: LineReader): boolean {
  reader.skipSpaces();
  const { rest } = reader;
  if (!rest.startsWith('-')) return false;
  const given = rest[1] ?? '';
  if (!letters.includes(given)) throw new ArgumentError(`${command}: unsupported option -${given}`);
  if (given !== letter) return false;
  reader.take(2);
  return true;
}

const MAX_UINT32 = 0xffff_ffffn;

/** QEMU: a negative number has more than 32 bits, too. */
function readInteger(command: string, reader: LineReader): number {
  const { value, length } = evaluateExpression(reader.rest);
  reader.take(length);
  if (BigInt.asUintN(64, value) > MAX_UINT32) {
    throw new ArgumentError(`'${command}' has failed: integer is for 32-bit values`);
  }
  return Number(BigInt.asIntN(32, value));
}

const MIB_SHIFT = 20n;

/** QEMU: what is too large for 64 bits wraps round. */
function readMegabytes(reader: LineReader): number {
  const { value, length } = evaluateExpression(reader.rest);
  reader.take(length);
  if (value < 0n) throw new ArgumentError('enter a positive value');
  return Number(BigInt.asIntN(64, value << MIB_SHIFT));
}
