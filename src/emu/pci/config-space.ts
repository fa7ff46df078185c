/** The 256 bytes of a PCI function's configuration space, and which of their bits the guest may write. */
import type { AccessSize } from '../core/device.ts';
import { bytes, type StateKind, where } from '../core/state-fields.ts';

export const CONFIG_SIZE = 256;
/** Spec: PCI Local Bus 3.0 §6.1: bytes 0x40 and up belong to the device. */
export const CONFIG_HEADER_SIZE = 0x40;

export const PCI_VENDOR_ID = 0x00;
export const PCI_DEVICE_ID = 0x02;
export const PCI_COMMAND = 0x04;
export const PCI_STATUS = 0x06;
export const PCI_REVISION_ID = 0x08;
export const PCI_CLASS_PROG = 0x09;
export const PCI_CACHE_LINE_SIZE = 0x0c;
export const PCI_HEADER_TYPE = 0x0e;
export const PCI_BASE_ADDRESS_0 = 0x10;
export const PCI_SUBSYSTEM_VENDOR_ID = 0x2c;
export const PCI_SUBSYSTEM_ID = 0x2e;
export const PCI_ROM_ADDRESS = 0x30;
export const PCI_CAPABILITY_LIST = 0x34;
export const PCI_INTERRUPT_LINE = 0x3c;
export const PCI_INTERRUPT_PIN = 0x3d;

export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_COMMAND_SERR = 0x0100;
export const PCI_COMMAND_INTX_DISABLE = 0x0400;

export const PCI_STATUS_INTERRUPT = 0x0008;
export const PCI_STATUS_CAP_LIST = 0x0010;
export const PCI_STATUS_66MHZ = 0x0020;
export const PCI_STATUS_FAST_BACK = 0x0080;
export const PCI_STATUS_DEVSEL_MEDIUM = 0x0200;
/** Parity error, system error and the three abort bits: written 1 to clear. */
export const PCI_STATUS_W1C = 0xf900;

export const PCI_HEADER_TYPE_MULTI_FUNCTION = 0x80;
export const PCI_HEADER_TYPE_BRIDGE = 0x01;

const PCI_COMMAND_WRITABLE =
  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;

/** Configuration bytes with a write mask and a write-1-to-clear mask. Offsets are 0–255; what lies beyond reads 0. */
export class ConfigSpace {
  readonly bytes = new Uint8Array(CONFIG_SIZE);
  readonly writable = new Uint8Array(CONFIG_SIZE);
  readonly writeOneToClear = new Uint8Array(CONFIG_SIZE);
  /** Bits that the device changes by itself. */
  readonly #own = new Uint8Array(CONFIG_SIZE);
  /** Of another function's bytes, those that make this one what it is must be the same. QEMU: `get_pci_config_device` refuses them too. */
  readonly fields: StateKind<Uint8Array> = where(bytes(CONFIG_SIZE), (saved) => this.#differs(saved));
  readonly #view = new DataView(this.bytes.buffer);
  readonly #writableView = new DataView(this.writable.buffer);

  constructor() {
    // QEMU: the device's own bytes are plain memory until a capability claims them.
    this.writable.fill(0xff, CONFIG_HEADER_SIZE);
    this.#own[PCI_STATUS] = PCI_STATUS_INTERRUPT;
    this.setWritable(PCI_COMMAND, 2, PCI_COMMAND_WRITABLE);
    this.writable[PCI_CACHE_LINE_SIZE] = 0xff;
    this.writable[PCI_INTERRUPT_LINE] = 0xff;
    this.writeOneToClear[PCI_STATUS] = PCI_STATUS_W1C & 0xff;
    this.writeOneToClear[PCI_STATUS + 1] = PCI_STATUS_W1C >>> 8;
  }

  /** The little-endian value at `offset`, as the guest reads it. */
  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + (this.bytes[offset + i] ?? 0);
    return value;
  }

  /** A guest's write, which changes only what it may. */
  write(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size && offset + i < CONFIG_SIZE; i++) {
      const at = offset + i;
      const byte = (value >>> (8 * i)) & 0xff;
      const mask = this.writable[at];
      this.bytes[at] = ((this.bytes[at] & ~mask) | (byte & mask)) & ~(byte & this.writeOneToClear[at]);
    }
  }

  /** Sets bytes whatever the masks say; for the device itself. */
  set(offset: number, size: AccessSize, value: number): void {
    if (size === 1) this.#view.setUint8(offset, value);
    else if (size === 2) this.#view.setUint16(offset, value, true);
    else this.#view.setUint32(offset, value, true);
  }

  /** Sets the bits of a field that the guest may write. */
  setWritable(offset: number, size: AccessSize, mask: number): void {
    if (size === 1) this.#writableView.setUint8(offset, mask);
    else if (size === 2) this.#writableView.setUint16(offset, mask, true);
    else this.#writableView.setUint32(offset, mask, true);
  }

  /** The device changes these bytes by itself: a snapshot may have others. */
  setOwn(offset: number, size: number): void {
    this.#own.fill(0xff, offset, offset + size);
  }

  /** Clears in a field what the guest could have written there. */
  clearWritable(offset: number, size: number): void {
    for (let at = offset; at < offset + size; at++) {
      this.bytes[at] &= ~(this.writable[at] | this.writeOneToClear[at]);
    }
  }

  #differs(saved: Uint8Array): string | undefined {
    for (const [at, byte] of saved.entries()) {
      const changes = this.writable[at] | this.writeOneToClear[at] | this.#own[at];
      if (((byte ^ this.bytes[at]) & ~changes) !== 0)
        return `has 0x${byte.toString(16)} at ${at}, which says what the function is`;
    }
    return undefined;
  }

  /** Puts a capability of `length` bytes in front of the list; its bytes become read-only. */
  addCapability(id: number, offset: number, length: number): void {
    this.bytes.fill(0, offset, offset + length);
    this.writable.fill(0, offset, offset + length);
    this.bytes[offset] = id;
    this.bytes[offset + 1] = this.bytes[PCI_CAPABILITY_LIST];
    this.bytes[PCI_CAPABILITY_LIST] = offset;
    this.bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
  }
}
