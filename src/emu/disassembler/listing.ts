/** Instructions with their addresses and bytes, a line or more for each, as QEMU's monitor and log show them. */
import { type CodeSize, type Disassembled, disassemble } from './disassemble.ts';

const LINE = 8;
const ADDRESS_DIGITS = 8;
const MNEMONIC_WIDTH = 8;

export function addressText(address: bigint): string {
  return `0x${BigInt.asUintN(64, address).toString(16).padStart(ADDRESS_DIGITS, '0')}:`;
}

function bytesText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ` ${byte.toString(16).padStart(2, '0')}`).join('');
}

/** The line of an instruction; the bytes that have no room in it follow in lines of their own. */
export function instructionText(
  address: bigint,
  bytes: Uint8Array,
  { mnemonic, operands }: Disassembled,
): string {
  const first = bytesText(bytes.subarray(0, LINE)).padEnd(3 * LINE);
  let text = `${addressText(address)} ${first}  ${mnemonic.padEnd(MNEMONIC_WIDTH)} ${operands}\n`;
  for (let at = LINE; at < bytes.length; at += LINE) {
    text += `${addressText(address + BigInt(at))} ${bytesText(bytes.subarray(at, at + LINE))}\n`;
  }
  return text;
}

/** The lines of all instructions in `bytes`, of which the first is at `address`. */
export function listingText(bytes: Uint8Array, address: bigint, code: CodeSize): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    const where = address + BigInt(at);
    const found = disassemble(rest, where, code);
    text += instructionText(where, rest.subarray(0, found.length), found);
    at += found.length;
  }
  return text;
}
