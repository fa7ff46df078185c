/** Which device answers an address: the machine has one space of ports and one of memory-mapped registers. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { QUIET, type Trace } from '../core/trace.ts';
import { type FlatRange, FlatView } from './flat-view.ts';
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
  readonly space: AddressSpace;

  constructor(
    space: AddressSpace,
    base: number,
    size: number,
    handler: IoHandler,
    priority: number,
    name: string,
  ) {
    this.space = space;
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
    if (on) this.space.insert(this);
    else this.space.delete(this);
  }

  remove(): void {
    this.enable(false);
  }

  /** The pieces that it has when nothing hides it. */
  pieces(): Iterable<FlatRange<Region>> {
    return [{ start: this.base, end: this.base + this.size, region: this }];
  }

  /** It answers such an access of the guest. */
  takes(address: number, size: AccessSize): boolean {
    const { maxSize = 4, unaligned = false } = this.handler;
    return size <= maxSize && ((address - this.base) % size === 0 || unaligned);
  }
}

const NOBODY: IoHandler = { read: () => 0, write() {} };

/** A window through which another space is seen at the same addresses, as a bridge has them. What nobody answers there is not hidden. */
class SpaceWindow extends Region {
  readonly target: AddressSpace;

  constructor(space: AddressSpace, base: number, size: number, target: AddressSpace, priority: number) {
    super(space, base, size, NOBODY, priority, target.name);
    this.target = target;
  }

  override enable(on: boolean): void {
    if (on !== this.enabled) this.target.seenBy(this.space, on);
    super.enable(on);
  }

  override pieces(): Iterable<FlatRange<Region>> {
    return this.target.view.between(this.base, this.base + this.size);
  }
}

/**
 * Overlaps are allowed: the higher priority answers, and among equals the one that was enabled last, as in QEMU.
 * The region with the first byte gets the whole access. QEMU: the guest reads 0, and writes nothing, where the access is not at a multiple
 * of its size from where the region begins, or larger than the region takes.
 */
export class AddressSpace {
  readonly name: string;
  /** Told of all accesses that a region answers. */
  trace: Trace = QUIET;
  readonly #unmapped: Readonly<Record<AccessSize, number>>;
  readonly #regions: Region[] = [];
  /** Spaces that have a window to this one, once for each window. */
  readonly #watchers: AddressSpace[] = [];
  /** Undefined: something has changed since it was made. */
  #view: FlatView<Region> | undefined;
  #last: FlatRange<Region> | undefined;
  readonly #traced: TracedAccess;

  /** @param unmapped what reads of nothing give. QEMU: ports float high, memory reads 0. */
  constructor(name: string, unmapped: 'ones' | 'zeros' = 'ones') {
    this.name = name;
    this.#unmapped = unmapped === 'ones' ? OPEN_BUS : ZEROS;
    this.#traced = new TracedAccess(this, this.#unmapped);
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

  /** A window to `target`, whose regions are seen here where they are there. */
  window(
    base: number,
    size: number,
    target: AddressSpace,
    options: { priority?: number; enabled?: boolean } = {},
  ): Mapping {
    const window = new SpaceWindow(this, base, size, target, options.priority ?? 0);
    window.enable(options.enabled ?? true);
    return window;
  }

  read(address: number, size: AccessSize): number {
    if (!this.trace.on) return this.#read(address, size);
    return this.#traced.told(address, size, this.#read(address, size));
  }

  write(address: number, size: AccessSize, value: number): void {
    if (this.trace.on) this.#traced.tell(address, size, value >>> 0);
    this.#write(address, size, value >>> 0);
  }

  /** As monitors read: in pieces that are where a device takes them. */
  readAnywhere(address: number, size: AccessSize): number {
    let value = 0;
    for (let at = 0; at < size; ) {
      const piece = this.#pieceAt(address + at, size - at);
      value += this.#read(address + at, piece) * 2 ** (8 * at);
      at += piece;
    }
    return this.trace.on ? this.#traced.told(address, size, value) : value;
  }

  writeAnywhere(address: number, size: AccessSize, value: number): void {
    if (this.trace.on) this.#traced.tell(address, size, value >>> 0);
    for (let at = 0; at < size; ) {
      const piece = this.#pieceAt(address + at, size - at);
      this.#write(address + at, piece, Math.floor(value / 2 ** (8 * at)) % 2 ** (8 * piece));
      at += piece;
    }
  }

  #read(address: number, size: AccessSize): number {
    const region = this.#find(address);
    if (this.trace.on) return this.#traced.read(region, address, size);
    if (region === undefined) return address % size === 0 ? this.#unmapped[size] : 0;
    return region.takes(address, size) ? region.handler.read(address - region.base, size) >>> 0 : 0;
  }

  #write(address: number, size: AccessSize, value: number): void {
    const region = this.#find(address);
    if (this.trace.on) this.#traced.write(region, address, size, value);
    else if (region?.takes(address, size)) {
      region.handler.write(address - region.base, size, value);
    }
  }

  /** What answers now or is hidden by what answers, by address, and the higher priority first. What is behind windows belongs to it. */
  list(): readonly MappedRegion[] {
    const all = this.#regions.flatMap((region) =>
      region instanceof SpaceWindow
        ? region.target.list().filter(({ base }) => base >= region.base && base < region.base + region.size)
        : [region],
    );
    return all.sort((a, b) => a.base - b.base || b.priority - a.priority);
  }

  /** True when some region answers `address`. */
  answers(address: number): boolean {
    return this.#find(address) !== undefined;
  }

  /** Called by windows. */
  get view(): FlatView<Region> {
    if (this.#view === undefined) {
      this.#view = new FlatView();
      for (const region of this.#regions) for (const piece of region.pieces()) this.#view.add(piece);
    }
    return this.#view;
  }

  /** Called by windows: `space` sees this one, or no longer. */
  seenBy(space: AddressSpace, on: boolean): void {
    if (on) this.#watchers.push(space);
    else this.#watchers.splice(this.#watchers.indexOf(space), 1);
  }

  insert(region: Region): void {
    let at = 0;
    while (at < this.#regions.length && (this.#regions[at]?.priority ?? 0) > region.priority) at++;
    this.#regions.splice(at, 0, region);
    this.#changed();
  }

  delete(region: Region): void {
    this.#regions.splice(this.#regions.indexOf(region), 1);
    this.#changed();
  }

  #changed(): void {
    this.#view = undefined;
    this.#last = undefined;
    for (const space of this.#watchers) space.#changed();
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
    if (last !== undefined && address >= last.start && address < last.end) return last.region;
    const found = this.view.find(address);
    if (found !== undefined) this.#last = found;
    return found?.region;
  }
}
