/** What of a region's addresses shows something else than its memory, as the shadow RAM of a chipset does. */
import type { Gpa } from './addresses.ts';
import type { Region } from './region.ts';

/** What is found in a part of a region. */
export interface MemoryWindow {
  readonly gpa: Gpa;
  readonly end: Gpa;
  /** Its own memory, which ignores writes, or a region over it that begins and ends where the window does. */
  readonly shows: 'read-only' | Region;
}

/** What is found at each address: the regions that are shown, through the windows in them. */
export function viewOf(regions: readonly Region[], windows: readonly MemoryWindow[]): readonly Region[] {
  return regions.filter(({ isShown }) => isShown).flatMap((region) => piecesOf(region, windows));
}

/** What is found where `region` is, through the windows in it. */
function piecesOf(region: Region, windows: readonly MemoryWindow[]): readonly Region[] {
  const inside = windows.filter(({ gpa, end }) => gpa >= region.gpa && end <= region.end);
  if (inside.length === 0) return [region];
  const pieces: Region[] = [];
  let at = region.gpa;
  for (const { gpa, end, shows } of inside) {
    if (gpa > at) pieces.push(region.part(at, gpa));
    pieces.push(shows === 'read-only' ? region.part(gpa, end, true) : shows);
    at = end;
  }
  if (at < region.end) pieces.push(region.part(at, region.end));
  return pieces;
}
