/** Numbers on a line of the human monitor. Texts are QEMU's. */
import { ArgumentError } from './argument-error.ts';
import { evaluateExpression, type RegisterReader } from './expression.ts';
import type { LineReader } from './line-reader.ts';

const MAX_UINT32 = 0xffff_ffffn;
const MAX_INT64 = 2n ** 63n - 1n;
const MIB_SHIFT = 20n;
const SIZE_SUFFIXES = 'bkmgtpe';
const SIZE_TEXT = /^(0x[0-9a-f]+|\d+(?:\.\d*)?)([bkmgtpe]?)/i;

/** An expression of 64 bits. */
export function readLong(reader: LineReader, registers: RegisterReader): bigint {
  const { value, length } = evaluateExpression(reader.rest, registers);
  reader.take(length);
  return value;
}

/** QEMU: a negative number has more than 32 bits, too. */
export function readInteger(command: string, reader: LineReader, registers: RegisterReader): number {
  const value = readLong(reader, registers);
  if (BigInt.asUintN(64, value) > MAX_UINT32) {
    throw new ArgumentError(`'${command}' has failed: integer is for 32-bit values`);
  }
  return Number(BigInt.asIntN(32, value));
}

/** QEMU: what is too large for 64 bits wraps round. */
export function readMegabytes(reader: LineReader, registers: RegisterReader): number {
  const value = readLong(reader, registers);
  if (value < 0n) throw new ArgumentError('enter a positive value');
  return Number(BigInt.asIntN(64, value << MIB_SHIFT));
}

/** A size in bytes; without a suffix it is of MiB. */
export function readSize(reader: LineReader): bigint {
  const [text = '', digits = '', suffix = ''] = SIZE_TEXT.exec(reader.rest) ?? [];
  if (text === '') throw new ArgumentError('invalid size');
  const unit = SIZE_SUFFIXES.indexOf(suffix.toLowerCase() || 'm');
  const isWhole = !digits.includes('.');
  const bytes = isWhole
    ? BigInt(digits) * 1024n ** BigInt(unit)
    : BigInt(Math.trunc(Number(digits) * 1024 ** unit));
  // There is no part of a byte, and none of a number in base 16.
  const isPart = suffix.toLowerCase() === 'b' && !Number.isInteger(Number(digits));
  const isHexPart = /^0x/i.test(digits) && reader.rest.charAt(text.length) === '.';
  if (bytes > MAX_INT64 || isPart || isHexPart) throw new ArgumentError('invalid size');
  reader.take(text.length);
  return bytes;
}
