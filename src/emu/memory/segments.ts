/** Scatter/gather: guest buffers as lists of pieces of RAM. A part that is not RAM, or is not any more, reads as zeros and takes no write. */
import type { Gpa } from './addresses.ts';
import type { DmaPort } from './dma-port.ts';

export interface Segment {
  readonly gpa: Gpa;
  /** Bytes, at least 1. */
  readonly length: number;
}

/** Bytes in all of them. */
export function segmentsLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0);
}

/** The part of `length` bytes after the first `skip`, with neighbours in memory joined. */
export function sliceSegments(segments: readonly Segment[], skip: number, length: number): Segment[] {
  const slice: { gpa: Gpa; length: number }[] = [];
  let start = 0;
  for (const segment of segments) {
    const from = Math.max(skip - start, 0);
    const to = Math.min(skip + length - start, segment.length);
    start += segment.length;
    if (from >= to) continue;
    const last = slice.at(-1);
    if (last !== undefined && last.gpa + last.length === segment.gpa + from) last.length += to - from;
    else slice.push({ gpa: segment.gpa + from, length: to - from });
  }
  return slice;
}

/** Copies the first `target.length` bytes of the segments out of guest memory. */
export function gather(memory: DmaPort, segments: readonly Segment[], target: Uint8Array): void {
  let at = 0;
  for (const { gpa, length } of segments) {
    const part = Math.min(length, target.length - at);
    if (part <= 0) return;
    memory.read(gpa, target.subarray(at, at + part));
    at += part;
  }
}

/** Copies `source` into the segments, as far as they reach. */
export function scatter(memory: DmaPort, segments: readonly Segment[], source: Uint8Array): void {
  let at = 0;
  for (const { gpa, length } of segments) {
    const part = Math.min(length, source.length - at);
    if (part <= 0) return;
    memory.write(gpa, source.subarray(at, at + part));
    at += part;
  }
}
