/** Bit manipulation for the semantics table. Results longer than a word are left in X. */
import { popcount, X } from './arithmetic.ts';

/** Castagnoli's polynomial, bits reversed. Spec: Intel SDM vol. 2, CRC32. */
const POLYNOMIAL = 0x82f63b78 | 0;
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1));
  return crc;
});

/** The checksum `crc` with the low `bytes` bytes of `value` taken in. */
export function crc32c(crc: number, value: number, bytes: number): number {
  let result = crc;
  let rest = value;
  for (let i = 0; i < bytes; i++) {
    result = (result >>> 8) ^ CRC_TABLE[(result ^ rest) & 255];
    rest >>>= 8;
  }
  return result;
}

/** The low bits of `value`, one after the other, where `mask` has ones. */
export function pdep32(value: number, mask: number): number {
  let result = 0;
  let bits = value;
  for (let rest = mask; rest !== 0; rest &= rest - 1) {
    if ((bits & 1) !== 0) result |= rest & -rest;
    bits >>>= 1;
  }
  return result;
}

/** The bits of `value` where `mask` has ones, side by side from bit 0 on. */
export function pext32(value: number, mask: number): number {
  let result = 0;
  let to = 1;
  for (let rest = mask; rest !== 0; rest &= rest - 1) {
    if ((value & rest & -rest) !== 0) result |= to;
    to <<= 1;
  }
  return result;
}

/** X[0–1] = pdep32 with 64 bits. */
export function pdep64(lo: number, hi: number, maskLo: number, maskHi: number): void {
  const used = popcount(maskLo);
  const upper = used === 32 ? hi : (lo >>> used) | ((hi << 1) << (31 - used));
  X[0] = pdep32(lo, maskLo);
  X[1] = pdep32(upper, maskHi);
}

/** X[0–1] = pext32 with 64 bits. */
export function pext64(lo: number, hi: number, maskLo: number, maskHi: number): void {
  const count = popcount(maskLo);
  const lower = pext32(lo, maskLo);
  const upper = pext32(hi, maskHi);
  X[0] = count === 32 ? lower : lower | (upper << count);
  X[1] = count === 32 ? upper : (upper >>> 1) >>> (31 - count);
}
