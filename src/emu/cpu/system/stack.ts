/** A stack being pushed to or popped from before anything is decided: RSP changes only by `commit`. */
import type { Cpu } from '../cpu.ts';
import { FAULT, LD_HI, RSP, SEG_ATTR, SEG_BASE_LO, SEG_LIMIT, SEG_SS, VEC_SS } from '../state.ts';
import { inSegment, stackWidth } from './segments.ts';

export class StackCursor {
  /** Stack pointer so far. */
  lo = 0;
  hi = 0;
  /** High word of the value popped last. */
  poppedHi = 0;
  /** Address bits: 16, 32 or 64. */
  width = 64;
  #base = 0;
  #attr = 0;
  #limit = 0;
  #error = 0;
  #supervisor = false;

  /** The current stack, with the current privilege; segment overruns are #SS(0). */
  begin(cpu: Cpu): void {
    const S = cpu.S;
    this.beginAt(
      stackWidth(S),
      S[RSP],
      S[RSP + 1],
      S[SEG_SS + SEG_ATTR],
      S[SEG_SS + SEG_LIMIT],
      S[SEG_SS + SEG_BASE_LO],
      0,
      false,
    );
  }

  /** Another stack; segment overruns are #SS(error). */
  beginAt(
    width: number,
    lo: number,
    hi: number,
    attr: number,
    limit: number,
    base: number,
    error: number,
    supervisor: boolean,
  ): void {
    this.width = width;
    this.lo = lo;
    this.hi = hi;
    this.#attr = attr;
    this.#limit = limit;
    this.#base = base;
    this.#error = error;
    this.#supervisor = supervisor;
  }

  /** `size` is 16, 32 or 64. False: a fault was raised. */
  push(cpu: Cpu, size: number, valueLo: number, valueHi: number): boolean {
    this.#move(-size >> 3);
    const at = this.#address(cpu, size);
    if (cpu.S[FAULT] !== 0) return false;
    const hi = this.width === 64 ? this.hi : 0;
    if (this.#supervisor) {
      if (size === 16) cpu.storeSystem16(at, hi, valueLo);
      else if (size === 32) cpu.storeSystem32(at, hi, valueLo);
      else cpu.storeSystem64(at, hi, valueLo, valueHi);
    } else if (size === 16) cpu.store16(at, hi, valueLo);
    else if (size === 32) cpu.store32(at, hi, valueLo);
    else cpu.store64(at, hi, valueLo, valueHi);
    return cpu.S[FAULT] === 0;
  }

  /** The low word; the high one goes to `poppedHi`. The caller tests S[FAULT]. */
  pop(cpu: Cpu, size: number): number {
    if (cpu.S[FAULT] !== 0) return 0;
    const at = this.#address(cpu, size);
    if (cpu.S[FAULT] !== 0) return 0;
    const hi = this.width === 64 ? this.hi : 0;
    let value = 0;
    this.poppedHi = 0;
    if (size === 16) value = cpu.load16(at, hi);
    else if (size === 32) value = cpu.load32(at, hi);
    else {
      value = cpu.load64(at, hi);
      this.poppedHi = cpu.S[LD_HI];
    }
    this.#move(size >> 3);
    return value;
  }

  /** Moves the stack pointer by `bytes` without an access. */
  skip(bytes: number): void {
    this.#move(bytes);
  }

  /** Faults when nothing could be pushed here (ENTER tests the end of its frame). */
  probe(cpu: Cpu): void {
    const at = this.#address(cpu, 16);
    if (cpu.S[FAULT] === 0) cpu.probeWrite(at, this.width === 64 ? this.hi : 0, 2);
  }

  /** Writes the stack pointer to RSP, ESP or SP. */
  commit(S: Int32Array): void {
    setStackPointer(S, this.width, this.lo, this.hi);
  }

  #move(bytes: number): void {
    const before = this.lo;
    this.lo = (before + bytes) | 0;
    if (this.width !== 64) return;
    if (bytes < 0) this.hi = (this.hi - (this.lo >>> 0 > before >>> 0 ? 1 : 0)) | 0;
    else this.hi = (this.hi + (this.lo >>> 0 < before >>> 0 ? 1 : 0)) | 0;
  }

  #address(cpu: Cpu, size: number): number {
    if (this.width === 64) return this.lo;
    const offset = this.width === 32 ? this.lo : this.lo & 0xffff;
    if (!inSegment(this.#attr, this.#limit, offset, size >> 3)) cpu.raise(VEC_SS, this.#error);
    return (this.#base + offset) | 0;
  }
}

/** Writes RSP, ESP or SP, by the stack's address width. */
export function setStackPointer(S: Int32Array, width: number, lo: number, hi: number): void {
  if (width === 16) S[RSP] = (S[RSP] & 0xffff0000) | (lo & 0xffff);
  else S[RSP] = lo;
  if (width === 64) S[RSP + 1] = hi;
  else if (width === 32) S[RSP + 1] = 0;
}
