/** The words of a line of the qtest protocol. */

/** A line that cannot be carried out; `message` is the answer. QEMU aborts at most of them. */
export class QtestError extends Error {
  constructor(message: string, kind: 'FAIL' | 'ERR' = 'FAIL') {
    super(message === '' ? kind : `${kind} ${message}`);
    this.name = 'QtestError';
  }
}

/** The most bytes of guest memory that one line can move, 64 MiB. QEMU has no limit. */
export const MAX_TRANSFER = 64 << 20;

const DIGITS = /^([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i;

/** A number as C's strtoul reads it: decimal, hexadecimal with 0x, octal with 0; negative ones wrap at 2^64. Throws QtestError. */
export function numberWord(word: string | undefined, name: string): bigint {
  const [, sign, digits = ''] = DIGITS.exec(word ?? '') ?? [];
  if (sign === undefined)
    throw new QtestError(word === undefined ? `${name} is missing` : `Bad ${name} '${word}'`);
  const value = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
  if (value >= 2n ** 64n) throw new QtestError(`Bad ${name} '${word}'`);
  return BigInt.asUintN(64, sign === '-' ? -value : value);
}

/** Virtual time, signed as in QEMU, in nanoseconds. Throws QtestError. */
export function timeWord(word: string): bigint {
  return BigInt.asIntN(64, numberWord(word, 'time'));
}

/** Number of bytes of a transfer. Throws QtestError when they are more than one line may move. */
export function sizeWord(word: string | undefined): number {
  const size = numberWord(word, 'size');
  if (size > BigInt(MAX_TRANSFER)) throw new QtestError(`Size ${size} is more than ${MAX_TRANSFER}`);
  return Number(size);
}

/** A port number. Throws QtestError. */
export function portWord(word: string | undefined): number {
  const port = numberWord(word, 'address');
  if (port > 0xffffn) throw new QtestError(`Bad address '${word}'`);
  return Number(port);
}

/** QEMU: `0x` and two digits for each byte; a byte of which not both digits are there is 0. */
export function bytesOfHex(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const given = Math.min(size, Math.floor((text.length - 2) / 2));
  for (let at = 0; at < given; at++) {
    bytes[at] = (nibble(text.charCodeAt(2 + 2 * at)) << 4) | nibble(text.charCodeAt(3 + 2 * at));
  }
  return bytes;
}

/** QEMU: what is no digit counts as 0. */
function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : 0;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** `0x` and the digits of all bytes. */
export function hexOfBytes(bytes: Uint8Array): string {
  const parts: string[] = ['0x'];
  for (const byte of bytes) parts.push(HEX[byte] ?? '');
  return parts.join('');
}

/** Characters that become text at once: as many as a call may have arguments. */
const PIECE = 8192;

/** Text whose characters are the bytes. */
export function textOfBytes(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return parts.join('');
}

export function base64OfBytes(bytes: Uint8Array): string {
  return btoa(textOfBytes(bytes));
}

/** QEMU (GLib): other characters are skipped, and what is too little for a group of four. */
export function bytesOfBase64(text: string): Uint8Array {
  const groups = text.replaceAll(/[^A-Za-z0-9+/=]/g, '');
  const digits = groups.slice(0, groups.length & ~3).replaceAll('=', '');
  const decoded = atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits);
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0));
}
