import type { AccessSize } from './device.ts';

/** Reads of nothing float high, as on a real bus. */
export const OPEN_BUS: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };
