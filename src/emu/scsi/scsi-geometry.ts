/** Cylinders, heads and sectors of a disk that has none. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Values } from '../qdev/values.ts';

export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  /** On a track. */
  readonly sectors: number;
}

const HEADS = 16;
const SECTORS = 63;
const MIN_CYLINDERS = 2;
const MAX_CYLINDERS = 16383;
/** QEMU: what a disk of this kind may say of itself. */
const LIMITS = [
  ['cyls', 65535],
  ['heads', 255],
  ['secs', 255],
] as const;

/** QEMU: the geometry of a disk without a partition table that says otherwise. */
export function guessedGeometry(sizeBytes: number): Geometry {
  const cylinders = Math.floor(sizeBytes / 512 / (HEADS * SECTORS));
  return {
    cylinders: Math.min(MAX_CYLINDERS, Math.max(MIN_CYLINDERS, cylinders)),
    heads: HEADS,
    sectors: SECTORS,
  };
}

/** The geometry that the user gave, or a guess when there is none; QEMU's error for one that cannot be. */
export function geometryFrom(values: Values, sizeBytes: number): Geometry | MonitorError {
  const [cylinders = 0, heads = 0, sectors = 0] = LIMITS.map(([name]) => values.number(name));
  if (cylinders === 0 && heads === 0 && sectors === 0) return guessedGeometry(sizeBytes);
  for (const [name, max] of LIMITS) {
    const value = values.number(name);
    if (value < 1 || value > max) return new MonitorError(`${name} must be between 1 and ${max}`);
  }
  return { cylinders, heads, sectors };
}
