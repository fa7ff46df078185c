/** MSI-X: interrupts as memory writes, one table entry per vector. Spec: PCI Local Bus 3.0 §6.8.2. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { bytes, record, type StateKind } from '../core/state-fields.ts';
import { PCI_COMMAND_MASTER } from './config-space.ts';
import type { PciDevice } from './pci-device.ts';

export const PCI_CAP_ID_MSIX = 0x11;
const MSIX_CAP_LENGTH = 12;
const MSIX_FLAGS = 2;
const MSIX_TABLE = 4;
const MSIX_PBA = 8;
const MSIX_FLAGS_ENABLE = 0x8000;
const MSIX_FLAGS_MASKALL = 0x4000;
const MSIX_ENTRY_SIZE = 16;
const ENTRY_DATA = 8;
const ENTRY_CTRL = 12;
const ENTRY_CTRL_MASKBIT = 1;

export type MsixState = { readonly table: Uint8Array; readonly pending: Uint8Array };

/** Where the table and the pending bits lie inside one memory BAR. Offsets and sizes in bytes. */
export interface MsixLayout {
  readonly bar: number;
  readonly sizeBytes: number;
  readonly tableOffset: number;
  readonly pbaOffset: number;
  readonly capabilityOffset: number;
  readonly vectors: number;
}

export class Msix implements IoHandler {
  readonly vectors: number;
  readonly layout: MsixLayout;
  readonly #device: PciDevice;
  readonly #table: Uint8Array;
  readonly #view: DataView;
  readonly #pending: Uint8Array;

  readonly fields: StateKind<MsixState>;

  /** Adds the capability to the device; the owner maps `this` as the BAR's handler. */
  constructor(device: PciDevice, layout: MsixLayout) {
    const { capabilityOffset, vectors, bar, tableOffset, pbaOffset } = layout;
    this.#device = device;
    this.layout = layout;
    this.vectors = vectors;
    this.#table = new Uint8Array(vectors * MSIX_ENTRY_SIZE);
    this.#view = new DataView(this.#table.buffer);
    this.#pending = new Uint8Array(Math.ceil(vectors / 64) * 8);
    this.fields = record<MsixState>({
      table: bytes(this.#table.length),
      pending: bytes(this.#pending.length),
    });
    const { config } = device;
    config.addCapability(PCI_CAP_ID_MSIX, capabilityOffset, MSIX_CAP_LENGTH);
    config.set(capabilityOffset + MSIX_FLAGS, 2, vectors - 1);
    config.setWritable(capabilityOffset + MSIX_FLAGS, 2, MSIX_FLAGS_ENABLE | MSIX_FLAGS_MASKALL);
    config.set(capabilityOffset + MSIX_TABLE, 4, tableOffset | bar);
    config.set(capabilityOffset + MSIX_PBA, 4, pbaOffset | bar);
    this.reset();
  }

  get enabled(): boolean {
    return (this.#flags & MSIX_FLAGS_ENABLE) !== 0;
  }

  /** Sends vector `vector`, or remembers it as pending while it is masked. */
  notify(vector: number): void {
    if (!this.enabled || vector >= this.vectors) return;
    if (this.#masked(vector)) {
      this.#pending[vector >>> 3] |= 1 << (vector & 7);
      return;
    }
    // Spec: §6.2.2: a function that is not a bus master may not write to memory.
    if ((this.#device.command & PCI_COMMAND_MASTER) === 0) return;
    const entry = vector * MSIX_ENTRY_SIZE;
    const address = this.#view.getUint32(entry, true) + this.#view.getUint32(entry + 4, true) * 2 ** 32;
    this.#device.sendMsi(address, this.#view.getUint32(entry + ENTRY_DATA, true));
  }

  /** What waits for the end of a mask is not sent any more. */
  clearPending(vector: number): void {
    if (vector < this.vectors) this.#pending[vector >>> 3] &= ~(1 << (vector & 7));
  }

  /** To be called after a write of `size` bytes to config space: a vector that lost its mask fires if it is pending. */
  configChanged(offset: number, size: AccessSize): void {
    const flags = this.layout.capabilityOffset + MSIX_FLAGS + 1;
    if (offset <= flags && flags < offset + size) {
      this.#device.traceMsix(this.enabled, (this.#flags & MSIX_FLAGS_MASKALL) !== 0);
      // Spec: §6.8.2: messages take the place of the wire.
      if (this.enabled) this.#device.setIntx(false);
    }
    for (let vector = 0; vector < this.vectors; vector++) this.#fireIfPending(vector);
  }

  /** QEMU: the BAR takes dwords; smaller reads give 0. */
  read(offset: number, size: AccessSize): number {
    if (size !== 4 || (offset & 3) !== 0) return 0;
    const inTable = offset - this.layout.tableOffset;
    if (inTable >= 0 && inTable < this.#table.length) return this.#view.getUint32(inTable, true);
    const inPba = offset - this.layout.pbaOffset;
    if (inPba < 0 || inPba >= this.#pending.length) return 0;
    return new DataView(this.#pending.buffer).getUint32(inPba, true);
  }

  /** Table writes only: the pending bits belong to the device. */
  write(offset: number, size: AccessSize, value: number): void {
    const at = offset - this.layout.tableOffset;
    if (size !== 4 || (at & 3) !== 0 || at < 0 || at >= this.#table.length) return;
    this.#view.setUint32(at, value, true);
    this.#fireIfPending(Math.floor(at / MSIX_ENTRY_SIZE));
  }

  reset(): void {
    const { config } = this.#device;
    config.clearWritable(this.layout.capabilityOffset + MSIX_FLAGS, 2);
    this.#pending.fill(0);
    this.#table.fill(0);
    for (let vector = 0; vector < this.vectors; vector++) {
      this.#table[vector * MSIX_ENTRY_SIZE + ENTRY_CTRL] = ENTRY_CTRL_MASKBIT;
    }
  }

  save(): MsixState {
    return { table: this.#table.slice(), pending: this.#pending.slice() };
  }

  restore({ table, pending }: MsixState): void {
    this.#table.set(table);
    this.#pending.set(pending);
  }

  get #flags(): number {
    return this.#device.config.read(this.layout.capabilityOffset + MSIX_FLAGS, 2);
  }

  #masked(vector: number): boolean {
    if ((this.#flags & MSIX_FLAGS_MASKALL) !== 0) return true;
    return (this.#table[vector * MSIX_ENTRY_SIZE + ENTRY_CTRL] & ENTRY_CTRL_MASKBIT) !== 0;
  }

  #fireIfPending(vector: number): void {
    const bit = 1 << (vector & 7);
    if ((this.#pending[vector >>> 3] & bit) === 0 || !this.enabled || this.#masked(vector)) return;
    this.#pending[vector >>> 3] &= ~bit;
    this.notify(vector);
  }
}
