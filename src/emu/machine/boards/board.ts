/** How a board is put together: one line per chip, which puts it into the tree and on its bus. */
import { assert } from '../../core/assert.ts';
import type { IrqWires } from '../../core/irq.ts';
import type { DeviceType } from '../../qdev/device-type.ts';
import type { Hardware } from '../../qdev/hardware.ts';
import { type QomObject, UNATTACHED } from '../../qdev/objects.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import type { PropertyValue } from '../../qdev/properties.ts';
import type { GpioLines, Qbus, Qdev } from '../../qdev/tree.ts';

/** Where a chip is. */
export interface Place {
  /** Absent: it is on no bus. */
  readonly on?: Qbus;
  /** What it is part of, and its name there; absent: QEMU's next number below /machine/unattached. */
  readonly in?: readonly [parent: QomObject, name: string];
  readonly gpios?: readonly GpioLines[];
  /** QEMU made it before this one, which is on the same bus. */
  readonly olderThan?: Qdev | undefined;
  /** Property values that differ from the type's defaults; a function is asked each time. */
  readonly values?: Readonly<Record<string, PropertyValue | (() => PropertyValue)>>;
}

/** Interrupt wires as `info qtree` lists them. */
export const gpioIn = (count: number, name = ''): GpioLines => ({ direction: 'in', name, count });
export const gpioOut = (count: number, name = ''): GpioLines => ({ direction: 'out', name, count });

/** The same with wires on which qtest may listen. */
export const wiresIn = (wires: IrqWires): GpioLines => ({ ...gpioIn(wires.count), wires });
export const wiresOut = (wires: IrqWires): GpioLines => ({ ...gpioOut(wires.count), wires });

export class BoardBuilder {
  readonly #devices: DeviceManager;
  #unattached = 0;

  constructor(devices: DeviceManager) {
    this.#devices = devices;
  }

  /** The machine itself, of which chips with a name of their own are part. */
  get machine(): QomObject {
    return this.#devices.tree.objects.container('/machine');
  }

  get systemBus(): Qbus {
    return this.#devices.tree.systemBus;
  }

  add(hardware: Hardware, type: DeviceType, place: Place): Qdev {
    const [parent, name] = place.in ?? [this.#devices.tree.objects.container(UNATTACHED), this.#nextName()];
    const values = new Map(Object.entries(place.values ?? {}));
    const { on: bus, gpios = [], olderThan } = place;
    const parts = { type: this.type(type.name), hardware, bus, gpios, values, olderThan };
    return this.#devices.addBuiltIn(parent, name, parts);
  }

  /** As this version of the machine has it. */
  type(name: string): DeviceType {
    const type = this.#devices.registry.find(name);
    assert(type !== undefined, `no type ${name}`);
    return type;
  }

  /** Not modelled: a device that QEMU's board has at this place. It only takes its number, so that the others have theirs. */
  skip(_type: string): void {
    this.#unattached++;
  }

  /** Names for devices that come when the board is there, at this place among those of the board. */
  reserve(count: number): readonly string[] {
    return Array.from({ length: count }, () => this.#nextName());
  }

  /** All that is on the board is there. */
  complete(): void {
    this.#devices.tree.unattachedOfBoard = this.#unattached;
  }

  #nextName(): string {
    return `device[${this.#unattached++}]`;
  }
}

/** The bus of that name that a device brought. */
export function busOf(device: Qdev, name: string): Qbus {
  const bus = device.buses.find((one) => one.name === name);
  assert(bus !== undefined, `${device.path} has no bus ${name}`);
  return bus;
}
