/**
 * ACPI Machine Language: names, package lengths and data objects as bytes.
 * Spec: ACPI 6.5 chapter 20. Every builder returns encoded terms, so that a table is one nested expression.
 */
import { assert } from '../core/assert.ts';

/** Encoded AML terms. */
export type Aml = Uint8Array;

/** A value in a method or package: encoded terms, an integer, or (a string) the path of a named object. */
export type Operand = Aml | number | string;

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const QWORD_PREFIX = 0x0e;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const DUAL_NAME_PREFIX = 0x2e;
const MULTI_NAME_PREFIX = 0x2f;

const NAME_PATTERN = /^(\\|\^*)((?:[A-Z_][A-Z0-9_]{0,3})(?:\.[A-Z_][A-Z0-9_]{0,3})*)?$/;

/** Puts terms one after the other. */
export function terms(...parts: readonly Aml[]): Aml {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Raw bytes, each 0…255. */
export function bytes(...values: readonly number[]): Aml {
  return Uint8Array.from(values);
}

/** `size` bytes of `value`, lowest first; exact below 2^53. */
export function littleEndian(value: number, size: number): Aml {
  const out = new Uint8Array(size);
  for (let at = 0, rest = value; at < size; at++, rest = Math.floor(rest / 256)) out[at] = rest % 256;
  return out;
}

export function ascii(text: string): Aml {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Spec: §20.2.4. A lead byte of 6 bits alone, or of 4 bits and the number of bytes that follow it. */
export function lengthValue(value: number): Aml {
  if (value < 0x40) return bytes(value);
  let following = 1;
  while (value >= 2 ** (4 + 8 * following)) following++;
  assert(following <= 3, 'AML package is too long');
  return terms(bytes((following << 6) | (value & 0x0f)), littleEndian(Math.floor(value / 16), following));
}

/** The length of a package with that much content: it counts its own 1 to 4 bytes. */
export function pkgLength(contentLength: number): Aml {
  let own = 1;
  while (lengthValue(contentLength + own).length > own) own++;
  return lengthValue(contentLength + own);
}

/** An opcode, the length of what follows it, and that. */
export function packaged(opcode: Aml, ...content: readonly Aml[]): Aml {
  const body = terms(...content);
  return terms(opcode, pkgLength(body.length), body);
}

/** Spec: §20.2.2. `path` as in ASL: `\_SB.PCI0`, `^S08`, `BNUM`; short names are padded with `_`. */
export function namePath(path: string): Aml {
  const [, prefix = '', rest = ''] = NAME_PATTERN.exec(path) ?? [];
  assert(prefix + rest === path, `bad AML name ${path}`);
  const segments = rest === '' ? [] : rest.split('.').map((segment) => segment.padEnd(4, '_'));
  const name = ascii(segments.join(''));
  if (segments.length === 0) return terms(ascii(prefix), bytes(0));
  if (segments.length === 1) return terms(ascii(prefix), name);
  if (segments.length === 2) return terms(ascii(prefix), bytes(DUAL_NAME_PREFIX), name);
  return terms(ascii(prefix), bytes(MULTI_NAME_PREFIX, segments.length), name);
}

/** Spec: §20.2.3. The shortest encoding; exact below 2^53. */
export function integer(value: number): Aml {
  assert(Number.isSafeInteger(value) && value >= 0, `bad AML integer ${value}`);
  if (value === 0) return bytes(ZERO_OP);
  if (value === 1) return bytes(ONE_OP);
  if (value < 2 ** 8) return bytes(BYTE_PREFIX, value);
  if (value < 2 ** 16) return terms(bytes(WORD_PREFIX), littleEndian(value, 2));
  if (value < 2 ** 32) return terms(bytes(DWORD_PREFIX), littleEndian(value, 4));
  return terms(bytes(QWORD_PREFIX), littleEndian(value, 8));
}

/** Encodes an operand. */
export function term(operand: Operand): Aml {
  if (typeof operand === 'number') return integer(operand);
  return typeof operand === 'string' ? namePath(operand) : operand;
}

/** A string literal (a plain string operand is a name). */
export function text(value: string): Aml {
  return terms(bytes(STRING_PREFIX), ascii(value), bytes(0));
}

/** `Buffer (length) { … }` */
export function buffer(content: Aml): Aml {
  return packaged(bytes(BUFFER_OP), integer(content.length), content);
}

/** `Package (n) { … }`; `count` may exceed the elements given, the rest is uninitialized. */
export function pkg(elements: readonly Operand[], count: number = elements.length): Aml {
  return packaged(bytes(PACKAGE_OP), bytes(count), ...elements.map(term));
}

/** `EisaId ("PNP0A03")`: three letters of 5 bits and four hex digits, most significant byte first. Spec: §19.3.4. */
export function eisaId(id: string): Aml {
  assert(/^[A-Z]{3}[0-9A-F]{4}$/.test(id), `bad EISA id ${id}`);
  const letter = (at: number) => id.charCodeAt(at) - 0x40;
  const vendor = (letter(0) << 10) | (letter(1) << 5) | letter(2);
  const product = Number.parseInt(id.slice(3), 16);
  return terms(bytes(DWORD_PREFIX, vendor >> 8, vendor & 0xff), bytes(product >> 8, product & 0xff));
}

/** `ToUUID ("aabbccdd-…")`: the first three groups are little-endian. Spec: §19.3.5. */
export function uuid(value: string): Aml {
  const digits = value.replaceAll('-', '').match(/../g) ?? [];
  assert(digits.length === 16, `bad UUID ${value}`);
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return buffer(Uint8Array.from(order, (at) => Number.parseInt(digits[at] ?? '', 16)));
}
