/** How a device reaches guest RAM. */
import type { Gpa } from './addresses.ts';

/** `read`: the bytes are only looked at. `write`: they are only written. */
export type DmaAccess = 'read' | 'write';

/**
 * A transfer moves all of its bytes or, when one of them is not RAM, nothing: then the answer is false, and a number reads as 0.
 * Numbers are little-endian. Instructions that were decoded from changed bytes are dropped.
 */
export interface DmaPort {
  /** True when all of `length` bytes at `gpa` are RAM. */
  isRam(gpa: Gpa, length: number): boolean;
  /** Fills `target` from guest memory; with zeros when the answer is false. */
  read(gpa: Gpa, target: Uint8Array): boolean;
  write(gpa: Gpa, source: Uint8Array): boolean;
  fill(gpa: Gpa, length: number, value: number): boolean;
  readU8(gpa: Gpa): number;
  readU16(gpa: Gpa): number;
  readU32(gpa: Gpa): number;
  /** Exact below 2^53; larger values are rounded, but not to less than that. */
  readU64(gpa: Gpa): number;
  writeU8(gpa: Gpa, value: number): boolean;
  writeU16(gpa: Gpa, value: number): boolean;
  writeU32(gpa: Gpa, value: number): boolean;
  /** `value` is an integer below 2^53. */
  writeU64(gpa: Gpa, value: number): boolean;
  /**
   * Lends guest memory itself, piece by piece in ascending order, until `use` says false, which then is the answer too. A piece is as
   * long as memory is contiguous for the host, and must not be kept: what lies behind an address may change.
   */
  forEachPiece(gpa: Gpa, length: number, access: DmaAccess, use: (bytes: Uint8Array) => boolean): boolean;
}
