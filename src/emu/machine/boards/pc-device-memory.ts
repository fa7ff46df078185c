/** Memory that devices bring to the pc board, as DIMMs do: its addresses, its regions, and what monitors are told of it. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { Gpa } from '../../memory/addresses.ts';
import {
  DEVICE_MEMORY_ALIGN,
  type DeviceMemory,
  type DeviceMemoryWindow,
  deviceMemoryAddress,
  type PlacedMemory,
} from '../../memory/device-memory.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { GuestRam } from '../../memory/guest-ram.ts';
import {
  boardMemory,
  MEMORY_BACKEND,
  MemoryBackend,
  memdevMissingError,
} from '../../memory/memory-backend.ts';
import type { Region } from '../../memory/region.ts';
import { type Hardware, hardwareOf } from '../../qdev/hardware.ts';
import { OBJECTS, type ObjectTree } from '../../qdev/objects.ts';
import type { PropertyValue } from '../../qdev/properties.ts';
import type { Qdev } from '../../qdev/tree.ts';

/** QEMU's name of the memory that the machine has from the start. */
export const BOARD_MEMORY = 'pc.ram';

export interface PcDeviceMemoryWiring {
  readonly memory: GuestMemory;
  readonly ramBytes: number;
  /** QEMU's name of the memory that the machine has from the start; absent: `pc.ram`. */
  readonly boardMemory?: string;
  /** That memory is an object of the user's: `useForRam` says which. */
  readonly hasOwnRam?: boolean;
  /** Bytes of all devices together, at most. QEMU: -m maxmem=, less the RAM. */
  readonly roomBytes: number;
  /** QEMU: -m maxmem=. False: there is no place for devices' memory. */
  readonly slots: number;
  readonly isEnabled: boolean;
  readonly window: DeviceMemoryWindow;
  readonly objects: ObjectTree;
  /** How many NUMA nodes the machine has; absent: none. */
  readonly nodes?: () => number;
  /** The guest has, or may take, so much memory now. */
  readonly onSize: (bytes: number) => void;
}

/** What all kinds have. */
interface CommonMemoryDevice extends PlacedMemory {
  readonly node: number;
  /** Path of its back end. */
  readonly memdev: string;
}

/** A DIMM, as monitors list it. */
export interface DimmDevice extends CommonMemoryDevice {
  readonly kind: 'dimm';
  readonly slot: number;
  readonly hotplugged: boolean;
  readonly hotpluggable: boolean;
}

/** Memory in blocks, which the guest takes and gives up. */
export interface VirtioMemDevice extends CommonMemoryDevice {
  readonly kind: 'virtio-mem';
  readonly requestedBytes: number;
  readonly pluggedBytes: number;
  readonly blockBytes: number;
}

export type MemoryDevice = DimmDevice | VirtioMemDevice;

/** What monitors ask about memory. */
export interface MemoryApi {
  /** In the order of QEMU's table. */
  backends(): readonly MemoryBackend[];
  /** By address. */
  devices(): readonly MemoryDevice[];
  /** In bytes. */
  readonly sizes: { readonly base: number; readonly plugged: number };
  /** For DIMMs. */
  readonly slots: number;
  /** QEMU's name of the memory that the machine has from the start, but for NUMA nodes. */
  readonly ramName: string;
}

/** A region of a snapshot. */
export type SavedRegion = { readonly name: string; readonly gpa: number; readonly size: number };

/** What a device that is being made asks for. */
export interface MemoryRequest {
  readonly memdev: PropertyValue;
  readonly addr: PropertyValue;
  /** A power of two; absent: no more than for all. */
  readonly align?: number;
}

export class PcDeviceMemory implements DeviceMemory, MemoryApi, GuestRam {
  readonly memory: GuestMemory;
  readonly #wiring: PcDeviceMemoryWiring;
  /** What each device says of itself when it is asked. */
  readonly #devices = new Map<Qdev, () => MemoryDevice>();
  #boardMemory: MemoryBackend | undefined;
  /** A snapshot's memory, which its devices have yet to take. */
  #restored: Region[] = [];
  #restoredCount = 0;

  constructor(wiring: PcDeviceMemoryWiring) {
    this.#wiring = wiring;
    this.memory = wiring.memory;
    const { ramBytes, boardMemory: name = BOARD_MEMORY } = wiring;
    if (ramBytes === 0 || wiring.hasOwnRam === true) return;
    this.#boardMemory = wiring.objects.container(OBJECTS).addChild(name, boardMemory(ramBytes));
  }

  get nodes(): number {
    return this.#wiring.nodes?.() ?? 0;
  }

  /** RAM is what the user set aside for NUMA nodes. */
  leaveRamToNodes(): void {
    this.#boardMemory?.unparent();
  }

  /** The memory that the machine has from the start is an object of the user's. */
  useForRam(backend: MemoryBackend): void {
    backend.isMapped = true;
    this.#boardMemory = backend;
  }

