/**
 * ACPI PCI hotplug controller: how the AML in our DSDT learns which slots changed, and ejects them.
 * Spec: QEMU docs/specs/acpi_pci_hotplug.rst. Every register is 4 bytes and answers only whole accesses.
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { DWORD, record, typedArray } from '../core/state-fields.ts';
import { invalidSize, type Trace } from '../core/trace.ts';
import type { TraceEventName } from '../core/trace-events.ts';
import { GPE_PCI_HOTPLUG_BIT, type GpeEvents } from './gpe.ts';

export const PCI_HOTPLUG_BASE = 0xae00;
export const PCI_HOTPLUG_SIZE = 0x18;
/** Buses with a BSEL number; QEMU: ACPI_PCIHP_MAX_HOTPLUG_BUS. */
export const MAX_HOTPLUG_BUSES = 256;

/** Registers whose offset QEMU's trace events tell. */
const B0EJ = 0x08;
const BNUM = 0x10;

/** What the controller needs of the PCI side. A slot mask has one bit per slot of bus `bsel`. */
export interface HotplugBuses {
  /** RMV: the mask of slots whose device may be ejected; empty slots count as removable. */
  removableSlots(bsel: number): number;
  /** Takes out every hot-pluggable function of the slot; returns how many there were. */
  eject(bsel: number, slot: number): number;
  /** The acpi-index property of the slot's function 0, 0 when it has none or the slot is empty; undefined without such a bus. */
  acpiIndex(bsel: number, slot: number): number | undefined;
}

export type PciHotplugState = {
  readonly up: Uint32Array;
  readonly down: Uint32Array;
  readonly bsel: number;
  readonly acpiIndex: number;
};

const PCI_HOTPLUG_STATE = record<PciHotplugState>({
  up: typedArray(Uint32Array, MAX_HOTPLUG_BUSES),
  down: typedArray(Uint32Array, MAX_HOTPLUG_BUSES),
  bsel: DWORD,
  acpiIndex: DWORD,
});

export class PciHotplug implements Device<PciHotplugState>, IoHandler {
  static readonly registers = new RegisterTable<PciHotplug>(
    {
      name: 'acpi-pci-hotplug',
      title: 'ACPI PCI hotplug',
      place: 'ports from 0xae00',
      spec: 'QEMU docs/specs/acpi_pci_hotplug.rst; a slot mask has bit n for slot n',
    },
    [
      register(0x00, 4, 'PCIU', 'slots of bus BNUM with a new device; reading clears them', {
        read: (device) => device.#traced('acpi_pci_up_read', device.#takeUp()),
      }),
      register(0x04, 4, 'PCID', 'slots of bus BNUM that are asked to let go', {
        read: (device) => device.#traced('acpi_pci_down_read', device.#s.down[device.#s.bsel]),
      }),
      register(B0EJ, 4, 'B0EJ', 'read: features, 0; write: ejects the lowest slot of the mask', {
        read: (device) => device.#traced('acpi_pci_features_read', 0),
        write: (device, value) => device.#writeEject(value),
      }),
      register(0x0c, 4, 'RMV', 'slots of bus BNUM that may be ejected', {
        read: (device) => device.#traced('acpi_pci_rmv_read', device.#removable()),
      }),
      register(BNUM, 4, 'BNUM', 'selected bus', {
        read: (device) => device.#traced('acpi_pci_sel_read', device.#s.bsel),
        write: (device, value) => device.#select(value),
      }),
      register(
        0x14,
        4,
        'PIDX',
        'read: acpi-index of the slot last asked about; write: asks about the lowest slot of the mask',
        {
          read: (device) => device.#traced('acpi_pci_acpi_index_read', device.#takeIndex()),
          write: (device, value) => device.#latchIndex(lowestBit(value)),
        },
      ),
    ],
  );

  readonly vmstate = { name: 'acpi_pcihp', version: 1, fields: PCI_HOTPLUG_STATE };

  readonly #buses: HotplugBuses;
  readonly #gpe: GpeEvents;
  readonly #trace: Trace;
  readonly #bridges: boolean;

