/** Which device answers an address: the machine has one space of ports and one of memory-mapped registers. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { QUIET, type Trace } from '../core/trace.ts';
import { TracedAccess } from './traced-access.ts';

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

export class Region implements Mapping, MappedRegion {
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

/**
 * Overlaps are allowed: the higher priority answers, and among equals the one enabled first.
 * An access that no region holds whole reads as `unmapped` says, and writes are lost.
 */
export class AddressSpace {
  readonly name: string;
  /** Told of all accesses that a region answers. */
  trace: Trace = QUIET;
  readonly #unmapped: Readonly<Record<AccessSize, number>>;
  readonly #regions: Region[] = [];
  #last: Region | undefined;
  readonly #traced: IoHandler;

  /** @param unmapped what reads of nothing give. QEMU: ports float high, memory reads 0. */
  constructor(name: string, unmapped: 'ones' | 'zeros' = 'ones') {
    this.name = name;
    this.#unmapped = unmapped === 'ones' ? OPEN_BUS : ZEROS;
    this.#traced = new TracedAccess(this, this.#unmapped, (address, size) => this.#find(address, size));
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
    if (this.trace.on) return this.#traced.read(address, size);
    const region = this.#find(address, size);
    return region === undefined
      ? this.#unmapped[size]
      : region.handler.read(address - region.base, size) >>> 0;
  }

  write(address: number, size: AccessSize, value: number): void {
    if (this.trace.on) {
      this.#traced.write(address, size, value >>> 0);
      return;
    }
    const region = this.#find(address, size);
    region?.handler.write(address - region.base, size, value >>> 0);
  }

  /** What answers now, by address, and the higher priority first. */
  list(): readonly MappedRegion[] {
    return [...this.#regions].sort((a, b) => a.base - b.base || b.priority - a.priority);
  }

  /** True when some region answers `address`. */
  answers(address: number): boolean {
    return this.#find(address, 1) !== undefined;
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

  #find(address: number, size: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.base && address + size <= last.base + last.size) return last;
    for (const region of this.#regions) {
      if (address >= region.base && address + size <= region.base + region.size) {
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
