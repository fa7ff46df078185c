/** How accesses to the registers come. */
import type { AccessSize } from '../core/device.ts';

/** QEMU: an access that is not aligned comes as several that are. */
export function alignedPieces(
  offset: number,
  size: AccessSize,
): readonly { readonly at: number; readonly size: AccessSize }[] {
  if (offset % size === 0) return [{ at: 0, size }];
  const pieces: { at: number; size: AccessSize }[] = [];
  for (let at = 0; at < size; ) {
    const piece = (offset + at) % 2 === 0 && size - at >= 2 ? 2 : 1;
    pieces.push({ at, size: piece });
    at += piece;
  }
  return pieces;
}
