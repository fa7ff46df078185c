/** DIMMs that come and go on the pc board: their slots, and what the board's registers are told. */

import type { OspmStatus } from '../../acpi/cpu-hotplug.ts';
import type { DimmInfo, HotplugDimms, MemoryHotplug } from '../../acpi/memory-hotplug.ts';
import { assert } from '../../core/assert.ts';
import type { AcpiOstInfo, MachineEvents } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { memdevMissingError, noMemoryError } from '../../memory/memory-backend.ts';
import { UNASSIGNED_SLOT } from '../../memory/pc-dimm-type.ts';
import type { NewDevice } from '../../qdev/device-type.ts';
import type { HotplugHandler, UnplugAnswer } from '../../qdev/hotplug-handler.ts';
import type { PropertyValue } from '../../qdev/properties.ts';
import type { Qdev } from '../../qdev/tree.ts';
import type { DimmDevice, PcDeviceMemory } from './pc-device-memory.ts';

export interface PcDimmsWiring {
  readonly deviceMemory: PcDeviceMemory;
  /** QEMU: -m slots=. */
  readonly slots: number;
  readonly events: MachineEvents;
  /** The guest let go of a device. */
  readonly unplug: (device: Qdev) => void;
}

interface Dimm {
  readonly info: DimmDevice;
  readonly device: Qdev;
}

export class PcDimms implements HotplugHandler, HotplugDimms {
  /** The registers that tell the guest. */
  hotplug: MemoryHotplug | undefined;
  readonly #wiring: PcDimmsWiring;
  readonly #dimms = new Map<number, Dimm>();

  constructor(wiring: PcDimmsWiring) {
    this.#wiring = wiring;
  }

  get slots(): number {
    return this.#wiring.slots;
  }

  dimm(slot: number): DimmInfo | undefined {
    return this.#dimms.get(slot)?.info;
  }

  eject(slot: number): boolean {
    const dimm = this.#dimms.get(slot);
    if (dimm !== undefined) this.#wiring.unplug(dimm.device);
    return dimm !== undefined;
  }

  ost(slot: number, source: number, status: number): void {
    const info = this.#ostInfo(slot, { source, status });
    this.#wiring.events.emit({ event: 'ACPI_DEVICE_OST', data: { info } });
  }

  /** What the guest said last of each place. */
  ospmStatus(): readonly AcpiOstInfo[] {
    return this.hotplug?.ospmStatus().map((said, slot) => this.#ostInfo(slot, said)) ?? [];
  }

  #ostInfo(slot: number, said: OspmStatus): AcpiOstInfo {
    const id = this.#dimms.get(slot)?.info.id ?? '';
    return { ...(id === '' ? {} : { device: id }), ...said, slot: String(slot), 'slot-type': 'DIMM' };
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const { deviceMemory } = this.#wiring;
    const value = (name: string): PropertyValue => device.values.get(name);
    const slot = this.#slotFor(Number(value('slot')));
    if (slot instanceof MonitorError) return slot;
    const backend = deviceMemory.backend(value('memdev'));
    if (backend === undefined) return memdevMissingError();
    const gpa = deviceMemory.addressFor({ memdev: value('memdev'), addr: value('addr') });
    if (gpa instanceof MonitorError) return gpa;
    // A guest fills its memory sooner or later; less than this DIMM alone is surely too little.
    if (backend.sizeBytes > deviceMemory.memory.arena.capacity) return noMemoryError(backend.name);
    device.place('slot', slot);
    device.place('addr', String(gpa));
    return undefined;
  }

  plug(device: Qdev): void {
    const { deviceMemory } = this.#wiring;
    const number = (name: string): number => Number(device.valueNamed(name));
    const backend = deviceMemory.backend(device.valueNamed('memdev'));
    assert(backend !== undefined, `${device.path} has no back end`);
    const { id, hotplugged, type } = device;
    const slot = number('slot');
    const info: DimmDevice = {
      kind: 'dimm',
      id,
      slot,
      addr: number('addr'),
      node: number('node'),
      sizeBytes: backend.sizeBytes,
      memdev: backend.path,
      hotplugged,
      hotpluggable: type.hotpluggable,
    };
    this.#dimms.set(slot, { info, device });
    deviceMemory.add(device, () => info);
    if (hotplugged) this.hotplug?.inserted(slot);
  }

  unplugRequest(device: Qdev): UnplugAnswer {
    this.hotplug?.ejectRequested(Number(device.valueNamed('slot')));
    return 'asked-anytime';
  }

  unplug(device: Qdev): void {
    this.#dimms.delete(Number(device.valueNamed('slot')));
    this.#wiring.deviceMemory.delete(device);
  }

  #slotFor(wanted: number): number | MonitorError {
    const { slots } = this.#wiring;
    if (wanted !== UNASSIGNED_SLOT && (wanted < 0 || wanted >= slots)) {
      // QEMU: the last slot is an unsigned number, also where there is none.
      const last = BigInt.asUintN(64, BigInt(slots - 1));
      return new MonitorError(`invalid slot number ${wanted}, valid range is [0-${last}]`);
    }
    if (slots === 0) {
      return new MonitorError("no slots where allocated, please specify the 'slots' option");
    }
    if (wanted !== UNASSIGNED_SLOT) {
      return this.#dimms.has(wanted) ? new MonitorError(`slot ${wanted} is busy`) : wanted;
    }
    for (let slot = 0; slot < slots; slot++) if (!this.#dimms.has(slot)) return slot;
    return new MonitorError('no free slots available');
  }
}
