/**
 * fw_cfg: how the machine tells its firmware what it is made of, and hands it files.
 * Spec: QEMU docs/specs/fw_cfg (selector 0x510, data 0x511, DMA 0x514).
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import { assert } from '../core/assert.ts';
import { BOTTOM_HALF_STATE, BottomHalf, type BottomHalfState, type Portion } from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessSize, Device, IoHandler, VmState } from '../core/device.ts';
import { bytes, DWORD, integer, nullable, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { ServiceName } from '../qdev/services.ts';
import { keyName } from './fw-cfg-names.ts';

export const FW_CFG_SIGNATURE = 0x00;
export const FW_CFG_ID = 0x01;
export const FW_CFG_UUID = 0x02;
export const FW_CFG_RAM_SIZE = 0x03;
export const FW_CFG_NOGRAPHIC = 0x04;
export const FW_CFG_NB_CPUS = 0x05;
export const FW_CFG_KERNEL_ADDR = 0x07;
export const FW_CFG_KERNEL_SIZE = 0x08;
export const FW_CFG_KERNEL_CMDLINE = 0x09;
export const FW_CFG_INITRD_ADDR = 0x0a;
export const FW_CFG_INITRD_SIZE = 0x0b;
export const FW_CFG_BOOT_DEVICE = 0x0c;
export const FW_CFG_NUMA = 0x0d;
export const FW_CFG_BOOT_MENU = 0x0e;
export const FW_CFG_MAX_CPUS = 0x0f;
export const FW_CFG_KERNEL_ENTRY = 0x10;
export const FW_CFG_KERNEL_DATA = 0x11;
export const FW_CFG_INITRD_DATA = 0x12;
export const FW_CFG_CMDLINE_ADDR = 0x13;
export const FW_CFG_CMDLINE_SIZE = 0x14;
export const FW_CFG_CMDLINE_DATA = 0x15;
export const FW_CFG_SETUP_ADDR = 0x16;
export const FW_CFG_SETUP_SIZE = 0x17;
export const FW_CFG_SETUP_DATA = 0x18;
export const FW_CFG_FILE_DIR = 0x19;
export const FW_CFG_FILE_FIRST = 0x20;
export const FW_CFG_ARCH_LOCAL = 0x8000;
export const FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH_LOCAL + 2;
export const FW_CFG_HPET = FW_CFG_ARCH_LOCAL + 4;

/** QEMU: property x-file-slots. */
const FILE_SLOTS = 0x20;
const MAX_ENTRY = FW_CFG_FILE_FIRST + FILE_SLOTS;
const ENTRY_MASK = 0x3fff;
const KEY_MASK = ENTRY_MASK | FW_CFG_ARCH_LOCAL;
const MAX_FILE_NAME = 55;
const DIRECTORY_ENTRY = 64;

const ID_VERSION = 0x01;
const ID_DMA = 0x02;

const DMA_ERROR = 0x01;
const DMA_READ = 0x02;
const DMA_SKIP = 0x04;
const DMA_SELECT = 0x08;
const DMA_WRITE = 0x10;
const DMA_REQUEST = 16;
const DMA_SIGNATURE = new TextEncoder().encode('QEMU CFG');

/** Registers, from the selector's port on. */
const BASE = 0x510;
const SELECTOR = 0;
const DATA = 1;
const DMA_ADDRESS = 4;

/** What a file or key may do besides being read. */
export interface FwCfgOptions {
  /** The guest may write it (by DMA, the whole of it at once). */
  readonly writable?: boolean;
  /** Runs after the guest selected it: the last chance to put fresh contents in. */
  readonly onSelect?: () => void;
  /** Runs after the guest wrote it. */
  readonly onWrite?: (bytes: Uint8Array) => void;
}

interface Item {
  bytes: Uint8Array;
  readonly options: FwCfgOptions;
}

interface NamedFile extends Item {
  readonly name: string;
}