  readonly #s = {
    up: new Uint32Array(MAX_HOTPLUG_BUSES),
    down: new Uint32Array(MAX_HOTPLUG_BUSES),
    bsel: 0,
    acpiIndex: 0,
  };

  /** @param bridges QEMU's acpi-pci-hotplug-with-bridge-support: false answers as the legacy root-bus-only block */
  constructor(buses: HotplugBuses, gpe: GpeEvents, trace: Trace, bridges: boolean = true) {
    this.#buses = buses;
    this.#gpe = gpe;
    this.#trace = trace;
    this.#bridges = bridges;
  }

  attach(io: AddressSpace, base: number = PCI_HOTPLUG_BASE): Mapping {
    return io.map(base, PCI_HOTPLUG_SIZE, this, { name: 'acpi-pci-hotplug' });
  }

  /** A device arrived while the guest runs: GPE.1 makes the guest read PCIU and Notify(slot, 1). */
  inserted(bsel: number, slot: number): void {
    this.#s.up[bsel] |= 1 << slot;
    this.#gpe.raise(GPE_PCI_HOTPLUG_BIT);
  }

  /** Asks the guest to let go: it reads PCID, Notify(slot, 3), and answers through B0EJ, or never. */
  ejectRequested(bsel: number, slot: number): void {
    if (this.#trace.on) this.#trace.event('acpi_pci_unplug_request', bsel, slot);
    this.#s.down[bsel] |= 1 << slot;
    this.#gpe.raise(GPE_PCI_HOTPLUG_BIT);
  }

  read(offset: number, size: AccessSize): number {
    // QEMU: accesses of other sizes, and every register of a bus number out of range, read as 0.
    if (size !== 4 || offset % 4 !== 0) {
      this.#trace.guestError(invalidSize('read', 'acpi-pci-hotplug'), offset, size);
      return 0;
    }
    if (this.#s.bsel >= MAX_HOTPLUG_BUSES) return 0;
    return PciHotplug.registers.read(this, this.#trace, offset, size) ?? 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset % 4 !== 0) {
      this.#trace.guestError(invalidSize('write', 'acpi-pci-hotplug'), offset, size);
      return;
    }
    // QEMU: the latched index lasts until it is read or anything is written.
    this.#s.acpiIndex = 0;
    PciHotplug.registers.write(this, this.#trace, offset, size, value);
  }

  /** An unplug that the guest never answered is carried out by a reset. QEMU: BNUM and PIDX keep their values. */
  reset(): void {
    for (let bsel = 0; bsel < MAX_HOTPLUG_BUSES; bsel++) {
      const slots = this.#s.down[bsel];
      for (let slot = 0; slot < 32 && slots !== 0; slot++) {
        if ((slots >>> slot) & 1) this.#eject(bsel, slot);
      }
    }
    this.#s.up.fill(0);
    this.#s.down.fill(0);
  }

  save(): PciHotplugState {
    return structuredClone(this.#s);
  }

  restore({ up, down, bsel, acpiIndex }: PciHotplugState): void {
    this.#s.up.set(up);
    this.#s.down.set(down);
    this.#s.bsel = bsel;
    this.#s.acpiIndex = acpiIndex;
  }

  #traced(event: TraceEventName, value: number): number {
    if (this.#trace.on) this.#trace.event(event, value);
    return value;
  }

  #removable(): number {
    return this.#buses.removableSlots(this.#s.bsel) >>> 0;
  }

  #select(bsel: number): void {
    if (this.#bridges) this.#s.bsel = bsel;
    if (this.#trace.on) this.#trace.event('acpi_pci_sel_write', BNUM, bsel);
  }

  #writeEject(mask: number): void {
    const { bsel } = this.#s;
    if (bsel >= MAX_HOTPLUG_BUSES) return;
    this.#eject(bsel, lowestBit(mask));
    if (this.#trace.on) this.#trace.event('acpi_pci_ej_write', B0EJ, mask);
  }

  /** PCIU clears when read, so that one insertion is notified once. QEMU: not in the legacy block. */
  #takeUp(): number {
    const pending = this.#s.up[this.#s.bsel];
    if (this.#bridges) this.#s.up[this.#s.bsel] = 0;
    return pending;
  }

  #takeIndex(): number {
    const { acpiIndex } = this.#s;
    this.#s.acpiIndex = 0;
    return acpiIndex;
  }

  #latchIndex(slot: number): void {
    const { bsel } = this.#s;
    if (bsel >= MAX_HOTPLUG_BUSES) return;
    const found = this.#buses.acpiIndex(bsel, slot);
    if (found === undefined) return;
    const index = slot < 32 ? found >>> 0 : 0;
    this.#s.acpiIndex = index;
    if (this.#trace.on) this.#trace.event('acpi_pci_acpi_index_write', bsel, slot, index);
  }

  #eject(bsel: number, slot: number): void {
    if (this.#trace.on) this.#trace.event('acpi_pci_eject_slot', bsel, slot);
    if (slot >= 32) return;
    // QEMU: a slot that may not be ejected keeps its device, and the request is forgotten all the same.
    this.#s.up[bsel] &= ~(1 << slot);
    this.#s.down[bsel] &= ~(1 << slot);
    const functions = this.#buses.eject(bsel, slot);
    // QEMU: this event has its two arguments the other way round.
    for (let n = 0; n < functions && this.#trace.on; n++) this.#trace.event('acpi_pci_unplug', slot, bsel);
  }
}

/** QEMU: 32 for an empty mask. */
function lowestBit(mask: number): number {
  return mask === 0 ? 32 : 31 - Math.clz32(mask & -mask);
}
