/** DIMMs that come and go on the pc board: QEMU's checks, their memory, and what the board's registers are told. */
import type { DimmInfo, HotplugDimms, MemoryHotplug } from '../../acpi/memory-hotplug.ts';
import { assert } from '../../core/assert.ts';
import type { MachineEvents } from '../../core/machine-events.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { Gpa } from '../../memory/addresses.ts';
import { DIMM_ALIGN, type DimmWindow, dimmAddress, type PlacedDimm } from '../../memory/dimm-address.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { boardMemory, MEMORY_BACKEND, MemoryBackend, noMemoryError } from '../../memory/memory-backend.ts';
import { type DimmSockets, memdevMissingError, UNASSIGNED_SLOT } from '../../memory/pc-dimm-type.ts';
import type { Region } from '../../memory/region.ts';
import type { NewDevice } from '../../qdev/device-type.ts';
import { type Hardware, hardwareOf } from '../../qdev/hardware.ts';
import type { HotplugHandler, UnplugAnswer } from '../../qdev/hotplug-handler.ts';
import { OBJECTS, type ObjectTree } from '../../qdev/objects.ts';
import type { PropertyValue } from '../../qdev/properties.ts';
import type { Qdev } from '../../qdev/tree.ts';

/** QEMU's name of the memory that the machine has from the start. */
export const BOARD_MEMORY = 'pc.ram';

export interface PcDimmsWiring {
  readonly memory: GuestMemory;
  readonly ramBytes: number;
  /** QEMU: -m slots=. */
  readonly slots: number;
  /** Bytes of all DIMMs together, at most. QEMU: -m maxmem=, less the RAM. */
  readonly roomBytes: number;
  readonly window: DimmWindow;
  readonly objects: ObjectTree;
  readonly events: MachineEvents;
  /** The guest let go of a device. */
  readonly unplug: (device: Qdev) => void;
  /** The guest has so much memory now. */
  readonly onSize: (bytes: number) => void;
}

/** A DIMM, as monitors list it. */
export interface MemoryDevice extends PlacedDimm {
  readonly slot: number;
  readonly node: number;
  /** Path of its back end. */
  readonly memdev: string;
  readonly hotplugged: boolean;
  readonly hotpluggable: boolean;
}

/** What monitors ask about memory. */
export interface MemoryApi {
  /** The newest first. */
  backends(): readonly MemoryBackend[];
  /** By address. */
  devices(): readonly MemoryDevice[];
  /** In bytes. */
  readonly sizes: { readonly base: number; readonly plugged: number };
}

interface Dimm extends MemoryDevice {
  readonly device: Qdev;
}

/** A region of a snapshot. */
export type SavedRegion = { readonly name: string; readonly gpa: number; readonly size: number };

export class PcDimms implements HotplugHandler, HotplugDimms, DimmSockets, MemoryApi {
  /** The registers that tell the guest. */
  hotplug: MemoryHotplug | undefined;
  readonly #wiring: PcDimmsWiring;
  readonly #dimms = new Map<number, Dimm>();
  /** A snapshot's memory, which its DIMMs have yet to take. */
  #restored: Region[] = [];
  #restoredCount = 0;

  constructor(wiring: PcDimmsWiring) {
    this.#wiring = wiring;
    wiring.objects.container(OBJECTS).addChild(BOARD_MEMORY, boardMemory(wiring.ramBytes));
  }

  get slots(): number {
    return this.#wiring.slots;
  }

  backends(): readonly MemoryBackend[] {
    return this.#wiring.objects
      .container(OBJECTS)
      .children.toReversed()
      .filter((object) => object instanceof MemoryBackend);
  }

  devices(): readonly Dimm[] {
    return [...this.#dimms.values()].sort((a, b) => a.addr - b.addr);
  }

  get sizes(): { readonly base: number; readonly plugged: number } {
    return { base: this.#wiring.ramBytes, plugged: this.#plugged };
  }

  dimm(slot: number): DimmInfo | undefined {
    return this.#dimms.get(slot);
  }

  eject(slot: number): boolean {
    const dimm = this.#dimms.get(slot);
    if (dimm !== undefined) this.#wiring.unplug(dimm.device);
    return dimm !== undefined;
  }

  ost(slot: number, source: number, status: number): void {
    const id = this.#dimms.get(slot)?.id ?? '';
    const device = id === '' ? {} : { device: id };
    this.#wiring.events.emit({
      event: 'ACPI_DEVICE_OST',
      data: { info: { ...device, source, status, slot: String(slot), 'slot-type': 'DIMM' } },
    });
  }

