/**
 * Memory and ports of the guest, for a user of a monitor or of a debugger. Unlike what `Inspection` tells, this reaches devices, and a device may change by being
 * read.
 */
import type { AddressSpace, MappedRegion } from '../bus/address-space.ts';
import type { AccessSize } from '../core/device.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Region } from '../memory/region.ts';
import { readCpuRegisters } from './cpu-registers.ts';
import { PageTables, type TableReader } from './page-tables.ts';
import type { ShownProcessors } from './processors.ts';

const PAGE_SIZE = 0x1000n;
/** Guest-physical addresses that a number holds exactly; nothing is beyond. */
const MAX_ADDRESS = 2n ** 52n;

/** A piece of memory. */
export type MemoryRegionInfo = Readonly<
  Pick<Region, 'name' | 'gpa' | 'size' | 'end' | 'readOnly' | 'isRomDevice'>
>;

/** Where accesses end. */
export interface GuestSpaces {
  readonly ports: AddressSpace;
  readonly physical: AddressSpace;
  readonly memory: GuestMemory;
}

export class GuestAccess {
  readonly #board: GuestSpaces;
  readonly #processors: Pick<ShownProcessors, 'at'>;

  constructor(board: GuestSpaces, processors: Pick<ShownProcessors, 'at'>) {
    this.#board = board;
    this.#processors = processors;
  }

  /** Fills `target` from a guest-physical address; false when some of it is neither memory nor a device: that reads as zeros. */
  readPhysical(address: bigint, target: Uint8Array): boolean {
    let isWhole = true;
    for (let done = 0; done < target.length; ) {
      const at = address + BigInt(done);
      const length = at < MAX_ADDRESS ? this.#readPiece(Number(at), target.subarray(done)) : 0;
      if (length === 0) {
        target[done] = 0;
        isWhole = false;
      }
      done += length || 1;
    }
    return isWhole;
  }

  /** The same from a linear address of a processor; false when some of it has no page. */
  readLinear(cpu: number, linear: bigint, target: Uint8Array): boolean {
    return this.#eachPage(cpu, linear, target, (physical, part) => this.readPhysical(physical, part));
  }

  /** QEMU: what is read-only for the guest is written, and what is no memory is left alone. */
  writePhysical(address: bigint, bytes: Uint8Array): void {
    const { memory } = this.#board;
    for (let done = 0; done < bytes.length; ) {
      const at = address + BigInt(done);
      const region = at < MAX_ADDRESS ? memory.find(Number(at), 1) : undefined;
      const offset = region === undefined ? 0 : Number(at) - region.gpa;
      const length = region === undefined ? 1 : Math.min(bytes.length - done, region.size - offset);
      if (region !== undefined) memory.load(region, offset, bytes.subarray(done, done + length));
      done += length;
    }
  }

  /** Writes as a vCPU or a device does: registers take what is theirs in accesses of 4, 2 or 1 bytes, ROM and what is nothing ignore it. */
  writeBus(address: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = address + BigInt(done);
      done += at < MAX_ADDRESS ? this.#writePiece(Number(at), bytes.subarray(done)) : 1;
    }
  }

  /** The same to a linear address; false when some of it has no page: what is before that is written. */
  writeLinear(cpu: number, linear: bigint, bytes: Uint8Array): boolean {
    return this.#eachPage(cpu, linear, bytes, (physical, part) => {
      this.writePhysical(physical, part);
      return true;
    });
  }

  /** Undefined when there is no such processor. */
  pageTables(cpu: number): PageTables | undefined {
    const processor = this.#processors.at(cpu);
    return processor && new PageTables(readCpuRegisters(processor.cpu.S, cpu), this.#readTable);
  }

  /** The name of the memory at a guest-physical address; undefined where no memory is. */
  memoryAt(address: bigint): { readonly name: string } | undefined {
    return address < MAX_ADDRESS ? this.#board.memory.find(Number(address), 1) : undefined;
  }

  /** All memory, by address. */
  memoryRegions(): readonly MemoryRegionInfo[] {
    return this.#board.memory.regions;
  }

  /** What the guest finds, by address. */
  memoryView(): readonly MemoryRegionInfo[] {
    return this.#board.memory.view;
  }

  /** What answers in an address space, by address. */
  deviceRegions(space: 'memory' | 'I/O'): readonly MappedRegion[] {
    return (space === 'memory' ? this.#board.physical : this.#board.ports).list();
  }

  readPort(port: number, size: AccessSize): number {
    return this.#board.ports.readAnywhere(port, size);
  }

  writePort(port: number, size: AccessSize, value: number): void {
    this.#board.ports.writeAnywhere(port, size, value);
  }

  /** Calls `use` with the part of `bytes` that is in each page; false when it said so, or a page is not there. */
  #eachPage(
    cpu: number,
    linear: bigint,
    bytes: Uint8Array,
    use: (physical: bigint, part: Uint8Array) => boolean,
  ): boolean {
    const tables = this.pageTables(cpu);
    for (let done = 0; done < bytes.length; ) {
      const at = BigInt.asUintN(64, linear + BigInt(done));
      const length = Math.min(bytes.length - done, Number(PAGE_SIZE - (at & (PAGE_SIZE - 1n))));
      const physical = tables?.translate(at);
      if (physical === undefined || !use(physical, bytes.subarray(done, done + length))) return false;
      done += length;
    }
    return true;
  }

  /** Writes what is at `address` up to the end of its region; how many bytes that are. */
  #writePiece(address: number, bytes: Uint8Array): number {
    const { memory, physical } = this.#board;
    const region = memory.find(address, 1);
    if (region !== undefined && !region.isRomDevice) {
      const length = Math.min(bytes.length, region.end - address);
      memory.write(address, bytes.subarray(0, length));
      return length;
    }
    const size = accessSize(address, bytes.length);
    let value = 0;
    for (let n = 0; n < size; n++) value |= bytes[n] << (8 * n);
    physical.write(address, size, value >>> 0);
    return size;
  }

  readonly #readTable: TableReader = (address, target) => void this.readPhysical(address, target);

  /** What is at `address` up to the end of its region; how many bytes that are, 0 where nothing is. */
  #readPiece(address: number, target: Uint8Array): number {
    const { memory } = this.#board;
    const region = memory.find(address, 1);
    if (region !== undefined) {
      const length = Math.min(target.length, region.end - address);
      return memory.read(address, target.subarray(0, length)) ? length : 0;
    }
    const { physical } = this.#board;
    if (!physical.answers(address)) return 0;
    const size = accessSize(address, target.length);
    const value = physical.read(address, size);
    for (let n = 0; n < size; n++) target[n] = value >>> (8 * n);
    return size;
  }
}

/** The widest aligned access to a device of at most so many bytes. */
function accessSize(address: number, bytes: number): AccessSize {
  return ([4, 2, 1] as const).find((size) => size <= bytes && address % size === 0) ?? 1;
}
