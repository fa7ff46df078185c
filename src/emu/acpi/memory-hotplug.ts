/**
 * ACPI memory hotplug controller: the guest selects a DIMM slot and reads its place, size and events.
 * Spec: QEMU docs/specs/acpi_mem_hotplug.rst. It exists only on a machine with memory slots.
 *
 * | port | read | write |
 * |---|---|---|
 * | +0x00 dword | address, low half | slot selector |
 * | +0x04 dword | address, high half | OST event |
 * | +0x08 dword | size, low half | OST status |
 * | +0x0c dword | size, high half | – |
 * | +0x10 dword | proximity domain | – |
 * | +0x14 byte | flags | flags: clear insert, clear remove, eject |
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import type { AccessSize, Device, IoHandler, VmState } from '../core/device.ts';
import { bytes, DWORD, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { AlignedIo } from './aligned-io.ts';
import type { OspmStatus } from './cpu-hotplug.ts';
import { GPE_MEMORY_HOTPLUG_BIT, type GpeEvents } from './gpe.ts';

export const MEMORY_HOTPLUG_BASE = 0x0a00;
export const MEMORY_HOTPLUG_SIZE = 0x18;

const ADDR_LOW_SELECTOR = 0x00;
const ADDR_HIGH_OST_EVENT = 0x04;
const SIZE_LOW_OST_STATUS = 0x08;
const SIZE_HIGH = 0x0c;
const PROXIMITY = 0x10;
const FLAGS = 0x14;

const FLAG_ENABLED = 0x1;
const FLAG_INSERTING = 0x2;
const FLAG_REMOVING = 0x4;
const FLAG_EJECT = 0x8;

/** A DIMM in its slot; `addr` and `sizeBytes` are exact, guest-physical. */
export interface DimmInfo {
  readonly addr: number;
  readonly sizeBytes: number;
  readonly node: number;
}

/** What the controller needs of the machine. */
export interface HotplugDimms {
  /** How many slots there are (-m slots=). */
  readonly slots: number;
  /** The DIMM in a slot, or undefined when the slot is empty. */
  dimm(slot: number): DimmInfo | undefined;
  /** The guest let go of the DIMM: take it out; false when the machine refuses. */
  eject(slot: number): boolean;
  /** The guest told how far it got (`_OST`). */
  ost(slot: number, source: number, status: number): void;
}

export type MemoryHotplugState = {
  readonly selector: number;
  readonly events: Uint8Array;
  readonly ostEvent: Uint32Array;
  readonly ostStatus: Uint32Array;
};

export class MemoryHotplug implements Device<MemoryHotplugState>, IoHandler {
  readonly vmstate: VmState<MemoryHotplugState>;

  readonly #dimms: HotplugDimms;
  readonly #gpe: GpeEvents;
  readonly #trace: Trace;

  readonly #s: { selector: number; events: Uint8Array; ostEvent: Uint32Array; ostStatus: Uint32Array };

