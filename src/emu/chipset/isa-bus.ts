/** The ISA bus behind the PIIX3, as far as devices of the user's are on it: they are there from the start and stay. */
import type { AddressSpace } from '../bus/address-space.ts';
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';

/** What a device sees of the bus. */
export interface IsaSlot {
  readonly io: AddressSpace;
  readonly memory: AddressSpace;
  /** One more driver of an interrupt, 0 to 15. */
  irq(number: number): IrqLine;
}

export class IsaHardware implements Hardware {
  readonly sections: readonly Device[];
  /** The device is on the bus: it takes its ports. */
  readonly plug: (slot: IsaSlot) => void;

  constructor(parts: { readonly sections?: readonly Device[]; readonly plug: (slot: IsaSlot) => void }) {
    this.sections = parts.sections ?? [];
    this.plug = parts.plug;
  }

  buses(): readonly NewBus[] {
    return [];
  }

  /** Nothing leaves the bus. */
  release(): void {}
}

/** @param slot what a device on the bus is wired to */
export function isaBus(slot: IsaSlot): NewBus {
  const refuse = (): never => assertStays();
  return {
    name: 'isa.0',
    type: 'ISA',
    coldPlugOnly: true,
    handler: {
      prePlug: () => undefined,
      // What the board has is wired already.
      plug: ({ hardware }) => {
        if (hardware instanceof IsaHardware) hardware.plug(slot);
      },
      unplugRequest: refuse,
      unplug: refuse,
    },
  };
}

function assertStays(): never {
  assert(false, 'nothing leaves the ISA bus');
}
