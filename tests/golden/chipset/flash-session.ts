/** Commands, data and reads of a flash chip, in order and out of it: what `scripts/record-chipset.ts` plays to QEMU. */
import { seededRandom } from '../../support/seeded-random.ts';

export const FLASH_BYTES = 0x4000;
const STEPS = 1500;
const SIZES = [1, 1, 1, 2, 4] as const;

export interface FlashStep {
  readonly offset: number;
  readonly size: 1 | 2 | 4;
  /** What is written; undefined: a read. */
  readonly value: number | undefined;
}

/** What the chip holds at first. */
export function flashContents(): Uint8Array {
  const random = seededRandom(0xcf1);
  return new Uint8Array(FLASH_BYTES).map(() => random(256));
}

const COMMANDS = [
  0x10, 0x40, 0x20, 0x60, 0x70, 0x90, 0x98, 0xe8, 0xff, 0xff, 0x50, 0xd0, 0x01, 0xf0, 0, 0x28, 0x80,
];
const CONFIRMATIONS = [0xd0, 0xd0, 0xd0, 0xff, 0x10];
const BUFFER = 0x100;

export function flashSession(): readonly FlashStep[] {
  const random = seededRandom(0xf1a5);
  const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const steps: FlashStep[] = [];
  const byte = (offset: number, value: number | undefined): void =>
    void steps.push({ offset: offset % FLASH_BYTES, size: 1, value });
  const buffered = (offset: number): void => {
    const count = random(12);
    const start = random(8) === 0 ? offset : offset - (offset % BUFFER);
    byte(start, 0xe8);
    byte(start, count);
    for (let n = 0; n <= count; n++) byte(start + n, random(256));
    byte(start, one(CONFIRMATIONS));
    byte(start, undefined);
  };
  const anything = (offset: number): void => {
    const size = one(SIZES);
    const at = (random(3) === 0 ? offset % BUFFER : offset) & -size;
    const isRead = random(2) === 0;
    const value = random(5) === 0 ? random(2 ** 32) % 2 ** (8 * size) : one(COMMANDS);
    steps.push({ offset: at, size, value: isRead ? undefined : value });
  };
  while (steps.length < STEPS) {
    const offset = random(FLASH_BYTES);
    const kind = random(20);
    if (kind === 0) buffered(offset);
    else if (kind === 1) {
      for (const value of [0x20, one(CONFIRMATIONS), undefined]) byte(offset, value);
    } else if (kind < 4) {
      for (const value of [0x40, random(256), undefined]) byte(offset, value);
    } else if (kind === 4) {
      for (const value of [0xff, 0x50, undefined]) byte(offset, value);
    } else anything(offset);
  }
  // Whatever came before, it leads to the array.
  for (let n = 0; n < 3; n++) byte(0, 0xff);
  return steps;
}
