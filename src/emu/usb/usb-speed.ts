/** The speeds of USB as masks, so that a port or a device can have several, and QEMU's words for them. */

export const SPEED_LOW = 1;
export const SPEED_FULL = 2;
export const SPEED_HIGH = 4;
export const SPEED_SUPER = 8;

const NAMES = [
  [SPEED_LOW, 'low', '1.5'],
  [SPEED_FULL, 'full', '12'],
  [SPEED_HIGH, 'high', '480'],
  [SPEED_SUPER, 'super', '5000'],
] as const;

/** All speeds of a mask: `full+high`. QEMU: low speed is never named. */
export function speedNames(mask: number): string {
  return NAMES.flatMap(([bit, name]) => ((mask & bit) === 0 || bit === SPEED_LOW ? [] : [name])).join('+');
}

/** One speed in Mb/s, as text. */
export function speedMbits(speed: number): string {
  return NAMES.find(([bit]) => bit === speed)?.[2] ?? '?';
}

/** The highest speed of a mask. */
export function fastest(mask: number): number {
  return mask === 0 ? 0 : 1 << (31 - Math.clz32(mask));
}
