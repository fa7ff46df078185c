/**
 * The fast way of repeated string instructions: as many elements as lie in one page of each operand, both of which the TLB
 * has. Each function returns how many elements it did; 0: the fast way is closed, one element must be done the slow way.
 */
import type { Cpu } from '../cpu.ts';
import {
  EFLAGS,
  FLAG_DF,
  MODE,
  MODE_CODE64,
  RAX,
  RDI,
  RSI,
  SEG_BASE_LO,
  SEG_ES,
  SEG_FS,
  SEG_LIMIT,
  TLB_ADDEND,
  TLB_BASE,
  TLB_HI,
  TLB_READ,
  TLB_WRITE,
} from '../state.ts';
import { address, advance, at, compare } from './string-operands.ts';

const PAGE = 4096;
/** Shorter moves are loops: a call of the host's costs more. */
const SHORT = 32;

/** No element of a page can fail a check that the first one passes, and offsets wrap at the end of a page if at all. */
export function allowsBulk(cpu: Cpu, segment: number, width: number): boolean {
  const S = cpu.S;
  if (width === 16) return false;
  const pages = (S[segment + SEG_BASE_LO] & (PAGE - 1)) === 0;
  if ((S[MODE] & MODE_CODE64) !== 0) return width === 64 || segment < SEG_FS || pages;
  return S[segment + SEG_LIMIT] === -1 && pages;
}

/** RAM offset of linear address lo:hi by the TLB, for an access that `tag` (TLB_READ or TLB_WRITE) allows; or -1. */
function ramOffset(cpu: Cpu, lo: number, hi: number, tag: number): number {
  const T = cpu.tlb;
  const j = ((lo >>> 10) & 0x3ffc) + cpu.S[TLB_BASE];
  if (T[j + tag] !== (lo & -PAGE) || T[j + TLB_HI] !== hi) return -1;
  return (lo + T[j + TLB_ADDEND]) | 0;
}

/** Elements from `lo` on that lie in its page. */
function room(lo: number, bytes: number, backwards: boolean): number {
  const offset = lo & (PAGE - 1);
  if (!backwards) return Math.floor((PAGE - offset) / bytes);
  return offset + bytes > PAGE ? 0 : Math.floor(offset / bytes) + 1;
}

/** What an element-by-element copy to higher addresses leaves. */
function copyUp(memory: Uint8Array, target: number, source: number, length: number): void {
  if (length <= SHORT) {
    for (let n = 0; n < length; n++) memory[target + n] = memory[source + n];
    return;
  }
  const distance = target - source;
  if (distance <= 0 || distance >= length) {
    memory.copyWithin(target, source, source + length);
    return;
  }
  // The first `distance` bytes are repeated: all that is written so far can be copied at once.
  for (let done = 0; done < length; ) {
    const piece = Math.min(distance + done, length - done);
    memory.copyWithin(target + done, source, source + piece);
    done += piece;
  }
}

/** What an element-by-element copy to lower addresses leaves; `target` and `source` are the lowest bytes. */
function copyDown(memory: Uint8Array, target: number, source: number, length: number): void {
  if (length > SHORT && (target >= source || source - target >= length))
    memory.copyWithin(target, source, source + length);
  else for (let n = length - 1; n >= 0; n--) memory[target + n] = memory[source + n];
}

export function moveBulk(cpu: Cpu, size: number, width: number, segment: number, count: number): number {
  const S = cpu.S;
  const bytes = size >> 3;
  const backwards = (S[EFLAGS] & FLAG_DF) !== 0;
  if (!address(cpu, RSI, segment, width, bytes, false)) return 0;
  const from = ramOffset(cpu, at.lo, at.hi, TLB_READ);
  const sourceRoom = room(at.lo, bytes, backwards);
  if (from < 0 || !address(cpu, RDI, SEG_ES, width, bytes, true)) return 0;
  const to = ramOffset(cpu, at.lo, at.hi, TLB_WRITE);
  if (to < 0) return 0;
  const elements = Math.min(count, sourceRoom, room(at.lo, bytes, backwards));
  if (elements === 0) return 0;
  // Elements that overlap themselves cannot be moved by bytes.
  const distance = backwards ? from - to : to - from;
  if (distance > 0 && distance < bytes) return 0;
  const length = elements * bytes;
  if (backwards) {
    copyDown(cpu.memory.arena.bytes, to + bytes - length, from + bytes - length, length);
    advance(S, RSI, width, -length);
    advance(S, RDI, width, -length);
  } else {
    copyUp(cpu.memory.arena.bytes, to, from, length);
    advance(S, RSI, width, length);
    advance(S, RDI, width, length);
  }
  return elements;
}

