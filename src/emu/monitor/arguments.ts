/** The arguments of a command, read from its line. Texts are QEMU's. */
import { ArgumentError } from './argument-error.ts';
import type { ArgumentKind, ArgumentSpec, ArgumentValues, FlagSpec, ValueSpec } from './argument-specs.ts';
import type { RegisterReader } from './expression.ts';
import type { LineReader } from './line-reader.ts';
import type { FormatMemory } from './memory-format.ts';
import { readInteger, readLong, readMegabytes, readSize } from './number-arguments.ts';

const MISSING: Readonly<Partial<Record<ArgumentKind, string>>> = {
  string: 'string expected',
  block: 'block device name expected',
  filename: 'filename expected',
};

/** What reading a line depends on beside the line. */
export interface ArgumentScope {
  /** Told what QEMU's process prints beside the monitor. */
  stderr(message: string): void;
  /** The registers that an expression names. */
  readonly registers: RegisterReader;
  readonly formats: FormatMemory;
  /** Told that a comment ends the line. Absent: it is an error, as in QEMU. */
  readonly comment?: (() => void) | undefined;
}

/** What nothing can be called that an optional argument names. */
const CLEARLY_COMMENT = /^#(?![!-~])/;

type ArgumentValue = ArgumentValues extends ReadonlyMap<string, infer V> ? V : never;

/**
 * Reads a command's arguments. Throws `ArgumentError`.
 * @param command the name that QEMU puts before its errors
 */
export function parseArguments(
  command: string,
  specs: readonly ArgumentSpec[],
  reader: LineReader,
  scope: ArgumentScope,
): ArgumentValues {
  const values = new Map<string, ArgumentValue>();
  for (const [at, spec] of specs.entries()) {
    const value =
      spec.kind === 'flag'
        ? readFlag(command, spec, specs.slice(at), reader)
        : readArgument(command, spec, reader, scope);
    if (value !== undefined) values.set(spec.name, value);
  }
  reader.skipSpaces();
  if (scope.comment !== undefined && reader.rest.startsWith('#')) {
    scope.comment();
    return values;
  }
  if (!reader.atEnd) throw new ArgumentError(`${command}: extraneous characters at the end of line`);
  return values;
}

function readArgument(
  command: string,
  spec: ValueSpec,
  reader: LineReader,
  scope: ArgumentScope,
): ArgumentValue | undefined {
  reader.skipSpaces();
  if (spec.optional && (reader.atEnd || isComment(reader, scope))) return undefined;
  switch (spec.kind) {
    case 'integer':
      return readInteger(command, reader, scope.registers);
    case 'long':
      return readLong(reader, scope.registers);
    case 'index':
      return readIndex(command, reader, scope);
    case 'megabytes':
      return readMegabytes(reader, scope.registers);
    case 'size':
      return readSize(reader);
    case 'switch':
      return readSwitch(reader);
    case 'format':
      return readFormat(reader, scope.formats);
    case 'options':
      return reader.word() ?? '';
    case 'rest':
      if (reader.atEnd) throw new ArgumentError(`${command}: ${MISSING.string}`);
      return reader.takeRest();
    case 'string':
    case 'block':
    case 'filename':
      return readString(command, spec.kind, reader, scope);
  }
}

function isComment({ rest }: LineReader, { comment }: ArgumentScope): boolean {
  return comment !== undefined && CLEARLY_COMMENT.test(rest);
}

function readIndex(command: string, reader: LineReader, { registers }: ArgumentScope): number | undefined {
  if (!reader.rest.startsWith('.')) return undefined;
  reader.take(1);
  reader.skipSpaces();
  return readInteger(command, reader, registers);
}

function readSwitch(reader: LineReader): boolean {
  const word = /^[!-~]*/.exec(reader.rest)?.[0];
  if (word !== 'on' && word !== 'off') throw new ArgumentError("Expected 'on' or 'off'");
  reader.take(word.length);
  return word === 'on';
}

function readFormat(reader: LineReader, formats: FormatMemory): ArgumentValue {
  if (!reader.rest.startsWith('/')) return formats.usual;
  const { format, length } = formats.read(reader.rest);
  reader.take(length);
  return format;
}

function readString(
  command: string,
  kind: ArgumentKind,
  reader: LineReader,
  { stderr }: ArgumentScope,
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

/**
 * QEMU: flags come in the table's order; one of a later flag is left for it.
 * @param specs this flag's and those of the arguments behind it
 */
function readFlag(
  command: string,
  { letter, hasValue }: FlagSpec,
  specs: readonly ArgumentSpec[],
  reader: LineReader,
): boolean | string | undefined {
  reader.skipSpaces();
  const { rest } = reader;
  if (!rest.startsWith('-')) return hasValue ? undefined : false;
  const given = rest[1] ?? '';
  if (!specs.some((spec) => spec.kind === 'flag' && spec.letter === given)) {
    throw new ArgumentError(`${command}: unsupported option -${given}`);
  }
  if (given !== letter) return hasValue ? undefined : false;
  reader.take(2);
  if (!hasValue) return true;
  const word = reader.word();
  if (word === undefined) throw new ArgumentError(`${command}: value expected for -${letter}`);
  return word;
}
