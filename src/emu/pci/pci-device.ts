/** A PCI function: identity, configuration space, BARs, interrupt pin. Every PCI device extends it. */
import type { AddressSpace } from '../bus/address-space.ts';
import { assert } from '../core/assert.ts';
import type { AccessSize, Device, VmState } from '../core/device.ts';
import type { MsiSink } from '../core/irq.ts';
import type { Plain } from '../core/plain.ts';
import { BOOLEAN, record } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import {
  ConfigSpace,
  PCI_CACHE_LINE_SIZE,
  PCI_CLASS_PROG,
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_MASTER,
  PCI_DEVICE_ID,
  PCI_HEADER_TYPE,
  PCI_HEADER_TYPE_BRIDGE,
  PCI_HEADER_TYPE_MULTI_FUNCTION,
  PCI_INTERRUPT_LINE,
  PCI_INTERRUPT_PIN,
  PCI_REVISION_ID,
  PCI_STATUS,
  PCI_STATUS_INTERRUPT,
  PCI_SUBSYSTEM_ID,
  PCI_SUBSYSTEM_VENDOR_ID,
  PCI_VENDOR_ID,
} from './config-space.ts';
import type { BarRequest, MappingEvent } from './pci-bar.ts';
import { Bar, ROM_BAR } from './pci-bar.ts';
import type { BusBridge, PciBus } from './pci-bus.ts';
import { PciDma } from './pci-dma.ts';

export const PCI_VENDOR_ID_INTEL = 0x8086;
export const PCI_VENDOR_ID_REDHAT_QUMRANET = 0x1af4;
const PCI_SUBDEVICE_ID_QEMU = 0x1100;
/** QEMU: the least that a ROM's address register tells of. */
const ROM_MIN = 0x800;

/** Where the local APICs take messages. */
const MSI_BASE = 0xfee0_0000;
const MSI_SIZE = 0x10_0000;

/** What is soldered into a function. `classCode` is 24-bit: class, subclass, programming interface. */
export interface PciIdentity {
  /** QEMU's type name, e.g. `virtio-blk-pci`. */
  readonly type: string;
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revision?: number;
  readonly classCode: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
  /** 0 none, 1 INTA# … 4 INTD#. */
  readonly interruptPin?: number;
  readonly multifunction?: boolean;
  /** Power-on value of the STATUS register. */
  readonly status?: number;
  /** It is a bridge, whose header has no subsystem, two BARs, and its registers instead. */
  readonly isBridge?: boolean;
}

/** What a function sees of the bus it is plugged into. */
export interface PciSlot {
  readonly bus: PciBus;
  readonly io: AddressSpace;
  readonly memory: AddressSpace;
  readonly msi: MsiSink;
  readonly dma: DmaPort;
  /** Drives the function's INTx# wire. */
  setIntx(level: boolean): void;
}

export type PciState = { readonly config: Uint8Array; readonly intx: boolean };

export abstract class PciDevice<S extends Plain = Plain> implements Device<S> {
  abstract readonly vmstate: VmState<S>;
  readonly identity: PciIdentity;
  /** The user's `id=`, or an empty text. */
  readonly id: string;
  readonly config = new ConfigSpace();
  protected readonly pciFields = record<PciState>({ config: this.config.fields, intx: BOOLEAN });
  /** In the order of their numbers. */
  readonly bars: Bar[] = [];
  /** The function's way to guest RAM. */
  readonly dma: PciDma;
  /** Slot and function (`slot << 3 | function`) while plugged, else -1. */
  devfn = -1;
  /** Set by the bus: the function came while the machine ran. */
  hotplugged = false;
  #slot: PciSlot | undefined;
  #intx = false;

  /** @param dma given when parts of the function were built on it */
  constructor(identity: PciIdentity, id = '', dma = new PciDma()) {
    this.identity = identity;
    this.dma = dma;
    this.id = id;
    const { config } = this;
    config.set(PCI_VENDOR_ID, 2, identity.vendorId);
    config.set(PCI_DEVICE_ID, 2, identity.deviceId);
    config.set(PCI_STATUS, 2, identity.status ?? 0);
    config.set(PCI_REVISION_ID, 1, identity.revision ?? 0);
    config.set(PCI_CLASS_PROG, 1, identity.classCode & 0xff);
    config.set(PCI_CLASS_PROG + 1, 2, identity.classCode >>> 8);
    const headerType = identity.isBridge === true ? PCI_HEADER_TYPE_BRIDGE : 0;
    const multifunction = identity.multifunction ? PCI_HEADER_TYPE_MULTI_FUNCTION : 0;
    config.set(PCI_HEADER_TYPE, 1, headerType | multifunction);
    if (identity.isBridge !== true) {
      config.set(PCI_SUBSYSTEM_VENDOR_ID, 2, identity.subsystemVendorId ?? PCI_VENDOR_ID_REDHAT_QUMRANET);
      config.set(PCI_SUBSYSTEM_ID, 2, identity.subsystemId ?? PCI_SUBDEVICE_ID_QEMU);
    }
    config.set(PCI_INTERRUPT_PIN, 1, identity.interruptPin ?? 0);
  }

  /** What the bus must know of it when it is a bridge. */
  get bridge(): BusBridge | undefined {
    return undefined;
  }

  /** The bridge behind which it is; undefined: it is on a root bus, or on none. */
  get parentBridge(): PciDevice | undefined {
    return this.#slot?.bus.parentBridge;
  }

  abstract reset(): void;
  abstract save(): S;
  abstract restore(state: S): void;

