/** A range of guest-physical addresses with memory behind it. */
import type { Gpa, RamOffset } from './addresses.ts';
import { CHUNK_SHIFT, CHUNK_SIZE } from './arena.ts';

export interface RegionOptions {
  /** The guest's writes are ignored, as those to a ROM. */
  readonly readOnly?: boolean;
  /** The guest's writes go to a device at the same address. QEMU: a ROM device. */
  readonly isRomDevice?: boolean;
  /** Where its contents are; absent: it has its own. */
  readonly contents?: Pick<Region, 'firstFrame' | 'chunks'>;
}

/**
 * A frame is an aligned range of CHUNK_SIZE guest-physical addresses. The part of a frame that a region covers lies in one chunk, at the same
 * distance from the chunk's start as from the frame's.
 */
export class Region {
  /** As QEMU names it in `info mtree`. */
  readonly name: string;
  readonly gpa: Gpa;
  /** Bytes, a multiple of the page size. */
  readonly size: number;
  readonly readOnly: boolean;
  readonly isRomDevice: boolean;
  /** False: the guest does not find it, but what is behind it. */
  isShown = true;
  readonly firstFrame: number;
  /** Arena offset of the chunk of each frame; 0: never written. */
  readonly chunks: Int32Array;

  constructor(name: string, gpa: Gpa, size: number, options: RegionOptions = {}) {
    const { readOnly = false, isRomDevice = false, contents } = options;
    this.name = name;
    this.gpa = gpa;
    this.size = size;
    this.readOnly = readOnly || isRomDevice;
    this.isRomDevice = isRomDevice;
    this.firstFrame = contents?.firstFrame ?? frameOf(gpa);
    this.chunks = contents?.chunks ?? new Int32Array(frameOf(gpa + size - 1) + 1 - this.firstFrame);
  }

  /** What lies between two of its addresses, as a region that shares its contents. */
  part(gpa: Gpa, end: Gpa, readOnly = this.readOnly): Region {
    return new Region(this.name, gpa, end - gpa, { readOnly, contents: this });
  }

  /** Its end, a frame at most, at another place, which ends at `end`, as far from the end of a frame as the region does. */
  alias(end: Gpa): Region {
    const size = Math.min(this.size, CHUNK_SIZE);
    const contents = { firstFrame: frameOf(end - 1), chunks: this.chunks.subarray(this.chunks.length - 1) };
    return new Region(this.name, end - size, size, { readOnly: this.readOnly, contents });
  }

  /** Under another name. */
  named(name: string): Region {
    return new Region(name, this.gpa, this.size, { readOnly: this.readOnly, contents: this });
  }

  get end(): Gpa {
    return this.gpa + this.size;
  }

  /** The chunk behind `gpa`, which the region covers; 0: never written. */
  chunkAt(gpa: Gpa): RamOffset {
    return this.chunks[frameOf(gpa) - this.firstFrame] as RamOffset;
  }

  /** True: all of frame number `frame` belongs to the region. */
  coversFrame(frame: number): boolean {
    const start = frame * CHUNK_SIZE;
    return start >= this.gpa && start + CHUNK_SIZE <= this.end;
  }
}

export function frameOf(gpa: Gpa): number {
  return Math.floor(gpa / CHUNK_SIZE);
}

/** Chunks that a region needs when all of it is written. */
export function chunksFor(gpa: Gpa, size: number): number {
  return frameOf(gpa + size - 1) - frameOf(gpa) + 1;
}

export const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
