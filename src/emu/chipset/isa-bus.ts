/** The ISA bus behind the PIIX3, as far as devices of the user's are on it: they are there from the start and stay. */
import type { AddressSpace } from '../bus/address-space.ts';
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import { ServiceName } from '../qdev/services.ts';

/** One channel of the DMA controllers, as the device sees it that asks on it. */
export interface DmaChannel {
  /** DREQ: the device wants to be served, from now on until it says otherwise. */
  hold(): void;
  release(): void;
  /** Fills `target` from the driver's buffer, whose first byte is `position` 0. A channel that only verifies leaves it as it is. */
  read(position: number, target: Uint8Array): void;
  write(position: number, source: Uint8Array): void;
  /** A device that could not answer at once has moved so many bytes. */
  moved(bytes: number): void;
}

/**
 * Moves what a device has through its channel, which the driver has made ready for `size` bytes.
 * @returns how many bytes have moved; undefined: the device says so later, by `moved`
 */
export type DmaServer = (size: number) => number | undefined;

/** What a device sees of the bus. */
export interface IsaSlot {
  readonly io: AddressSpace;
  readonly memory: AddressSpace;
  /** One more driver of an interrupt, 0 to 15. */
  irq(number: number): IrqLine;
  /** The DMA channel 0 to 7. */
  dma(number: number, server: DmaServer): DmaChannel;
}

/** For devices that are wired to the bus when they are made. */
export const ISA_SLOT = new ServiceName<IsaSlot>('isa-slot');

export class IsaHardware implements Hardware {
  readonly sections: readonly Device[];
  /** The device is on the bus: it takes its ports. */
  readonly plug: (slot: IsaSlot) => void;
  readonly #buses: readonly NewBus[];

  constructor(parts: {
    readonly sections?: readonly Device[];
    readonly plug: (slot: IsaSlot) => void;
    readonly buses?: readonly NewBus[];
  }) {
    this.sections = parts.sections ?? [];
    this.plug = parts.plug;
    this.#buses = parts.buses ?? [];
  }

  buses(): readonly NewBus[] {
    return this.#buses;
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
