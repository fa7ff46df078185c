/**
 * ACPI memory hotplug controller: the guest selects a DIMM slot and reads its place, size and events.
 * Spec: QEMU docs/specs/acpi_mem_hotplug.rst. It exists only on a machine with memory slots.
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler, VmState } from '../core/device.ts';
import { bytes, DWORD, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { TraceEventName } from '../core/trace-events.ts';
import { AlignedIo } from './aligned-io.ts';
import type { OspmStatus } from './cpu-hotplug.ts';
import { GPE_MEMORY_HOTPLUG_BIT, type GpeEvents } from './gpe.ts';

export const MEMORY_HOTPLUG_BASE = 0x0a00;
export const MEMORY_HOTPLUG_SIZE = 0x18;

const SELECTOR = 0x00;

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
  static readonly registers = new RegisterTable<MemoryHotplug>(
    {
      name: 'acpi-mem-hotplug',
      title: 'ACPI memory hotplug',
      place: 'ports from 0x0a00, on a machine with slots for DIMMs',
      spec: 'QEMU docs/specs/acpi_mem_hotplug.rst',
    },
    [
      register(SELECTOR, 4, 'MSEL', 'selects a slot, for the other registers', {
        write: (device, value) => device.#select(value),
      }),
      register(0x00, 4, 'MRBL', 'address of the DIMM, lower half', {
        read: (device) => device.#traced('mhp_acpi_read_addr_lo', low(device.#dimm?.addr)),
      }),
      register(0x04, 4, 'MRBH', 'address of the DIMM, upper half', {
        read: (device) => device.#traced('mhp_acpi_read_addr_hi', high(device.#dimm?.addr)),
      }),
      register(0x04, 4, 'MOEV', 'event of an _OST report', {
        write: (device, value) => device.#writeOstEvent(value),
      }),
      register(0x08, 4, 'MRLL', 'size of the DIMM, lower half', {
        read: (device) => device.#traced('mhp_acpi_read_size_lo', low(device.#dimm?.sizeBytes)),
      }),
      register(0x08, 4, 'MOSC', 'status of an _OST report, which ends it', {
        write: (device, value) => device.#writeOstStatus(value),
      }),
      register(0x0c, 4, 'MRLH', 'size of the DIMM, upper half', {
        read: (device) => device.#traced('mhp_acpi_read_size_hi', high(device.#dimm?.sizeBytes)),
      }),
      register(0x10, 4, 'MPX', 'proximity domain of the DIMM', {
        read: (device) => device.#traced('mhp_acpi_read_pxm', device.#dimm?.node ?? 0),
      }),
      register(
        0x14,
        1,
        'FLAGS',
        'read: enabled, inserting, removing; write: clears one of the latter, or ejects',
        {
          read: (device) => device.#traced('mhp_acpi_read_flags', device.#flags),
          write: (device, value) => device.#writeFlags(device.#s.selector, value),
        },
      ),
    ],
  );

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
    if (!this.#isSelectionValid()) return 0;
    const value = MemoryHotplug.registers.read(this, this.#trace, offset, size) ?? 0xffffffff;
    return size === 4 ? value >>> 0 : value & ((1 << (size * 8)) - 1);
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset !== SELECTOR && !this.#isSelectionValid()) return;
    MemoryHotplug.registers.write(this, this.#trace, offset, size, value);
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

  get #dimm(): DimmInfo | undefined {
    return this.#dimms.dimm(this.#s.selector);
  }

  get #flags(): number {
    return this.#s.events[this.#s.selector] | (this.#dimm === undefined ? 0 : FLAG_ENABLED);
  }

  /** QEMU: registers of a slot that is not there say so in the trace. */
  #isSelectionValid(): boolean {
    const { selector } = this.#s;
    if (selector < this.#dimms.slots) return true;
    this.#event('mhp_acpi_invalid_slot_selected', selector);
    return false;
  }

  #select(slot: number): void {
    this.#s.selector = slot;
    this.#event('mhp_acpi_write_slot', slot);
  }

  #writeOstEvent(event: number): void {
    const { selector } = this.#s;
    this.#s.ostEvent[selector] = event;
    if (this.#trace.on) this.#trace.event('mhp_acpi_write_ost_ev', selector, event);
  }

  #writeOstStatus(status: number): void {
    const { selector, ostEvent } = this.#s;
    this.#s.ostStatus[selector] = status;
    if (this.#trace.on) this.#trace.event('mhp_acpi_write_ost_status', selector, status);
    this.#dimms.ost(selector, ostEvent[selector], status);
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

  #traced(event: TraceEventName, value: number): number {
    if (this.#trace.on) this.#trace.event(event, this.#s.selector, value);
    return value;
  }

  #event(name: TraceEventName, slot: number): void {
    if (this.#trace.on) this.#trace.event(name, slot);
  }
}

function low(value: number = 0): number {
  return value % 2 ** 32;
}

function high(value: number = 0): number {
  return Math.floor(value / 2 ** 32);
}
