/** Numbers as `x`, `xp` and `print` show them. */
import type { MemoryFormat } from '../memory-format.ts';

const CHARACTER = 'c';
const ESCAPES: Readonly<Record<string, string>> = { "'": "\\'", '\\': '\\\\', '\n': '\\n', '\r': '\\r' };
const LINE = 16;
const LINE_OF_BYTES = 8;
/** More would fill the host's memory with text. */
const MAX_BYTES = 1 << 20;
const TOO_MUCH = `No more than ${MAX_BYTES} bytes are shown at once\n`;

/** A code in quotes; what is no printable ASCII character is shown as an escape. */
export function characterText(code: bigint): string {
  const character = code < 0x80n ? String.fromCharCode(Number(code)) : '';
  const text = ESCAPES[character] ?? (/^[ -~]$/.test(character) ? character : undefined);
  return `'${text ?? `\\x${(code & 0xffff_ffffn).toString(16).padStart(2, '0')}`}'`;
}

/** A value of `size` bytes as one column of a dump. */
function cell(value: bigint, notation: string, size: number): string {
  const bits = size * 8;
  switch (notation) {
    case 'o': {
      const text = value === 0n ? '0' : `0${value.toString(8)}`;
      return text.padStart(Math.ceil(bits / 3));
    }
    case 'u':
      return value.toString().padStart(Math.ceil((bits * 10) / 33));
    case 'd':
      return BigInt.asIntN(64, value)
        .toString()
        .padStart(Math.ceil((bits * 10) / 33));
    case CHARACTER:
      return characterText(value);
    default:
      return `0x${value.toString(16).padStart(bits / 4, '0')}`;
  }
}

function valueAt(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let n = size - 1; n >= 0; n--) value = (value << 8n) | BigInt(bytes[at + n] ?? 0);
  return value;
}

/** Reads so many bytes as `target` has; false when they are not all there. */
export type DumpSource = (address: bigint, target: Uint8Array) => boolean;

/** The lines of `x` and `xp`. QEMU: characters are as many as all bytes that the last size would take. */
export function dumpText({ count, notation, size }: MemoryFormat, start: bigint, read: DumpSource): string {
  const width = notation === CHARACTER ? 1 : size;
  const lineBytes = size === 1 ? LINE_OF_BYTES : LINE;
  const wanted = Math.max(0, Math.imul(count, size));
  let text = '';
  for (let done = 0; done < Math.min(wanted, MAX_BYTES); done += lineBytes) {
    const address = BigInt.asUintN(64, start + BigInt(done));
    const bytes = new Uint8Array(Math.min(lineBytes, wanted - done));
    text += `${address.toString(16).padStart(16, '0')}:`;
    if (!read(address, bytes)) return `${text} Cannot access memory\n`;
    for (let at = 0; at < bytes.length; at += width) {
      text += ` ${cell(valueAt(bytes, at, width), notation, width)}`;
    }
    text += '\n';
  }
  return wanted > MAX_BYTES ? text + TOO_MUCH : text;
}

/** The line of `print`. */
export function printText({ notation }: MemoryFormat, value: bigint): string {
  const unsigned = BigInt.asUintN(64, value);
  switch (notation) {
    case 'o':
      return unsigned === 0n ? '0' : `0${unsigned.toString(8)}`;
    case 'x':
      return unsigned === 0n ? '0' : `0x${unsigned.toString(16)}`;
    case 'u':
      return unsigned.toString();
    case CHARACTER:
      return characterText(unsigned);
    default:
      return BigInt.asIntN(64, value).toString();
  }
}