/** Fills bytes `start` to `end` with the low `size` bits of lo and hi. */
function fill(cpu: Cpu, size: number, start: number, end: number, lo: number, hi: number): void {
  const { bytes, view } = cpu.memory.arena;
  if (size === 8 || (lo | hi) === 0) bytes.fill(lo, start, end);
  else if (size === 16) for (let n = start; n < end; n += 2) view.setInt16(n, lo, true);
  else if (size === 32) for (let n = start; n < end; n += 4) view.setInt32(n, lo, true);
  else {
    for (let n = start; n < end; n += 8) {
      view.setInt32(n, lo, true);
      view.setInt32(n + 4, hi, true);
    }
  }
}

export function storeBulk(cpu: Cpu, size: number, width: number, count: number): number {
  const S = cpu.S;
  const bytes = size >> 3;
  const backwards = (S[EFLAGS] & FLAG_DF) !== 0;
  if (!address(cpu, RDI, SEG_ES, width, bytes, true)) return 0;
  const to = ramOffset(cpu, at.lo, at.hi, TLB_WRITE);
  if (to < 0) return 0;
  const elements = Math.min(count, room(at.lo, bytes, backwards));
  if (elements === 0) return 0;
  const length = elements * bytes;
  const start = backwards ? to + bytes - length : to;
  fill(cpu, size, start, start + length, S[RAX], size === 64 ? S[RAX + 1] : 0);
  advance(S, RDI, width, backwards ? -length : length);
  return elements;
}

/** Elements up to and with the first one that is equal to its counterpart, or differs, as `stopsWhenEqual` says; else `count`. */
function search(
  view: DataView,
  size: number,
  from: number,
  to: number,
  step: number,
  count: number,
  stopsWhenEqual: boolean,
): number {
  let [a, b] = [from, to];
  for (let n = 0; n < count; n++) {
    const equal =
      size === 8
        ? view.getInt8(a) === view.getInt8(b)
        : size === 16
          ? view.getInt16(a, true) === view.getInt16(b, true)
          : view.getInt32(a, true) === view.getInt32(b, true) &&
            (size === 32 || view.getInt32(a + 4, true) === view.getInt32(b + 4, true));
    if (equal === stopsWhenEqual) return n + 1;
    a += step;
    b += step;
  }
  return count;
}

/** The same with RAX in place of the elements at `from`. */
function searchFor(
  S: Int32Array,
  view: DataView,
  size: number,
  to: number,
  step: number,
  count: number,
  stopsWhenEqual: boolean,
): number {
  let b = to;
  const lo = S[RAX];
  const narrow = size === 8 ? (lo << 24) >> 24 : (lo << 16) >> 16;
  for (let n = 0; n < count; n++) {
    const equal =
      size === 8
        ? view.getInt8(b) === narrow
        : size === 16
          ? view.getInt16(b, true) === narrow
          : view.getInt32(b, true) === lo && (size === 32 || view.getInt32(b + 4, true) === S[RAX + 1]);
    if (equal === stopsWhenEqual) return n + 1;
    b += step;
  }
  return count;
}

function low(view: DataView, at: number, size: number): number {
  return size === 8 ? view.getInt8(at) : size === 16 ? view.getInt16(at, true) : view.getInt32(at, true);
}

/** CMPS, or SCAS where `segment` is 0. Stops behind the first element that ends the repetition; sets its flags. */
export function compareBulk(
  cpu: Cpu,
  size: number,
  width: number,
  segment: number,
  count: number,
  stopsWhenEqual: boolean,
): number {
  const S = cpu.S;
  const bytes = size >> 3;
  const backwards = (S[EFLAGS] & FLAG_DF) !== 0;
  let from = -1;
  let elements = count;
  if (segment !== 0) {
    if (!address(cpu, RSI, segment, width, bytes, false)) return 0;
    from = ramOffset(cpu, at.lo, at.hi, TLB_READ);
    if (from < 0) return 0;
    elements = Math.min(elements, room(at.lo, bytes, backwards));
  }
  if (!address(cpu, RDI, SEG_ES, width, bytes, false)) return 0;
  const to = ramOffset(cpu, at.lo, at.hi, TLB_READ);
  if (to < 0) return 0;
  elements = Math.min(elements, room(at.lo, bytes, backwards));
  if (elements === 0) return 0;
  const { view } = cpu.memory.arena;
  const step = backwards ? -bytes : bytes;
  const done =
    segment !== 0
      ? search(view, size, from, to, step, elements, stopsWhenEqual)
      : searchFor(S, view, size, to, step, elements, stopsWhenEqual);
  const last = (done - 1) * step;
  const otherHi = size === 64 ? view.getInt32(to + last + 4, true) : 0;
  const other = low(view, to + last, size);
  if (segment === 0) compare(S, size, S[RAX], S[RAX + 1], other, otherHi);
  else {
    const hi = size === 64 ? view.getInt32(from + last + 4, true) : 0;
    compare(S, size, low(view, from + last, size), hi, other, otherHi);
    advance(S, RSI, width, done * step);
  }
  advance(S, RDI, width, done * step);
  return done;
}
