/** ACPI's part in PCI hotplug on the pc board: which buses it tells the guest of, and under which number. */

import type { GpeEvents } from '../../acpi/gpe.ts';
import { type HotplugBuses, PciHotplug } from '../../acpi/pci-hotplug.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { Trace } from '../../core/trace.ts';
import type { PciBus } from '../../pci/pci-bus.ts';
import { acpiEjects, type PciHotplugBoard, type PciSlots, type SlotController } from '../../pci/pci-slots.ts';
import type { NewDevice } from '../../qdev/device-type.ts';
import type { Qdev } from '../../qdev/tree.ts';

/** QEMU: ONBOARD_INDEX_MAX. */
const MAX_ACPI_INDEX = 16 * 1024 - 1;

/** QEMU: of a number that no bus has. */
const ALL_SLOTS = 0xffff_ffff;

/** Properties of PIIX4_PM. */
export interface PcPciHotplugOptions {
  /** QEMU: acpi-root-pci-hotplug. */
  readonly onRoot: boolean;
  /** QEMU: acpi-pci-hotplug-with-bridge-support. */
  readonly onBridges: boolean;
}

export class PcPciHotplug implements HotplugBuses, PciHotplugBoard {
  readonly registers: PciHotplug;
  readonly unplug: (device: Qdev) => void;
  readonly #options: PcPciHotplugOptions;
  /** Of the buses that ACPI tells of. */
  readonly #slots = new WeakMap<PciBus, PciSlots>();
  #root: PciBus | undefined;

  constructor(
    options: PcPciHotplugOptions,
    gpe: GpeEvents,
    { trace, unplug }: { readonly trace: Trace; readonly unplug: (device: Qdev) => void },
  ) {
    this.#options = options;
    this.unplug = unplug;
    this.registers = new PciHotplug(this, gpe, trace, options.onBridges);
  }

  /** Takes the root bus. */
  addRoot(slots: PciSlots): void {
    this.#root = slots.bus;
    if (this.#options.onRoot) slots.controller = this.#controllerOf(slots);
  }

  controllerFor(slots: PciSlots, hotplugged: boolean): SlotController | undefined {
    return hotplugged || !this.#options.onBridges ? undefined : this.#controllerOf(slots);
  }

  /**
   * The number of a bus in the registers; undefined: it has none.
   * QEMU: numbers are given once, to the buses there at the start: a bus, then those behind its bridges, the newest bridge first. None
   * of these bridges ever leaves, so that counting them again gives the same.
   */
  bselOf(bus: PciBus): number | undefined {
    const at = this.#numbered().indexOf(bus);
    return at < 0 ? undefined : at;
  }

  removableSlots(bsel: number): number {
    return this.#at(bsel)?.removable() ?? ALL_SLOTS;
  }

  eject(bsel: number, slot: number): number {
    return this.#at(bsel)?.eject(slot, acpiEjects) ?? 0;
  }

  acpiIndex(bsel: number, slot: number): number | undefined {
    return this.#at(bsel)?.acpiIndex(slot);
  }

  #at(bsel: number): PciSlots | undefined {
    const bus = this.#numbered()[bsel];
    return bus && this.#slots.get(bus);
  }

  #numbered(): readonly PciBus[] {
    const from = (bus: PciBus): readonly PciBus[] => [
      ...(this.#slots.has(bus) ? [bus] : []),
      ...bus.bridges.flatMap(({ secondary }) => from(secondary)),
    ];
    return this.#root === undefined ? [] : from(this.#root);
  }

  #controllerOf(slots: PciSlots): SlotController {
    this.#slots.set(slots.bus, slots);
    const told = (tell: (bsel: number) => void): void => {
      const bsel = this.bselOf(slots.bus);
      if (bsel !== undefined) tell(bsel);
    };
    return {
      bsel: () => this.bselOf(slots.bus),
      refuses: (device) => this.#indexError(device),
      came: (slot, hotplugged) => {
        if (hotplugged) told((bsel) => this.registers.inserted(bsel, slot));
      },
      ejectRequested: (slot) => {
        told((bsel) => this.registers.ejectRequested(bsel, slot));
        return 'asked';
      },
    };
  }

  /** QEMU: an index counts once among all buses that ACPI knows. */
  #indexError({ values }: NewDevice): MonitorError | undefined {
    const index = Number(values.get('acpi-index'));
    if (index > MAX_ACPI_INDEX) {
      return new MonitorError(`acpi-index should be less or equal to ${MAX_ACPI_INDEX}`);
    }
    const all = this.#numbered().flatMap((bus) => this.#slots.get(bus)?.devices ?? []);
    if (index === 0 || !all.some((device) => device.valueNamed('acpi-index') === index)) return undefined;
    return new MonitorError(`a PCI device with acpi-index = ${index} already exist`);
  }
}