/** `entry` is the selected key or -1; `written` are the contents of the files that the guest may write. */
export type FwCfgState = {
  readonly entry: number;
  readonly offset: number;
  readonly dmaHigh: number;
  readonly written: { readonly [name: string]: Uint8Array };
  readonly dma: FwCfgDma | null;
  readonly bottomHalf: BottomHalfState;
};

/** A transfer of more than a portion: what is left of it. */
type FwCfgDma = {
  /** Of the request, where the answer goes. */
  readonly address: number;
  readonly control: number;
  readonly length: number;
  readonly target: number;
};

/** For devices that hand firmware a file. */
export const FW_CFG = new ServiceName<Pick<FwCfg, 'file' | 'addFile'>>('fw_cfg');

/** QEMU sorts the directory by bytes of the name. */
function byName(a: NamedFile, b: NamedFile): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** A dword of the other byte order. */
function swapped(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return view.getUint32(0);
}

export class FwCfg implements Device<FwCfgState> {
  static readonly registers = new RegisterTable<FwCfg>(
    {
      name: 'fwcfg',
      title: 'Firmware configuration',
      place: 'ports from 0x510; from 0x514 bytes can be read, too: `QEMU CFG`',
      spec: 'QEMU docs/specs/fw_cfg',
    },
    [
      register(SELECTOR, 2, 'SELECTOR', 'the item of DATA, which begins anew', {
        write: (cfg, value) => cfg.#select(value),
      }),
      register(DATA, 1, 'DATA', 'the next byte of the item; SELECTOR gives it, too', {
        read: (cfg) => cfg.#readData(),
      }),
      register(DMA_ADDRESS, 4, 'DMA_ADDRESS_HI', 'upper half of where a request is, big-endian', {
        write: (cfg, value) => {
          cfg.#dmaHigh = swapped(value);
        },
      }),
      register(DMA_ADDRESS + 4, 4, 'DMA_ADDRESS_LO', 'lower half, big-endian, which begins the request', {
        write: (cfg, value) => cfg.#beginAt(swapped(value)),
      }),
    ],
  );

  // Fixed wiring.
  readonly #memory: DmaPort;
  readonly #trace: Trace;
  readonly #keys = new Map<number, Item>();
  readonly #files: NamedFile[] = [];
  readonly #bottomHalf: BottomHalf;

  // Volatile state.
  #entry = FW_CFG_SIGNATURE;
  #offset = 0;
  #dmaHigh = 0;
  #dma: FwCfgDma | null = null;