  insert(backend: MemoryBackend, gpa: Gpa): Hardware {
    const { memory } = this.#wiring;
    const region = this.#takeRestored(backend, gpa) ?? memory.add(backend.name, gpa, backend.sizeBytes);
    backend.isMapped = true;
    return hardwareOf({
      release() {
        memory.remove(region);
        backend.isMapped = false;
      },
    });
  }

  /** Memory for a DIMM of a snapshot, which is filled before the DIMM is made. False: this board has no such DIMM. */
  restoreRegion({ name, gpa, size }: SavedRegion): boolean {
    const { memory, window, roomBytes, slots } = this.#wiring;
    const taken = this.#restored.reduce((sum, region) => sum + region.size, 0);
    const last = this.#restored.at(-1)?.end ?? window.base;
    const fits = gpa >= last && gpa + size <= window.base + window.size && taken + size <= roomBytes;
    const isAligned = gpa % DIMM_ALIGN === 0 && size % DIMM_ALIGN === 0 && size > 0;
    if (!fits || !isAligned || this.#restored.length >= slots) return false;
    this.#restored.push(memory.add(name, gpa, size));
    this.#restoredCount++;
    return true;
  }

  /** After a snapshot's devices were made: each DIMM has its memory, and all memory its DIMM. */
  get isRestored(): boolean {
    return this.#restored.length === 0 && this.#restoredCount === this.#dimms.size;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const { window, memory, roomBytes } = this.#wiring;
    const value = (name: string): PropertyValue => device.values.get(name);
    const slot = this.#slotFor(Number(value('slot')));
    if (slot instanceof MonitorError) return slot;
    const backend = this.#backend(value('memdev'));
    if (backend === undefined) return memdevMissingError();
    const { sizeBytes } = backend;
    if (this.#plugged + sizeBytes > roomBytes) {
      const [used, room] = [this.#plugged, roomBytes].map((bytes) => `0x${bytes.toString(16)}`);
      return new MonitorError(
        `not enough space, currently ${used} in use of total space for memory devices ${room}`,
      );
    }
    const request = { sizeBytes, addr: BigInt(String(value('addr'))) };
    const gpa = dimmAddress(window, this.devices(), request);
    if (gpa instanceof MonitorError) return gpa;
    // A guest fills its memory sooner or later; less than this DIMM alone is surely too little.
    if (sizeBytes > memory.arena.capacity) return noMemoryError(backend.name);
    device.place('slot', slot);
    device.place('addr', String(gpa));
    return undefined;
  }

  plug(device: Qdev): void {
    const number = (name: string): number => Number(device.valueNamed(name));
    const backend = this.#backend(device.valueNamed('memdev'));
    assert(backend !== undefined, `${device.path} has no back end`);
    const { id, hotplugged, type } = device;
    const slot = number('slot');
    this.#dimms.set(slot, {
      id,
      slot,
      addr: number('addr'),
      node: number('node'),
      sizeBytes: backend.sizeBytes,
      memdev: backend.path,
      hotplugged,
      hotpluggable: type.hotpluggable,
      device,
    });
    this.#wiring.onSize(this.#wiring.ramBytes + this.#plugged);
    if (hotplugged) this.hotplug?.inserted(slot);
  }

  unplugRequest(device: Qdev): UnplugAnswer {
    this.hotplug?.ejectRequested(Number(device.valueNamed('slot')));
    return 'asked-anytime';
  }

  unplug(device: Qdev): void {
    this.#dimms.delete(Number(device.valueNamed('slot')));
  }

  get #plugged(): number {
    return this.devices().reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  #backend(memdev: PropertyValue): MemoryBackend | undefined {
    if (memdev === undefined || memdev === '') return undefined;
    const found = this.#wiring.objects.resolve(String(memdev), MEMORY_BACKEND, 'memdev');
    return found instanceof MemoryBackend ? found : undefined;
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

  #takeRestored(backend: MemoryBackend, gpa: Gpa): Region | undefined {
    const at = this.#restored.findIndex(
      (region) => region.gpa === gpa && region.size === backend.sizeBytes && region.name === backend.name,
    );
    return at < 0 ? undefined : this.#restored.splice(at, 1)[0];
  }
}
