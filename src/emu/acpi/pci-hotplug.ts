/**
 * ACPI PCI hotplug controller: how the AML in our DSDT learns which slots changed, and ejects them.
 * Spec: QEMU docs/specs/acpi_pci_hotplug.rst. Every register is 4 bytes and answers only whole accesses.
 *
 * | port | name | read | write |
 * |---|---|---|---|
 * | +0x00 | PCIU | slots of bus BNUM with a new device; reading clears them | – |
 * | +0x04 | PCID | slots of bus BNUM that are asked to let go | – |
 * | +0x08 | B0EJ | features: 0 | ejects the lowest slot of the mask |
 * | +0x0c | RMV | slots of bus BNUM that may be ejected | – |
 * | +0x10 | BNUM | selected bus | selects a bus |
 * | +0x14 | PIDX | acpi-index of the slot last asked about | asks about the lowest slot of the mask |
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { DWORD, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { GPE_PCI_HOTPLUG_BIT, type GpeEvents } from './gpe.ts';

export const PCI_HOTPLUG_BASE = 0xae00;
export const PCI_HOTPLUG_SIZE = 0x18;
/** Buses with a BSEL number; QEMU: ACPI_PCIHP_MAX_HOTPLUG_BUS. */
export const MAX_HOTPLUG_BUSES = 256;

const PCIU = 0x00;
const PCID = 0x04;
const B0EJ = 0x08;
const RMV = 0x0c;
const BNUM = 0x10;
const PIDX = 0x14;

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
      this.#trace.guestError('acpi_pcihp: bad read, offset %d, size %d', offset, size);
      return 0;
    }
    if (this.#s.bsel >= MAX_HOTPLUG_BUSES) return 0;
    switch (offset) {
      case PCIU:
        return this.#traced('acpi_pci_up_read', this.#takeUp());
      case PCID:
        return this.#traced('acpi_pci_down_read', this.#s.down[this.#s.bsel]);
      case B0EJ:
        return this.#traced('acpi_pci_features_read', 0);
      case RMV:
        return this.#traced('acpi_pci_rmv_read', this.#buses.removableSlots(this.#s.bsel) >>> 0);
      case BNUM:
        return this.#traced('acpi_pci_sel_read', this.#s.bsel);
      case PIDX:
        return this.#traced('acpi_pci_acpi_index_read', this.#takeIndex());
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4 || offset % 4 !== 0) {
      this.#trace.guestError('acpi_pcihp: bad write, offset %d, size %d', offset, size);
      return;
    }
    // QEMU: the latched index lasts until it is read or anything is written.
    this.#s.acpiIndex = 0;
    const { bsel } = this.#s;
    switch (offset) {
      case B0EJ:
        if (bsel >= MAX_HOTPLUG_BUSES) return;
        this.#eject(bsel, lowestBit(value));
        if (this.#trace.on) this.#trace.event('acpi_pci_ej_write', offset, value);
        break;
      case BNUM:
        if (this.#bridges) this.#s.bsel = value;
        if (this.#trace.on) this.#trace.event('acpi_pci_sel_write', offset, value);
        break;
      case PIDX:
        if (bsel < MAX_HOTPLUG_BUSES) this.#latchIndex(bsel, lowestBit(value));
        break;
      default:
        break;
    }
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

  #traced(event: string, value: number): number {
    if (this.#trace.on) this.#trace.event(event, value);
    return value;
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

  #latchIndex(bsel: number, slot: number): void {
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
