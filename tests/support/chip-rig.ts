/** What chip tests share: a clock to step by hand, wires that remember, and a hostile guest. */
import { expect } from 'vitest';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { AccessSize, Device, IoHandler } from '../../src/emu/core/device.ts';
import type { IrqLine } from '../../src/emu/core/irq.ts';
import { seededRandom } from './seeded-random.ts';

export { seededRandom };

/** A clock that moves only when told. */
export class ManualClock extends EventQueue {
  #time: { ns: number };

  constructor() {
    const time = { ns: 0 };
    super(() => time.ns);
    this.#time = time;
  }

  /** Moves on by `ns`, running every deadline at its own time. */
  step(ns: number): void {
    const end = this.#time.ns + ns;
    for (let next = this.nextDeadlineNs(); next <= end; next = this.nextDeadlineNs()) {
      this.#time.ns = Math.max(next, this.#time.ns);
      this.runDue();
    }
    this.#time.ns = end;
  }

  /** Moves on by `ns` and leaves what is due then to `runDue`. */
  jump(ns: number): void {
    this.#time.ns += ns;
  }
}

/** An interrupt wire that counts rising edges. */
export class ProbeLine implements IrqLine {
  level = false;
  edges = 0;

  set(level: boolean): void {
    if (level && !this.level) this.edges++;
    this.level = level;
  }
}

const SIZES: readonly AccessSize[] = [1, 2, 4];

/**
 * 10,000 random accesses of all sizes: no answer is out of range, nothing throws, the state stays plain data, and one that a snapshot would
 * restore.
 */
export function fuzz(
  handler: IoHandler,
  length: number,
  device: Pick<Device, 'save' | 'vmstate'>,
  between: (random: (below: number) => number) => void = () => {},
): void {
  const random = seededRandom(0x5eed);
  for (let count = 0; count < 10_000; count++) {
    const size = SIZES[random(3)] ?? 1;
    const offset = random(length);
    if (random(2) === 0) {
      handler.write(offset, size, random(4) === 0 ? random(16) : random(2 ** 32) % 2 ** (8 * size));
    } else {
      const value = handler.read(offset, size);
      expect(value >= 0 && value < 2 ** (8 * size) && Number.isInteger(value)).toBe(true);
    }
    between(random);
    if (count % 100 === 0) expect(device.vmstate.fields.misfit(device.save())).toBeUndefined();
  }
  const state = device.save();
  expect(structuredClone(state)).toEqual(state);
}