  get ramName(): string {
    return this.#boardMemory?.name ?? BOARD_MEMORY;
  }

  backends(): readonly MemoryBackend[] {
    return this.#wiring.objects
      .container(OBJECTS)
      .listedChildren.filter((object) => object instanceof MemoryBackend);
  }

  devices(): readonly MemoryDevice[] {
    return [...this.#devices.values()].map((tell) => tell()).sort((a, b) => a.addr - b.addr);
  }

  get slots(): number {
    return this.#wiring.slots;
  }

  get sizes(): { readonly base: number; readonly plugged: number } {
    return {
      base: this.#wiring.ramBytes,
      plugged: sum(this.devices(), (one) => (one.kind === 'dimm' ? one.sizeBytes : one.pluggedBytes)),
    };
  }

  /** QEMU: a balloon knows of DIMMs only. */
  get sizeBytes(): number {
    return this.#wiring.ramBytes + sum(this.devices(), (one) => (one.kind === 'dimm' ? one.sizeBytes : 0));
  }

  insert(backend: MemoryBackend, gpa: Gpa): Hardware {
    const { memory } = this;
    const region = this.#takeRestored(backend, gpa) ?? memory.add(backend.name, gpa, backend.sizeBytes);
    backend.isMapped = true;
    return hardwareOf({
      release() {
        memory.remove(region);
        backend.isMapped = false;
      },
    });
  }

  grown(): void {
    const wanted = (one: MemoryDevice): number =>
      one.kind === 'dimm' ? one.sizeBytes : Math.min(one.requestedBytes, one.sizeBytes);
    this.#wiring.onSize(this.#wiring.ramBytes + sum(this.devices(), wanted));
  }

  /** The address for one more, or QEMU's refusal. */
  addressFor({ memdev, addr, align = 0 }: MemoryRequest): Gpa | MonitorError {
    const { window, roomBytes, isEnabled } = this.#wiring;
    const backend = this.backend(memdev);
    if (backend === undefined) return memdevMissingError();
    if (!isEnabled) {
      return new MonitorError(
        'memory devices (e.g. for memory hotplug) are not enabled, please specify the maxmem option',
      );
    }
    const { sizeBytes } = backend;
    const used = sum(this.devices(), (one) => one.sizeBytes);
    if (used + sizeBytes > roomBytes) {
      const [taken, room] = [used, roomBytes].map((bytes) => `0x${bytes.toString(16)}`);
      return new MonitorError(
        `not enough space, currently ${taken} in use of total space for memory devices ${room}`,
      );
    }
    const request = { sizeBytes, addr: BigInt(String(addr)), align: Math.max(align, DEVICE_MEMORY_ALIGN) };
    return deviceMemoryAddress(window, this.devices(), request);
  }

  /** A device is there. @param tell what it is now */
  add(device: Qdev, tell: () => MemoryDevice): void {
    this.#devices.set(device, tell);
    this.grown();
  }

  delete(device: Qdev): void {
    this.#devices.delete(device);
  }

  backend(memdev: PropertyValue): MemoryBackend | undefined {
    if (memdev === undefined || memdev === '') return undefined;
    const found = this.#wiring.objects.resolve(String(memdev), MEMORY_BACKEND, 'memdev');
    return found instanceof MemoryBackend ? found : undefined;
  }

  /** Memory for a device of a snapshot, which is filled before the device is made. False: this board has no such device. */
  restoreRegion({ name, gpa, size }: SavedRegion): boolean {
    const { memory, window, roomBytes } = this.#wiring;
    const taken = this.#restored.reduce((bytes, region) => bytes + region.size, 0);
    const last = this.#restored.at(-1)?.end ?? window.base;
    const fits = gpa >= last && gpa + size <= window.base + window.size && taken + size <= roomBytes;
    const isAligned = gpa % DEVICE_MEMORY_ALIGN === 0 && size % DEVICE_MEMORY_ALIGN === 0 && size > 0;
    if (!fits || !isAligned) return false;
    this.#restored.push(memory.add(name, gpa, size));
    this.#restoredCount++;
    return true;
  }

  /** After a snapshot's devices were made: each has its memory, and all memory its device. */
  get isRestored(): boolean {
    return this.#restored.length === 0 && this.#restoredCount === this.#devices.size;
  }

  #takeRestored(backend: MemoryBackend, gpa: Gpa): Region | undefined {
    const at = this.#restored.findIndex(
      (region) => region.gpa === gpa && region.size === backend.sizeBytes && region.name === backend.name,
    );
    return at < 0 ? undefined : this.#restored.splice(at, 1)[0];
  }
}

function sum(devices: readonly MemoryDevice[], bytesOf: (device: MemoryDevice) => number): number {
  return devices.reduce((bytes, device) => bytes + bytesOf(device), 0);
}