  /** Config-space bytes as the guest reads them. */
  configRead(offset: number, size: AccessSize): number {
    return this.config.read(offset, size);
  }

  /** A guest's config-space write; BARs and INTx# follow at once. */
  configWrite(offset: number, size: AccessSize, value: number): void {
    this.config.write(offset, size, value);
    this.#followConfig();
  }

  /** Plugs the function: from now on its BARs are decoded and its interrupts arrive. Called by the bus. */
  attach(slot: PciSlot, devfn: number): void {
    assert(this.#slot === undefined, `${this.identity.type} is on a bus already`);
    this.#slot = slot;
    this.devfn = devfn;
    for (const bar of this.bars) {
      const space = bar.kind === 'io' ? slot.io : slot.memory;
      // QEMU: BARs lie above what the chipset maps at the same place.
      bar.mapping = space.map(0, bar.sizeBytes, bar.handler, {
        name: this.identity.type,
        priority: 1,
        enabled: false,
      });
    }
    this.#followConfig();
  }

  /** Unplugs the function at any time: nothing of it stays in the address spaces or on an interrupt wire. */
  detach(): void {
    for (const bar of this.bars) {
      bar.mapping?.remove();
      bar.mapping = undefined;
    }
    this.#slot?.setIntx(false);
    this.#slot = undefined;
    this.dma.follow(undefined);
    this.devfn = -1;
  }

  /** Level of the function's interrupt pin, before COMMAND's disable bit. */
  setIntx(level: boolean): void {
    this.#intx = level;
    this.#followIntx();
  }

  /**
   * Sends an MSI, which is a write of a dword: an interrupt where the local APICs listen, memory elsewhere. It is lost while the function is
   * unplugged. Spec: SDM vol. 3 §11.11.1.
   */
  sendMsi(address: number, data: number): void {
    if (address >= MSI_BASE && address < MSI_BASE + MSI_SIZE) this.#slot?.msi.send(address, data);
    else this.dma.writeU32(address, data);
  }

  /** The driver wrote the flags of MSI-X. */
  traceMsix(isEnabled: boolean, isMasked: boolean): void {
    const trace = this.#slot?.io.trace;
    if (trace?.on !== true) return;
    trace.event('msix_write_config', this.identity.type, isEnabled ? 1 : 0, isMasked ? 1 : 0);
  }

  /** The function may read and write guest memory. */
  get busMaster(): boolean {
    return (this.command & PCI_COMMAND_MASTER) !== 0;
  }

  get command(): number {
    return this.config.read(PCI_COMMAND, 2);
  }

  protected addBar(request: BarRequest): Bar {
    const bar = new Bar(this.config, request);
    this.bars.push(bar);
    this.bars.sort((one, other) => one.index - other.index);
    return bar;
  }

  /**
   * Adds an expansion ROM with these bytes, and zeros up to its size, a power of two. Its image is for processors that a firmware finds;
   * ours runs none. Not for bridges.
   */
  protected addRom(
    image: Uint8Array,
    sizeBytes = Math.max(ROM_MIN, 2 ** Math.ceil(Math.log2(image.length))),
  ): Bar {
    assert(this.identity.isBridge !== true, 'a bridge has no ROM');
    const read = (offset: number, size: AccessSize): number => {
      let value = 0;
      for (let at = size - 1; at >= 0; at--) value = value * 256 + (image[offset + at] ?? 0);
      return value;
    };
    return this.addBar({ index: ROM_BAR, kind: 'rom', sizeBytes, handler: { read, write() {} } });
  }

  /** Spec: PCI Local Bus 3.0 §2.2.1, RST#: no decoding, no mastering, no interrupt. */
  protected resetPci(): void {
    this.#intx = false;
    this.config.clearWritable(PCI_COMMAND, 2);
    this.config.clearWritable(PCI_STATUS, 2);
    this.config.set(PCI_CACHE_LINE_SIZE, 1, 0);
    this.config.set(PCI_INTERRUPT_LINE, 1, 0);
    for (const bar of this.bars) bar.reset();
    this.#followConfig();
  }

  protected savePci(): PciState {
    return { config: this.config.bytes.slice(), intx: this.#intx };
  }

  protected restorePci(state: PciState): void {
    this.config.bytes.set(state.config);
    this.#intx = state.intx;
    this.#followConfig();
  }

  #followConfig(): void {
    for (const bar of this.bars) bar.update((event, address) => this.#reportMapping(bar, event, address));
    this.dma.follow(this.busMaster ? this.#slot?.dma : undefined);
    this.#followIntx();
    this.configFollowed();
  }

  /** Configuration space may have changed; for what is beside BARs, DMA and INTx#. */
  protected configFollowed(): void {}

  /** Where it is plugged; undefined: nowhere. */
  protected get slot(): PciSlot | undefined {
    return this.#slot;
  }

  #reportMapping({ index, sizeBytes }: Bar, event: MappingEvent, address: number): void {
    const trace = this.#slot?.io.trace;
    if (trace?.on !== true) return;
    const place = [this.#slot?.bus.number ?? 0, this.devfn >>> 3, this.devfn & 7];
    trace.event(event, this.identity.type, ...place, index, address, sizeBytes);
  }

  #followIntx(): void {
    const { bytes } = this.config;
    bytes[PCI_STATUS] = (bytes[PCI_STATUS] & ~PCI_STATUS_INTERRUPT) | (this.#intx ? PCI_STATUS_INTERRUPT : 0);
    this.#slot?.setIntx(this.#intx && (this.command & PCI_COMMAND_INTX_DISABLE) === 0);
  }
}
