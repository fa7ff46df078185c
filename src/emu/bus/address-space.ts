/** Which device answers an address: the machine has one space of ports and one of memory-mapped registers. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';

const ZEROS: Readonly<Record<AccessSize, number>> = { 1: 0, 2: 0, 4: 0 };

/** A device's place in an address space; it can be moved and switched off (PCI BARs, PMBASE). */
export interface Mapping {
  readonly base: number;
  readonly size: number;
  readonly enabled: boolean;
  /** Moves the region; an enabled region answers at its new place at once. */
  move(base: number): void;
  enable(on: boolean): void;
  remove(): void;
}

/** As `info mtree` shows it. */
export interface MappedRegion {
  readonly base: number;
  readonly size: number;
  readonly priority: number;
  /** QEMU's. */
  readonly name: string;
}

class Region implements Mapping, MappedRegion {
  base: number;
  readonly size: number;
  readonly handler: IoHandler;
  readonly priority: number;
  readonly name: string;
  enabled = false;
  readonly #space: AddressSpace;

  constructor(
    space: AddressSpace,
    base: number,
    size: number,
    handler: IoHandler,
    priority: number,
    name: string,
  ) {
    this.#space = space;
    this.base = base;
    this.size = size;
    this.handler = handler;
    this.priority = priority;
    this.name = name;
  }

  move(base: number): void {
    if (base === this.base) return;
    const enabled = this.enabled;
    this.enable(false);
    this.base = base;
    this.enable(enabled);
  }

  enable(on: boolean): void {
    if (on === this.enabled) return;
    this.enabled = on;
    if (on) this.#space.insert(this);
    else this.#space.delete(this);
  }

  remove(): void {
    this.enable(false);
  }
}

function takes({ handler }: Region, offset: number, size: AccessSize): boolean {
  return size <= (handler.maxSize ?? 4) && (offset % size === 0 || handler.unaligned === true);
}

/**
 * Overlaps are allowed: the higher priority answers, and among equals the one enabled first.
 * The region with the first byte gets the whole access. QEMU: the guest reads 0, and writes nothing, where the access is not at a multiple
 * of its size from where the region begins, or larger than the region takes.
 */
export class AddressSpace {
  readonly name: string;
  readonly #unmapped: Readonly<Record<AccessSize, number>>;
  readonly #regions: Region[] = [];
  #last: Region | undefined;

  /** @param unmapped what reads of nothing give. QEMU: ports float high, memory reads 0. */
  constructor(name: string, unmapped: 'ones' | 'zeros' = 'ones') {
    this.name = name;
    this.#unmapped = unmapped === 'ones' ? OPEN_BUS : ZEROS;
  }

  /** Maps `size` addresses at `base`; `enabled` false keeps the place for later. `name` is QEMU's for the region. */
  map(
    base: number,
    size: number,
    handler: IoHandler,
    options: { name?: string; priority?: number; enabled?: boolean } = {},
  ): Mapping {
    const { priority = 0, name = '' } = options;
    const region = new Region(this, base, size, handler, priority, name);
    region.enable(options.enabled ?? true);
    return region;
  }

  read(address: number, size: AccessSize): number {
    const region = this.#find(address);
    if (region === undefined) return address % size === 0 ? this.#unmapped[size] : 0;
    const offset = address - region.base;
    return takes(region, offset, size) ? region.handler.read(offset, size) >>> 0 : 0;
  }

  write(address: number, size: AccessSize, value: number): void {
    const region = this.#find(address);
    if (region === undefined) return;
    const offset = address - region.base;
    if (takes(region, offset, size)) region.handler.write(offset, size, value >>> 0);
  }

  /** As monitors read: in pieces that are where a device takes them. */
  readAnywhere(address: number, size: AccessSize): number {
    let value = 0;
    for (let at = 0; at < size; ) {
      const piece = this.#pieceAt(address + at, size - at);
      value += this.read(address + at, piece) * 2 ** (8 * at);
      at += piece;
    }
    return value;
  }

  writeAnywhere(address: number, size: AccessSize, value: number): void {
    for (let at = 0; at < size; ) {
      const piece = this.#pieceAt(address + at, size - at);
      this.write(address + at, piece, Math.floor(value / 2 ** (8 * at)) % 2 ** (8 * piece));
      at += piece;
    }
  }

  /** What answers now, by address, and the higher priority first. */
  list(): readonly MappedRegion[] {
    return [...this.#regions].sort((a, b) => a.base - b.base || b.priority - a.priority);
  }

  /** True when some region answers `address`. */
  answers(address: number): boolean {
    return this.#find(address) !== undefined;
  }

  insert(region: Region): void {
    let at = 0;
    while (at < this.#regions.length && (this.#regions[at]?.priority ?? 0) >= region.priority) at++;
    this.#regions.splice(at, 0, region);
    this.#last = undefined;
  }

  delete(region: Region): void {
    this.#regions.splice(this.#regions.indexOf(region), 1);
    this.#last = undefined;
  }

  #pieceAt(address: number, most: number): AccessSize {
    const { base, handler } = this.#find(address) ?? {};
    const offset = address - (base ?? 0);
    const largest = Math.min(most, handler?.maxSize ?? 4);
    const fits = (size: number): boolean =>
      largest >= size && (offset % size === 0 || handler?.unaligned === true);
    if (fits(4)) return 4;
    return fits(2) ? 2 : 1;
  }

  #find(address: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.base && address < last.base + last.size) return last;
    for (const region of this.#regions) {
      if (address >= region.base && address < region.base + region.size) {
        // Overlapping regions of different priority must not be hidden by the shortcut above.
        this.#last = this.#overlapped(region) ? undefined : region;
        return region;
      }
    }
    return undefined;
  }

  #overlapped(region: Region): boolean {
    return this.#regions.some(
      (other) =>
        other !== region && other.base < region.base + region.size && region.base < other.base + other.size,
    );
  }
}
