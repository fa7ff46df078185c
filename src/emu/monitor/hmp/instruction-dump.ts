/** Instructions as `x/i` and `xp/i` show them. */
import { type CodeSize, disassemble } from '../../disassembler/disassemble.ts';
import { addressText, instructionText } from '../../disassembler/listing.ts';
import type { DumpSource } from './memory-dump.ts';

const BUFFER = 32;
/** QEMU: memory is read up to such a boundary, and further only when what was read is not enough for an instruction. */
const BOUNDARY = 1024n;
/** More would fill the host's memory with text. */
const MAX_INSTRUCTIONS = 1 << 14;
const TOO_MUCH = `No more than ${MAX_INSTRUCTIONS} instructions are shown at once\n`;

/** How many bytes at `address` may be read beside `held` ones. */
function readable(address: bigint, held: number): number {
  const toBoundary = Number(BOUNDARY - (address & (BOUNDARY - 1n)));
  return Math.min(BUFFER - held, toBoundary);
}

/**
 * The lines of `count` instructions, at least one.
 * QEMU: before each one, memory behind those bytes that are already there is read, which may fail although the instruction itself is there; and an
 * instruction that begins right before a boundary may be cut.
 */
export function instructionsText(count: number, start: bigint, code: CodeSize, read: DumpSource): string {
  let text = '';
  let address = start;
  let held = new Uint8Array(0);
  for (let left = Math.min(Math.max(1, count), MAX_INSTRUCTIONS); left > 0; left--) {
    const next = BigInt.asUintN(64, address + BigInt(held.length));
    const bytes = new Uint8Array(held.length + readable(next, held.length));
    bytes.set(held);
    if (!read(next, bytes.subarray(held.length)))
      return `${text}${addressText(address)} unable to read memory\n`;
    const found = disassemble(bytes, BigInt.asUintN(64, address), code);
    text += instructionText(address, bytes.subarray(0, found.length), found);
    held = bytes.slice(found.length);
    address += BigInt(found.length);
  }
  return count > MAX_INSTRUCTIONS ? text + TOO_MUCH : text;
}