  constructor(memory: DmaPort, clock: Clock, trace: Trace) {
    this.#memory = memory;
    this.#trace = trace;
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#goOn(portion));
    this.addKey(FW_CFG_SIGNATURE, new TextEncoder().encode('QEMU'));
    this.addNumber(FW_CFG_ID, 4, ID_VERSION | ID_DMA);
    this.addKey(FW_CFG_FILE_DIR, this.#directory());
  }

  attach(io: AddressSpace): void {
    const { registers: table } = FwCfg;
    const registers: IoHandler = {
      // QEMU: the data comes from the selector's port too.
      read: (_offset, size) =>
        size === 1 ? (table.read(this, this.#trace, DATA, size) ?? 0) : this.#bad('read', size),
      write: (_offset, size, value) => {
        if (size === 2) table.write(this, this.#trace, SELECTOR, size, value);
      },
    };
    const dma: IoHandler = {
      read: (offset, size) => this.#readSignature(offset, size),
      write: (offset, size, value) => {
        if (size !== 4 || offset & 3) this.#bad('DMA address write', size);
        else table.write(this, this.#trace, DMA_ADDRESS + offset, size, value);
      },
    };
    io.map(BASE + SELECTOR, 2, registers, { name: 'fwcfg' });
    io.map(BASE + DMA_ADDRESS, 8, dma, { name: 'fwcfg.dma' });
  }

  get vmstate(): VmState<FwCfgState> {
    const writable = this.#files.filter(({ options }) => options.writable);
    const written = record<FwCfgState['written']>(
      Object.fromEntries(writable.map((file) => [file.name, bytes(file.bytes.length)])),
    );
    const address = integer(0, 2 ** 64);
    const fields = record<FwCfgState>({
      entry: integer(-1, 0xffff),
      offset: DWORD,
      dmaHigh: DWORD,
      written,
      dma: nullable(record<FwCfgDma>({ address, control: DWORD, length: DWORD, target: address })),
      bottomHalf: BOTTOM_HALF_STATE,
    });
    // QEMU: version 2; a transfer there takes no time.
    return { name: 'fw_cfg', version: 3, fields };
  }

  /** Adds or replaces the item of a key below FW_CFG_FILE_FIRST. */
  addKey(key: number, bytes: Uint8Array, options: FwCfgOptions = {}): void {
    assert((key & ENTRY_MASK) < FW_CFG_FILE_FIRST, `fw_cfg key ${key}`);
    this.#keys.set(key & KEY_MASK, { bytes, options });
  }

  /** Adds a little-endian number of 2, 4 or 8 bytes. */
  addNumber(key: number, bytes: 2 | 4 | 8, value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(value), true);
    this.addKey(key, new Uint8Array(view.buffer, 0, bytes));
  }

  /** Adds a file. Keys are given in the order of the names, so that a later file may move the others. */
  addFile(name: string, bytes: Uint8Array, options: FwCfgOptions = {}): void {
    assert(name.length > 0 && name.length <= MAX_FILE_NAME, `fw_cfg file name ${name}`);
    assert(this.file(name) === undefined, `duplicate fw_cfg file name: ${name}`);
    assert(this.#files.length < FILE_SLOTS, `no fw_cfg slot for ${name}`);
    this.#files.push({ name, bytes: options.writable ? bytes.slice() : bytes, options });
    this.#files.sort(byName);
    if (this.#trace.on) {
      const at = this.#files.findIndex((file) => file.name === name);
      this.#trace.event('fw_cfg_add_file', this, at, name, bytes.length);
    }
    this.addKey(FW_CFG_FILE_DIR, this.#directory());
  }

  /** Replaces the contents of a file, which must be there. */
  modifyFile(name: string, bytes: Uint8Array): void {
    const found = this.#files.find((file) => file.name === name);
    assert(found !== undefined, `no fw_cfg file ${name}`);
    found.bytes = bytes;
    this.addKey(FW_CFG_FILE_DIR, this.#directory());
  }

  /** Contents of a file, or undefined. */
  file(name: string): Uint8Array | undefined {
    return this.#files.find((file) => file.name === name)?.bytes;
  }

  reset(): void {
    this.#select(FW_CFG_SIGNATURE);
    this.#dmaHigh = 0;
    this.#dma = null;
    this.#bottomHalf.reset();
  }

  save(): FwCfgState {
    const written: Record<string, Uint8Array> = {};
    for (const { name, bytes, options } of this.#files) {
      if (options.writable) written[name] = bytes.slice();
    }
    return {
      entry: this.#entry,
      offset: this.#offset,
      dmaHigh: this.#dmaHigh,
      written,
      dma: this.#dma,
      bottomHalf: this.#bottomHalf.save(),
    };
  }

  restore({ entry, offset, dmaHigh, written, dma, bottomHalf }: FwCfgState): void {
    this.#entry = entry;
    this.#offset = offset;
    this.#dmaHigh = dmaHigh;
    this.#dma = dma;
    this.#bottomHalf.restore(bottomHalf);
    for (const file of this.#files) {
      const bytes = written[file.name];
      if (bytes !== undefined) file.bytes = bytes.slice();
    }
  }

  #directory(): Uint8Array {
    const bytes = new Uint8Array(4 + DIRECTORY_ENTRY * this.#files.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#files.length);
    for (const [index, file] of this.#files.entries()) {
      const at = 4 + DIRECTORY_ENTRY * index;
      view.setUint32(at, file.bytes.length);
      view.setUint16(at + 4, FW_CFG_FILE_FIRST + index);
      bytes.set(new TextEncoder().encode(file.name), at + 8);
    }
    return bytes;
  }

  #item(): Item | undefined {
    const key = this.#entry & KEY_MASK;
    if (this.#entry < 0) return undefined;
    return this.#keys.get(key) ?? this.#files[key - FW_CFG_FILE_FIRST];
  }

  #select(key: number): void {
    this.#offset = 0;
    this.#entry = (key & ENTRY_MASK) < MAX_ENTRY ? key : -1;
    this.#item()?.options.onSelect?.();
    if (this.#trace.on) this.#trace.event('fw_cfg_select', this, key, keyName(key), this.#entry < 0 ? 0 : 1);
  }

  #readData(): number {
    const value = this.#nextByte();
    if (this.#trace.on) this.#trace.event('fw_cfg_read', this, value);
    return value;
  }

  #nextByte(): number {
    const bytes = this.#item()?.bytes;
    if (bytes === undefined || this.#offset >= bytes.length) return 0;
    const value = bytes[this.#offset] ?? 0;
    this.#offset++;
    return value;
  }

  #bad(what: string, size: AccessSize): number {
    this.#trace.guestError(`fw_cfg: ${what} of %d bytes`, size);
    return 0;
  }

  #readSignature(offset: number, size: AccessSize): number {
    let value = 0;
    for (let at = size - 1; at >= 0; at--) value = value * 256 + (DMA_SIGNATURE[offset + at] ?? 0);
    return value;
  }

  #beginAt(low: number): void {
    const address = this.#dmaHigh * 2 ** 32 + low;
    this.#dmaHigh = 0;
    this.#begin(address);
  }

  /** Spec: fw_cfg, DMA: the driver waits until the control field reads 0. What one begins before that ends what was under way. */
  #begin(address: number): void {
    const request = new Uint8Array(DMA_REQUEST);
    const view = new DataView(request.buffer);
    this.#dma = null;
    if (!this.#memory.read(address, request)) {
      this.#answer(address, false);
      return;
    }
    const control = view.getUint32(0);
    const length = view.getUint32(4);
    const target = view.getUint32(8) * 2 ** 32 + view.getUint32(12);
    if (control & DMA_SELECT) this.#select(control >>> 16);
    this.#dma = { address, control, length, target };
    this.#bottomHalf.kick();
  }

  /** Does a portion of the transfer; true when there is more. */
  #goOn(portion: Portion): boolean {
    portion.requests--;
    if (this.#dma === null) return false;
    const { address, control, length, target } = this.#dma;
    const bytes = this.#isRead(control) ? Math.min(length, Math.max(portion.bytes, 0)) : length;
    portion.bytes -= bytes;
    const done = this.#transfer(control, bytes, target, length);
    this.#dma =
      done && bytes < length ? { address, control, length: length - bytes, target: target + bytes } : null;
    if (this.#dma === null) this.#answer(address, done);
    return this.#dma !== null;
  }

  #answer(address: number, done: boolean): void {
    this.#memory.write(address, Uint8Array.of(0, 0, 0, done ? 0 : DMA_ERROR));
  }

  #isRead(control: number): boolean {
    return (control & DMA_READ) !== 0;
  }

  /**
   * Moves the first `bytes` of `length`.
   * Spec: fw_cfg, DMA: read wins over write, write over skip; bytes past the item read as zeros.
   */
  #transfer(control: number, bytes: number, target: number, length: number): boolean {
    const item = this.#item();
    const left = Math.max((item?.bytes.length ?? 0) - this.#offset, 0);
    const inside = Math.min(bytes, left);
    const from = this.#offset;
    if (this.#isRead(control)) {
      if (!this.#memory.isRam(target, length)) return false;
      if (item !== undefined) this.#memory.write(target, item.bytes.subarray(from, from + inside));
      this.#memory.fill(target + inside, bytes - inside, 0);
    } else if (control & DMA_WRITE) {
      if (length === 0) return true;
      if (item === undefined || !item.options.writable || inside !== length) return false;
      const data = new Uint8Array(length);
      if (!this.#memory.read(target, data)) return false;
      item.bytes.set(data, from);
      item.options.onWrite?.(item.bytes);
    } else if (!(control & DMA_SKIP)) {
      return true;
    }
    this.#offset += inside;
    return true;
  }
}