  constructor(dimms: HotplugDimms, gpe: GpeEvents, trace: Trace) {
    this.#dimms = dimms;
    this.#gpe = gpe;
    this.#trace = trace;
    const { slots } = dimms;
    this.vmstate = {
      name: 'memory hotplug state',
      version: 1,
      fields: record<MemoryHotplugState>({
        selector: DWORD,
        events: bytes(slots),
        ostEvent: typedArray(Uint32Array, slots),
        ostStatus: typedArray(Uint32Array, slots),
      }),
    };
    this.#s = {
      selector: 0,
      events: new Uint8Array(slots),
      ostEvent: new Uint32Array(slots),
      ostStatus: new Uint32Array(slots),
    };
  }

  attach(io: AddressSpace, base: number = MEMORY_HOTPLUG_BASE): Mapping {
    return io.map(base, MEMORY_HOTPLUG_SIZE, new AlignedIo(this), { name: 'acpi-mem-hotplug' });
  }

  /** A DIMM arrived while the guest runs. */
  inserted(slot: number): void {
    this.#s.events[slot] |= FLAG_INSERTING;
    this.#gpe.raise(GPE_MEMORY_HOTPLUG_BIT);
  }

  /** Asks the guest to let go of a DIMM. */
  ejectRequested(slot: number): void {
    this.#s.events[slot] |= FLAG_REMOVING;
    this.#gpe.raise(GPE_MEMORY_HOTPLUG_BIT);
  }

  /** What `query-acpi-ospm-status` tells of each slot. */
  ospmStatus(): readonly OspmStatus[] {
    return Array.from(this.#s.ostEvent, (source, slot) => ({ source, status: this.#s.ostStatus[slot] }));
  }

  read(offset: number, size: AccessSize): number {
    const slot = this.#s.selector;
    if (slot >= this.#dimms.slots) {
      if (this.#trace.on) this.#trace.event('mhp_acpi_invalid_slot_selected', slot);
      return 0;
    }
    const value = this.#register(offset, slot);
    return size === 4 ? value >>> 0 : value & ((1 << (size * 8)) - 1);
  }

  write(offset: number, _size: AccessSize, value: number): void {
    if (offset === ADDR_LOW_SELECTOR) {
      this.#s.selector = value;
      if (this.#trace.on) this.#trace.event('mhp_acpi_write_slot', value);
      return;
    }
    const slot = this.#s.selector;
    if (slot >= this.#dimms.slots) {
      if (this.#trace.on) this.#trace.event('mhp_acpi_invalid_slot_selected', slot);
      return;
    }
    if (offset === ADDR_HIGH_OST_EVENT) {
      this.#s.ostEvent[slot] = value;
      if (this.#trace.on) this.#trace.event('mhp_acpi_write_ost_ev', slot, value);
    } else if (offset === SIZE_LOW_OST_STATUS) {
      this.#s.ostStatus[slot] = value;
      if (this.#trace.on) this.#trace.event('mhp_acpi_write_ost_status', slot, value);
      this.#dimms.ost(slot, this.#s.ostEvent[slot], value);
    } else if (offset === FLAGS) {
      this.#writeFlags(slot, value);
    }
  }

  /** QEMU: a reset changes nothing here; pending events and the selector stay. */
  reset(): void {}

  save(): MemoryHotplugState {
    return structuredClone(this.#s);
  }

  restore({ selector, events, ostEvent, ostStatus }: MemoryHotplugState): void {
    this.#s.selector = selector;
    this.#s.events.set(events);
    this.#s.ostEvent.set(ostEvent);
    this.#s.ostStatus.set(ostStatus);
  }

  #register(offset: number, slot: number): number {
    const dimm = this.#dimms.dimm(slot);
    switch (offset) {
      case ADDR_LOW_SELECTOR:
        return this.#traced('mhp_acpi_read_addr_lo', slot, low(dimm?.addr));
      case ADDR_HIGH_OST_EVENT:
        return this.#traced('mhp_acpi_read_addr_hi', slot, high(dimm?.addr));
      case SIZE_LOW_OST_STATUS:
        return this.#traced('mhp_acpi_read_size_lo', slot, low(dimm?.sizeBytes));
      case SIZE_HIGH:
        return this.#traced('mhp_acpi_read_size_hi', slot, high(dimm?.sizeBytes));
      case PROXIMITY:
        return this.#traced('mhp_acpi_read_pxm', slot, dimm?.node ?? 0);
      case FLAGS:
        return this.#traced(
          'mhp_acpi_read_flags',
          slot,
          this.#s.events[slot] | (dimm === undefined ? 0 : FLAG_ENABLED),
        );
      default:
        return 0xffffffff;
    }
  }

  /** QEMU: one write does one thing, the lowest bit's. */
  #writeFlags(slot: number, value: number): void {
    if (value & FLAG_INSERTING) {
      this.#s.events[slot] &= ~FLAG_INSERTING;
      this.#event('mhp_acpi_clear_insert_evt', slot);
    } else if (value & FLAG_REMOVING) {
      this.#s.events[slot] &= ~FLAG_REMOVING;
      this.#event('mhp_acpi_clear_remove_evt', slot);
    } else if (value & FLAG_EJECT) {
      if (this.#dimms.dimm(slot) === undefined) this.#event('mhp_acpi_ejecting_invalid_slot', slot);
      else if (this.#dimms.eject(slot)) this.#event('mhp_acpi_pc_dimm_deleted', slot);
      else this.#event('mhp_acpi_pc_dimm_delete_failed', slot);
    }
  }

  #traced(event: string, slot: number, value: number): number {
    if (this.#trace.on) this.#trace.event(event, slot, value);
    return value;
  }

  #event(name: string, slot: number): void {
    if (this.#trace.on) this.#trace.event(name, slot);
  }
}

function low(value: number = 0): number {
  return value % 2 ** 32;
}

function high(value: number = 0): number {
  return Math.floor(value / 2 ** 32);
}
