/** MSI: interrupts as memory writes, set up in configuration space alone. Spec: PCI Local Bus 3.0 §6.8.1. */
import type { AccessSize } from '../core/device.ts';
import type { PciDevice } from './pci-device.ts';

const PCI_CAP_ID_MSI = 0x05;
const MSI_FLAGS = 2;
const MSI_ADDRESS = 4;
const MSI_FLAGS_ENABLE = 0x0001;
/** Multiple message capable, and enabled: each a power of two. */
const MSI_FLAGS_QMASK = 0x000e;
const MSI_FLAGS_QMASK_SHIFT = 1;
const MSI_FLAGS_QSIZE = 0x0070;
const MSI_FLAGS_QSIZE_SHIFT = 4;
const MSI_FLAGS_64BIT = 0x0080;
const MSI_FLAGS_MASKBIT = 0x0100;
const LIMIT_32 = 2 ** 32;

export interface MsiLayout {
  /** Of the capability in configuration space. */
  readonly offset: number;
  /** Messages: a power of two, 32 at most. */
  readonly vectors: number;
  readonly is64Bit: boolean;
  /** Each message can be masked. */
  readonly isMaskable: boolean;
}

/** All of its state is in the function's configuration space. */
export class Msi {
  readonly #device: PciDevice;
  readonly #layout: MsiLayout;
  readonly #data: number;
  readonly #mask: number;
  readonly #pending: number;
  readonly #end: number;

  /** Adds the capability to the device. */
  constructor(device: PciDevice, layout: MsiLayout) {
    const { offset, vectors, is64Bit, isMaskable } = layout;
    this.#device = device;
    this.#layout = layout;
    this.#data = offset + (is64Bit ? 12 : 8);
    this.#mask = this.#data + 4;
    this.#pending = this.#mask + 4;
    this.#end = isMaskable ? this.#pending + 4 : this.#data + 2;
    const { config } = device;
    config.addCapability(PCI_CAP_ID_MSI, offset, this.#end - offset);
    const messages = Math.log2(vectors) << MSI_FLAGS_QMASK_SHIFT;
    const kind = (is64Bit ? MSI_FLAGS_64BIT : 0) | (isMaskable ? MSI_FLAGS_MASKBIT : 0);
    config.set(offset + MSI_FLAGS, 2, messages | kind);
    config.setWritable(offset + MSI_FLAGS, 2, MSI_FLAGS_ENABLE | MSI_FLAGS_QSIZE);
    config.setWritable(offset + MSI_ADDRESS, 4, 0xffff_fffc);
    if (is64Bit) config.setWritable(offset + MSI_ADDRESS + 4, 4, 0xffff_ffff);
    config.setWritable(this.#data, 2, 0xffff);
    if (!isMaskable) return;
    config.setWritable(this.#mask, 4, 2 ** vectors - 1);
    config.setOwn(this.#pending, 4);
  }

  get enabled(): boolean {
    return (this.#flags & MSI_FLAGS_ENABLE) !== 0;
  }

  /** Sends message `vector`, or remembers it as pending while it is masked. */
  notify(vector: number): void {
    if (!this.enabled) return;
    const { config } = this.#device;
    if (this.#isMasked(vector)) {
      config.set(this.#pending, 4, (config.read(this.#pending, 4) | (1 << vector)) >>> 0);
      return;
    }
    // Spec: §6.2.2: a function that is not a bus master may not write to memory.
    if (!this.#device.busMaster) return;
    const low = this.#layout.offset + MSI_ADDRESS;
    const high = this.#layout.is64Bit ? config.read(low + 4, 4) : 0;
    const messages = 1 << ((this.#flags & MSI_FLAGS_QSIZE) >>> MSI_FLAGS_QSIZE_SHIFT);
    const data = (config.read(this.#data, 2) & ~(messages - 1)) | (vector & (messages - 1));
    this.#device.sendMsi(high * LIMIT_32 + config.read(low, 4), data);
  }

  /** To be called after a write of `size` bytes to configuration space: what lost its mask is sent if it is pending. */
  configChanged(offset: number, size: AccessSize): void {
    if (offset >= this.#end || offset + size <= this.#layout.offset) return;
    this.#limitMessages();
    if (!this.enabled) return;
    this.#device.setIntx(false);
    if (!this.#layout.isMaskable) return;
    const { config } = this.#device;
    for (let vector = 0; vector < this.#layout.vectors; vector++) {
      const pending = config.read(this.#pending, 4);
      if ((pending & (1 << vector)) === 0 || this.#isMasked(vector)) continue;
      config.set(this.#pending, 4, (pending & ~(1 << vector)) >>> 0);
      this.notify(vector);
    }
  }

  reset(): void {
    const { config } = this.#device;
    config.clearWritable(this.#layout.offset + MSI_FLAGS, this.#end - this.#layout.offset - MSI_FLAGS);
    if (this.#layout.isMaskable) config.set(this.#pending, 4, 0);
  }

  /** QEMU: a driver cannot enable more messages than there are. */
  #limitMessages(): void {
    const flags = this.#flags;
    const most = (flags & MSI_FLAGS_QMASK) >>> MSI_FLAGS_QMASK_SHIFT;
    if ((flags & MSI_FLAGS_QSIZE) >>> MSI_FLAGS_QSIZE_SHIFT <= most) return;
    const limited = (flags & ~MSI_FLAGS_QSIZE) | (most << MSI_FLAGS_QSIZE_SHIFT);
    this.#device.config.set(this.#layout.offset + MSI_FLAGS, 2, limited);
  }

  get #flags(): number {
    return this.#device.config.read(this.#layout.offset + MSI_FLAGS, 2);
  }

  #isMasked(vector: number): boolean {
    if (!this.#layout.isMaskable) return false;
    return (this.#device.config.read(this.#mask, 4) & (1 << vector)) !== 0;
  }
}
