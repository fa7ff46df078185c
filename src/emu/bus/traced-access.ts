/** Accesses to an address space while somebody listens to the trace: the same accesses, and QEMU's events of them. */
import type { AccessSize } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import type { AddressSpace, Region } from './address-space.ts';

const SIZE_LETTERS: Readonly<Record<AccessSize, string>> = { 1: 'b', 2: 'w', 4: 'l' };
/** QEMU: what is read of a port that nobody answers, before it is cut to its size. */
const NOBODY = 0xffff_ffff_ffff_ffffn;
const NOBODY_NAME = 'io';

export class TracedAccess {
  readonly #space: AddressSpace;
  readonly #unmapped: Readonly<Record<AccessSize, number>>;
  /** QEMU: a port that is nobody's is a region's too. Memory is not. */
  readonly #isPorts: boolean;

  /** @param unmapped what reads of nothing give */
  constructor(space: AddressSpace, unmapped: Readonly<Record<AccessSize, number>>) {
    this.#space = space;
    this.#unmapped = unmapped;
    this.#isPorts = unmapped === OPEN_BUS;
  }

  /** Gives the value back that was read from ports, and tells of it. */
  told(address: number, size: AccessSize, value: number): number {
    if (this.#isPorts) this.#space.trace.event('cpu_in', address, SIZE_LETTERS[size], value);
    return value;
  }

  /** The value is about to be written to ports. */
  tell(address: number, size: AccessSize, value: number): void {
    if (this.#isPorts) this.#space.trace.event('cpu_out', address, SIZE_LETTERS[size], value);
  }

  read(region: Region | undefined, address: number, size: AccessSize): number {
    if (region !== undefined) {
      return region.takes(address, size) ? readPieces(this.#space, region, address, size) : 0;
    }
    if (!this.#isPorts) this.#tellRejected('read', address, size);
    else if (address % size === 0) this.#tellNobody('memory_region_ops_read', address, size, NOBODY);
    return address % size === 0 ? this.#unmapped[size] : 0;
  }

  write(region: Region | undefined, address: number, size: AccessSize, value: number): void {
    if (region !== undefined) {
      if (region.takes(address, size)) writePieces(this.#space, region, address, size, value);
    } else if (!this.#isPorts) this.#tellRejected('write', address, size);
    else if (address % size === 0) this.#tellNobody('memory_region_ops_write', address, size, value);
  }

  /** QEMU's words. */
  #tellRejected(access: 'read' | 'write', address: number, size: AccessSize): void {
    const message = `Invalid ${access} at addr 0x%X, size %d, region '(null)', reason: rejected`;
    this.#space.trace.guestError(message, address, size);
  }

  #tellNobody(
    event: 'memory_region_ops_read' | 'memory_region_ops_write',
    address: number,
    size: AccessSize,
    value: number | bigint,
  ): void {
    const { trace } = this.#space;
    trace.event(event, trace.source.cpuIndex(), this.#space, address, value, size, NOBODY_NAME);
  }
}

function partOf(value: number, at: number, size: AccessSize): number {
  return ((value >>> (at * 8)) & OPEN_BUS[size]) >>> 0;
}

function pieceOf({ handler }: Region, size: AccessSize): AccessSize {
  return handler.widest !== undefined && handler.widest < size ? handler.widest : size;
}

function readPieces({ trace }: AddressSpace, region: Region, address: number, size: AccessSize): number {
  const piece = pieceOf(region, size);
  let value = 0;
  for (let at = 0; at < size; at += piece) {
    const part = region.handler.read(address + at - region.base, piece) >>> 0;
    const cpu = trace.source.cpuIndex();
    trace.event('memory_region_ops_read', cpu, region, address + at, part, piece, region.name);
    value |= part << (at * 8);
  }
  return value >>> 0;
}

function writePieces(
  { trace }: AddressSpace,
  region: Region,
  address: number,
  size: AccessSize,
  value: number,
): void {
  const piece = pieceOf(region, size);
  for (let at = 0; at < size; at += piece) {
    const part = partOf(value, at, piece);
    const cpu = trace.source.cpuIndex();
    trace.event('memory_region_ops_write', cpu, region, address + at, part, piece, region.name);
    region.handler.write(address + at - region.base, piece, part);
  }
}
