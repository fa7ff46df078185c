/** Chips that are soldered to the board's own address space: QEMU's system bus. */
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { Qdev } from '../qdev/tree.ts';

export interface MmioRange {
  readonly base: number;
  readonly size: number;
}

export class SysbusHardware implements Hardware {
  readonly sections: readonly Device[];
  readonly mmio: readonly MmioRange[];
  readonly #buses: readonly NewBus[];

  constructor(
    sections: readonly Device[],
    {
      mmio = [],
      buses = [],
    }: { readonly mmio?: readonly MmioRange[]; readonly buses?: readonly NewBus[] } = {},
  ) {
    this.sections = sections;
    this.mmio = mmio;
    this.#buses = buses;
  }

  buses(): readonly NewBus[] {
    return this.#buses;
  }

  release(): void {
    assert(false, 'a part of the board cannot leave');
  }
}

/** Where a chip answers, as `info qtree` prints it. */
export function sysbusPlaceLines({ hardware }: Qdev): readonly string[] {
  const mmio = hardware instanceof SysbusHardware ? hardware.mmio : [];
  return mmio.map(({ base, size }) => `mmio ${hex(base)}/${hex(size)}`);
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}
