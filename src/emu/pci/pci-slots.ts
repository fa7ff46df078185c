/** The slots of a conventional PCI bus: devices are put in and taken out, and whoever the board chose tells the guest. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice } from '../qdev/device-type.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import type { Qdev } from '../qdev/tree.ts';
import { type PciBus, pciSlot } from './pci-bus.ts';
import { pciFunctionOf } from './pci-hardware.ts';
import { pciPlaceLines } from './pci-print.ts';

/** QEMU: ONBOARD_INDEX_MAX. */
const MAX_ACPI_INDEX = 16 * 1024 - 1;

/** Who tells the guest what happens to the slots of a bus: ACPI registers, later a bridge's hotplug controller. */
export interface SlotEvents {
  /** The number of the bus in ACPI's registers; absent: it has none there. */
  readonly bsel?: number;
  /** A function came into the slot while the machine runs. */
  inserted(slot: number): void;
  /** The user wants the slot's functions out. */
  ejectRequested(slot: number): void;
}

export class PciSlots implements HotplugHandler {
  readonly #bus: PciBus;
  readonly #events: SlotEvents;
  /** Those that are on the bus, oldest first. */
  readonly #devices: Qdev[] = [];
  readonly #unplug: (device: Qdev) => void;

  /** @param unplug `DeviceManager.unplug`: called when the guest lets go of a device */
  constructor(bus: PciBus, events: SlotEvents, unplug: (device: Qdev) => void) {
    this.#bus = bus;
    this.#events = events;
    this.#unplug = unplug;
  }

  /** The bus as the device that has it brings it. */
  qbus(): NewBus {
    const { bsel } = this.#events;
    return {
      name: this.#bus.name,
      type: 'PCI',
      handler: this,
      properties:
        bsel === undefined ? [] : [{ name: 'acpi-pcihp-bsel', typeName: 'uint32', read: () => bsel }],
      print: (device) => pciPlaceLines(pciFunctionOf(device), this.#bus.number),
    };
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const { type, values, hotplugged } = device;
    const taken = this.#indexError(Number(values.get('acpi-index')));
    if (taken !== undefined) return taken;
    const addr = Number(values.get('addr'));
    const identity = { type: type.name, multifunction: values.get('multifunction') === true };
    const devfn = this.#bus.place({ identity }, addr < 0 ? undefined : addr, hotplugged);
    if (devfn instanceof MonitorError) return devfn;
    device.place('addr', devfn);
    return undefined;
  }

  plug(device: Qdev): void {
    const devfn = Number(device.valueNamed('addr'));
    this.#bus.add(pciFunctionOf(device), devfn, device.hotplugged);
    this.#devices.push(device);
    if (device.hotplugged) this.#events.inserted(pciSlot(devfn));
  }

  unplugRequest(device: Qdev): 'asked' {
    this.#events.ejectRequested(slotOf(device));
    return 'asked';
  }

  unplug(device: Qdev): void {
    const at = this.#devices.indexOf(device);
    assert(at >= 0, `${device.path} is not on ${this.#bus.name}`);
    this.#devices.splice(at, 1);
    this.#bus.remove(pciFunctionOf(device));
  }

  /** A mask of the slots whose devices may be ejected; empty slots count as such. */
  removable(): number {
    let mask = 0xffff_ffff;
    for (const device of this.#devices) if (!device.type.hotpluggable) mask &= ~(1 << slotOf(device));
    return mask >>> 0;
  }

  /** The guest lets go of a slot: every hot-pluggable function leaves. Returns how many. */
  eject(slot: number): number {
    const leaving = this.#devices
      .filter((device) => device.type.hotpluggable && slotOf(device) === slot)
      // QEMU: newest first.
      .reverse();
    for (const device of leaving) this.#unplug(device);
    return leaving.length;
  }

  /** The acpi-index property of the slot's function 0; 0 when it has none. */
  acpiIndex(slot: number): number {
    const device = this.#devices.find((one) => pciFunctionOf(one).devfn === slot << 3);
    return Number(device?.valueNamed('acpi-index') ?? 0);
  }

  #indexError(index: number): MonitorError | undefined {
    if (index > MAX_ACPI_INDEX) {
      return new MonitorError(`acpi-index should be less or equal to ${MAX_ACPI_INDEX}`);
    }
    if (index === 0 || !this.#devices.some((device) => device.valueNamed('acpi-index') === index))
      return undefined;
    return new MonitorError(`a PCI device with acpi-index = ${index} already exist`);
  }
}

function slotOf(device: Qdev): number {
  return pciSlot(pciFunctionOf(device).devfn);
}
