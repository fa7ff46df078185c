/** Hotplug on a conventional PCI bus of the pc board: slots, and the ACPI registers that tell the guest. */
import type { HotplugBuses, PciHotplug } from '../acpi/pci-hotplug.ts';
import { assert } from '../core/assert.ts';
import type { HotplugHandler } from '../core/hotplug.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { PciBus } from '../pci/pci-bus.ts';
import { pciSlot } from '../pci/pci-bus.ts';
import type { PciDevice } from '../pci/pci-device.ts';
import { pciDeviceInfo, pciQtreeClassName } from '../pci/pci-info.ts';
import type { RealizedDevice } from './device-registry.ts';
import type { DeviceManager, DevicePlace, NewDevice, PluggableBus } from './hotplug.ts';
import type { BusPlace, Qbus, Qdev } from './qdev.ts';

/** QEMU: ONBOARD_INDEX_MAX. */
const MAX_ACPI_INDEX = 16 * 1024 - 1;
const SLOTS = 32;

/** What `info qtree` shows of a function on `bus`. */
export function pciPlace(device: PciDevice, bus: PciBus): BusPlace {
  const pci = pciDeviceInfo(device, bus.number);
  return { kind: 'pci', pci, className: pciQtreeClassName(pci.classCode) };
}

/** The bus with BSEL 0. Made before the tree's bus (it is its handler), connected when both exist. */
export class PciRootHotplug implements HotplugHandler<Qdev>, HotplugBuses {
  readonly #pciBus: PciBus;
  readonly #bsel: number;
  #acpi: PciHotplug | undefined;
  #manager: DeviceManager | undefined;
  #qbus: Qbus | undefined;

  constructor(pciBus: PciBus, bsel = 0) {
    this.#pciBus = pciBus;
    this.#bsel = bsel;
  }

  /** The ACPI registers, the bus in the tree and the manager that is told of ejections. */
  connect(acpi: PciHotplug, qbus: Qbus, manager: DeviceManager): void {
    this.#acpi = acpi;
    this.#qbus = qbus;
    this.#manager = manager;
    manager.registerBus(this.#pluggable(qbus));
  }

  prePlug(): undefined {
    return undefined;
  }

  plug(device: Qdev, hotplugged: boolean): void {
    if (hotplugged) this.#acpi?.plug(this.#bsel, pciSlot(deviceOf(device).devfn));
  }

  unplugRequest(device: Qdev): undefined {
    this.#acpi?.requestUnplug(this.#bsel, pciSlot(deviceOf(device).devfn));
    return undefined;
  }

  unplug(device: Qdev): void {
    this.#pciBus.remove(deviceOf(device));
    this.#manager?.unplugged(device);
  }

  removableSlots(bsel: number): number {
    if (bsel !== this.#bsel) return 0;
    let mask = 0xffff_ffff;
    for (const { device, type } of this.#qbus?.devices ?? []) {
      if (device !== undefined && !type.hotpluggable) mask &= ~(1 << pciSlot(device.devfn));
    }
    return mask >>> 0;
  }

  eject(bsel: number, slot: number): number {
    if (bsel !== this.#bsel || slot >= SLOTS) return 0;
    const leaving = (this.#qbus?.devices ?? []).filter(
      ({ device, type }) => type.hotpluggable && device !== undefined && pciSlot(device.devfn) === slot,
    );
    for (const device of leaving) this.unplug(device);
    return leaving.length;
  }

  acpiIndex(bsel: number, slot: number): number {
    if (bsel !== this.#bsel) return 0;
    const device = this.#qbus?.devices.find((one) => one.device?.devfn === slot << 3);
    return device === undefined ? 0 : indexOf(device);
  }

  #pluggable(bus: Qbus): PluggableBus {
    return { bus, prePlug: (device) => this.#indexError(device) ?? this.#place(device) };
  }

  #place({ type, values, hotplugged }: NewDevice): DevicePlace | MonitorError {
    const addr = Number(values.get('addr'));
    const identity = { type: type.name, multifunction: values.get('multifunction') === true };
    const devfn = this.#pciBus.place({ identity }, addr < 0 ? undefined : addr, hotplugged);
    if (devfn instanceof MonitorError) return devfn;
    return {
      values: new Map([['addr', devfn]]),
      describe: ({ device }: RealizedDevice) => pciPlace(device, this.#pciBus),
      plug: (device) => {
        this.#pciBus.add(deviceOf(device), devfn, hotplugged);
        this.plug(device, hotplugged);
      },
    };
  }

  #indexError({ values }: NewDevice): MonitorError | undefined {
    const index = Number(values.get('acpi-index'));
    if (index > MAX_ACPI_INDEX) {
      return new MonitorError(`acpi-index should be less or equal to ${MAX_ACPI_INDEX}`);
    }
    if (index === 0 || !this.#qbus?.devices.some((device) => indexOf(device) === index)) return undefined;
    return new MonitorError(`a PCI device with acpi-index = ${index} already exist`);
  }
}

function deviceOf({ device, qomPath }: Qdev): PciDevice {
  assert(device !== undefined, `${qomPath} is no PCI device`);
  return device;
}

function indexOf(device: Qdev): number {
  const property = device.type.properties.find(({ name }) => name === 'acpi-index');
  return property === undefined ? 0 : Number(device.value(property));
}
