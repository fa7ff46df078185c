/** What the generated interpreter works on and calls. */
export interface InterpreterEnvironment {
  /** The vCPU's state (state.ts), as words, bytes and half-words. */
  readonly S: Int32Array;
  readonly SU8: Uint8Array;
  readonly SU16: Uint16Array;
  readonly SF: Float32Array;
  readonly SD: Float64Array;
  /** Records, 8 words each: kind, six fields, position (see block-cache.ts). Record 0 is `exit`. */
  readonly C: Int32Array;
  readonly T: Int32Array;
  /** Guest RAM. */
  readonly M8: Uint8Array;
  readonly M16: Uint16Array;
  readonly M32: Int32Array;
  readonly MD: Float64Array;
  /** See jump-cache.ts. */
  readonly J: Int32Array;
  /** Results of wide arithmetic. */
  readonly X: Int32Array;
  /**
   * 8 or 16 bytes to or from the state's words at `at`; a fault changes nothing. And words from one place of the state to another. A low
   * double that comes in is the local that a compiled region has for it, NaN when the state has it; one that goes out is for such a local.
   */
  loadNumber(lo: number, hi: number, at: number): number;
  load128(lo: number, hi: number, at: number): number;
  storeNumber(lo: number, hi: number, at: number, low: number): void;
  storeNumbers(lo: number, hi: number, at: number, low: number): void;
  copyBits(to: number, from: number, count: number, low: number): number;
  load8(lo: number, hi: number): number;
  load16(lo: number, hi: number): number;
  load32(lo: number, hi: number): number;
  load64(lo: number, hi: number): number;
  loadw8(lo: number, hi: number): number;
  loadw16(lo: number, hi: number): number;
  loadw32(lo: number, hi: number): number;
  loadw64(lo: number, hi: number): number;
  store8(lo: number, hi: number, value: number): void;
  store16(lo: number, hi: number, value: number): void;
  store32(lo: number, hi: number, value: number): void;
  store64(lo: number, hi: number, value: number, valueHi: number): void;
  raise(vector: number, error?: number): void;
  /**
   * Leaves at record `p`, usually with a fault: answers the record to go on at, 0: there is none that the interpreter could
   * know. So do all that answer a record.
   */
  leave(p: number): number;
  /** The budget is used up: leaves with RIP at an offset from the page's start. */
  pause(offset: number): number;
  /** Goes to an offset from the page's start; the record that is found is linked in word `slot`. */
  branch(offset: number, slot: number): number;
  /** Goes to an address in the code segment. */
  jump(lo: number, hi: number): number;
  stale(p: number): number;
  /** Runs the compiled region that record `p` leads into; -q: the first record of a block, q, must be interpreted. */
  region(p: number): number;
  helper(p: number): number;
  helperRepeat(p: number): number;
  helperEnd(p: number): number;
  x87op(p: number): number;
  /** #NM or #MF: nonzero when it was raised. */
  fpuCheck(): number;
  /** What fpu/operations.ts does; flags are 0 or 1, `how` as the records of semantics/x87.ts have it. */
  fpuPush(kind: number, lo: number, hi: number): void;
  fpuOperand(operation: number, kind: number, lo: number, hi: number): void;
  fpuBeginStore(kind: number, how: number): number;
  fpuEndStore(outcome: number, how: number): void;
  fpuControl(value: number): void;
  fpuStack(operation: number, to: number, from: number, pops: number): void;
  fpuCompare(i: number, quiet: number, pops: number): void;
  fpuOrder(i: number, quiet: number, pops: number): number;
  fpuDuplicate(i: number): void;
  fpuExchange(i: number): void;
  fpuCopy(i: number, pops: number): void;
  fpuFunction(modrm: number): void;
  sse(p: number): number;
  /** The same of a record with low doubles in locals. */
  sseNumber(p: number, x: number, y: number): number;
  /** A comparison that sets flags: a number that compares with 0 as the operands do, or NaN. */
  sseOrder(p: number, x: number, y: number): number;
  sseCheck(p: number): number;
  sseLoad(p: number): number;
  sseStore(p: number): number;
  /** CF, PF, AF, ZF, SF and OF at their places in EFLAGS. */
  arithFlags(): number;
  mulhu(a: number, b: number): number;
  mulhs(a: number, b: number): number;
  mul128u(al: number, ah: number, bl: number, bh: number): void;
  mul128s(al: number, ah: number, bl: number, bh: number): void;
  div64u(lo: number, hi: number, d: number): number;
  div64s(lo: number, hi: number, d: number): number;
  div128u(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): number;
  div128s(w0: number, w1: number, w2: number, w3: number, dl: number, dh: number): number;
  popcount(word: number): number;
  crc32c(crc: number, value: number, bytes: number): number;
  pdep32(value: number, mask: number): number;
  pext32(value: number, mask: number): number;
  pdep64(lo: number, hi: number, maskLo: number, maskHi: number): void;
  pext64(lo: number, hi: number, maskLo: number, maskHi: number): void;
  /** The number when it is zero or normal, else NaN. */
  ordinary(x: number): number;
  exactAdd(x: number, y: number, z: number): boolean;
  exactMul(x: number, y: number, z: number): boolean;
}
