/** The slots of a conventional PCI bus: devices are put in and taken out, and whoever the board chose tells the guest. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice } from '../qdev/device-type.ts';
import type { NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler, UnplugAnswer } from '../qdev/hotplug-handler.ts';
import { ServiceName } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import { type PciBus, pciSlot } from './pci-bus.ts';
import { PciHardware, pciFunctionOf } from './pci-hardware.ts';
import { pciPlaceLines } from './pci-print.ts';

/** Who knows what happens in the slots of a bus and tells the guest: the board's ACPI registers, or the bridge's own hotplug controller. */
export interface SlotController {
  /** QEMU's error when it does not take the device, wherever that goes; undefined: it does. */
  refuses?(device: NewDevice): MonitorError | undefined;
  /** QEMU's error when no device can come into the slot, asked once the device is made. */
  refusesSlot?(slot: number): MonitorError | undefined;
  /** A function came into the slot; `hotplugged`: while the machine runs. */
  came(slot: number, hotplugged: boolean): void;
  /** The number of the bus in ACPI's registers; absent: it has none there. */
  bsel?(): number | undefined;
  /** The user wants the slot's functions out. */
  ejectRequested(slot: number): UnplugAnswer;
}

/** What the board says of hotplug behind a bridge. */
export interface PciHotplugBoard {
  /**
   * Who is to know of the slots behind a bridge; undefined: the board leaves them to the bridge.
   * @param hotplugged the bridge came while the machine ran
   */
  controllerFor(slots: PciSlots, hotplugged: boolean): SlotController | undefined;
  /** The guest lets go of a device. */
  unplug(device: Qdev): void;
}

export const PCI_HOTPLUG_BOARD = new ServiceName<PciHotplugBoard>('pci-hotplug-board');

export class PciSlots implements HotplugHandler {
  readonly bus: PciBus;
  /** Undefined: devices come and go only before the machine runs. Chosen once the slots are there, before the first device. */
  controller: SlotController | undefined;
  /** Those that are on the bus, oldest first. */
  readonly #devices: Qdev[] = [];
  readonly #unplug: (device: Qdev) => void;

  /** @param unplug `DeviceManager.unplug`: called when the guest lets go of a device */
  constructor(bus: PciBus, unplug: (device: Qdev) => void) {
    this.bus = bus;
    this.#unplug = unplug;
  }

  /** The bus as the device that has it brings it. @param name absent: QEMU's automatic one */
  qbus(name?: string): NewBus {
    const { controller } = this;
    const bsel = controller?.bsel && {
      name: 'acpi-pcihp-bsel',
      typeName: 'uint32',
      read: () => controller.bsel?.() ?? null,
    };
    return {
      ...(name === undefined ? {} : { name }),
      type: 'PCI',
      handler: this,
      coldPlugOnly: this.controller === undefined,
      print: (device) => pciPlaceLines(pciFunctionOf(device), this.bus.number),
      properties: bsel === undefined ? [] : [bsel],
    };
  }

  /** Those that are on the bus, oldest first. */
  get devices(): readonly Qdev[] {
    return this.#devices;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const { type, values, hotplugged } = device;
    const refused = this.controller?.refuses?.(device);
    if (refused !== undefined) return refused;
    const addr = Number(values.get('addr'));
    const identity = { type: type.name, multifunction: values.get('multifunction') === true };
    const devfn = this.bus.place({ identity }, addr < 0 ? undefined : addr, hotplugged);
    if (devfn instanceof MonitorError) return devfn;
    device.place('addr', devfn);
    return undefined;
  }

  refuse(device: Qdev): MonitorError | undefined {
    return this.controller?.refusesSlot?.(pciSlot(Number(device.valueNamed('addr'))));
  }

  plug(device: Qdev): void {
    const devfn = Number(device.valueNamed('addr'));
    this.bus.add(pciFunctionOf(device), devfn, device.hotplugged);
    this.#devices.push(device);
    this.controller?.came(pciSlot(devfn), device.hotplugged);
  }

  unplugRequest(device: Qdev): UnplugAnswer {
    assert(this.controller !== undefined, `${this.bus.name} takes no hotplug`);
    return this.controller.ejectRequested(slotOf(device));
  }

  unplug(device: Qdev): void {
    const at = this.#devices.indexOf(device);
    assert(at >= 0, `${device.path} is not on ${this.bus.name}`);
    this.#devices.splice(at, 1);
    this.bus.remove(pciFunctionOf(device));
  }

  /** A function is in the slot. */
  occupied(slot: number): boolean {
    return this.#devices.some((device) => slotOf(device) === slot);
  }

  /** A mask of the slots whose devices ACPI may eject; empty slots count as such. */
  removable(): number {
    let mask = 0xffff_ffff;
    for (const device of this.#devices) if (!acpiEjects(device)) mask &= ~(1 << slotOf(device));
    return mask >>> 0;
  }

  /** The guest lets go of a slot: every function that `mayLeave` does. Returns how many. */
  eject(slot: number, mayLeave: (device: Qdev) => boolean = () => true): number {
    const leaving = this.#devices
      .filter((device) => mayLeave(device) && slotOf(device) === slot)
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

  /** The bus is reset: all that is on it, what is behind its bridges first. */
  resetDevices(): void {
    for (const device of this.#devices) resetBelow(device);
  }
}

/** QEMU: a bridge that was there at the start is described by AML that stays. */
export function acpiEjects({ type, hotplugged, hardware }: Qdev): boolean {
  const isBridge = hardware instanceof PciHardware && hardware.function.bridge !== undefined;
  return type.hotpluggable && (hotplugged || !isBridge);
}

function resetBelow(device: Qdev): void {
  for (const bus of device.buses) for (const child of bus.devices) resetBelow(child);
  for (const section of device.hardware.sections) section.reset();
}

function slotOf(device: Qdev): number {
  return pciSlot(pciFunctionOf(device).devfn);
}
