/** Base address registers: how a PCI function's registers get their place in an address space. */
import type { Mapping } from '../bus/address-space.ts';
import type { IoHandler } from '../core/device.ts';
import type { ConfigSpace } from './config-space.ts';
import {
  PCI_BASE_ADDRESS_0,
  PCI_COMMAND,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_ROM_ADDRESS,
} from './config-space.ts';

export type MappingEvent = 'pci_update_mappings_del' | 'pci_update_mappings_add';

export type BarKind = 'io' | 'mem32' | 'mem64' | 'rom';

/** QEMU: as the monitor numbers the expansion ROM. */
export const ROM_BAR = 6;

/**
 * What a device asks for; `sizeBytes` is a power of two, at least 4 for I/O, 16 for memory, 2048 for a ROM. QEMU: pvpanic-pci has 2.
 */
export interface BarRequest {
  readonly index: number;
  readonly kind: BarKind;
  readonly prefetchable?: boolean;
  readonly sizeBytes: number;
  readonly handler: IoHandler;
}

/** Spec: PCI Local Bus 3.0 §6.2.5.1. */
const PCI_BASE_ADDRESS_SPACE_IO = 0x1;
const PCI_BASE_ADDRESS_MEM_TYPE_64 = 0x4;
const PCI_BASE_ADDRESS_MEM_PREFETCH = 0x8;
/** Spec: §6.2.5.2. */
const PCI_ROM_ADDRESS_ENABLE = 0x1;
const LIMIT_32 = 2 ** 32;

/** One BAR of a function: its type bits and size in config space, and its mapping while the function is on a bus. */
export class Bar {
  readonly index: number;
  readonly kind: BarKind;
  readonly prefetchable: boolean;
  readonly sizeBytes: number;
  readonly handler: IoHandler;
  readonly configOffset: number;
  mapping: Mapping | undefined;
  readonly #config: ConfigSpace;
  readonly #typeBits: number;

  constructor(config: ConfigSpace, request: BarRequest) {
    this.index = request.index;
    this.kind = request.kind;
    this.prefetchable = request.prefetchable ?? false;
    this.sizeBytes = request.sizeBytes;
    this.handler = request.handler;
    const isRom = request.kind === 'rom';
    this.configOffset = isRom ? PCI_ROM_ADDRESS : PCI_BASE_ADDRESS_0 + 4 * request.index;
    this.#config = config;
    this.#typeBits =
      (request.kind === 'io' ? PCI_BASE_ADDRESS_SPACE_IO : 0) |
      (request.kind === 'mem64' ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0) |
      (this.prefetchable ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0);
    config.setWritable(this.configOffset, 4, -request.sizeBytes | (isRom ? PCI_ROM_ADDRESS_ENABLE : 0));
    if (request.kind === 'mem64') config.setWritable(this.configOffset + 4, 4, 0xffffffff);
    this.reset();
  }

  reset(): void {
    this.#config.set(this.configOffset, 4, this.#typeBits);
    if (this.kind === 'mem64') this.#config.set(this.configOffset + 4, 4, 0);
  }

  /** What the guest wrote, without the type bits; the address need not be decoded. */
  get programmed(): number {
    const low = this.#config.read(this.configOffset, 4);
    const base = low - (low % this.sizeBytes);
    return this.kind === 'mem64' ? base + this.#config.read(this.configOffset + 4, 4) * LIMIT_32 : base;
  }

  /** Where the function answers, or undefined while COMMAND or the value itself forbids it. */
  get address(): number | undefined {
    const needed = this.kind === 'io' ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
    if ((this.#config.read(PCI_COMMAND, 2) & needed) === 0) return undefined;
    if (this.kind === 'rom' && !this.#isRomEnabled) return undefined;
    const base = this.programmed;
    // QEMU: address 0 is not decoded, nor what a guest leaves while it sizes the BAR.
    if (base === 0 || !Number.isSafeInteger(base)) return undefined;
    if (this.kind !== 'mem64' && base + this.sizeBytes >= LIMIT_32) return undefined;
    return base;
  }

  get #isRomEnabled(): boolean {
    return (this.#config.read(this.configOffset, 4) & PCI_ROM_ADDRESS_ENABLE) !== 0;
  }

  /** Programs the address, as firmware does. */
  program(address: number): void {
    this.#config.write(this.configOffset, 4, address % LIMIT_32);
    if (this.kind === 'mem64') {
      this.#config.write(this.configOffset + 4, 4, Math.floor(address / LIMIT_32));
    }
  }

  /**
   * Brings the mapping in line with config space.
   * @param told of a place that the function leaves or takes, by the name of QEMU's event
   */
  update(told: (event: MappingEvent, address: number) => void): void {
    const { mapping, address } = this;
    if (mapping === undefined) return;
    const before = mapping.enabled ? mapping.base : undefined;
    if (before === address) return;
    if (before !== undefined) told('pci_update_mappings_del', before);
    if (address !== undefined) mapping.move(address);
    mapping.enable(address !== undefined);
    if (address !== undefined) told('pci_update_mappings_add', address);
  }
}
