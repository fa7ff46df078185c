/**
 * How the semantics table asks for text. The interpreter's generator answers with array accesses, the region compiler
 * with locals; the table itself knows neither.
 *
 * Scratch names that table text may use freely: a b r (32-bit words), al ah bl bh rl rh (64-bit pairs), lo hi (linear
 * address), v vh (a loaded value), n c j q (counts, carries, indices). All hold int32. w x y z hold doubles.
 */
/** All scratch names. */
export const SCRATCH = [
  'a',
  'b',
  'r',
  'al',
  'ah',
  'bl',
  'bh',
  'rl',
  'rh',
  'lo',
  'hi',
  'v',
  'vh',
  'n',
  'c',
  'j',
  'q',
  'w',
  'x',
  'y',
  'z',
];

export type Width = 8 | 16 | 32 | 64;

export interface Emitter {
  /** Field `n` of the record. */
  field(n: number): string;
  /** Offset of the instruction in its page. */
  offset(): string;
  /** Value of field `n` where the text is for one record only. */
  constant(n: number): number | undefined;
  /** Low word of the register that field `n` names; may be assigned to. */
  lo(n: number): string;
  hi(n: number): string;
  /** Registers narrower than a word, zero-extended. Field `n` then is a byte or half-word index. */
  get8(n: number): string;
  set8(n: number, value: string): string;
  get16(n: number): string;
  set16(n: number, value: string): string;
  /** Word `k` of the vector register (or SSE temporary) that field `n` names, and its double `k`; may be assigned to. */
  vector(n: number, k: number): string;
  double(n: number, k: number): string;
  /**
   * Register `n`'s low double may be in a local, when it is zero or normal; else the local is a NaN, and the state has the bits.
   * `checked`: there is such a local; `known`: its text, or NaN where there is none.
   */
  checked(n: number): boolean;
  known(n: number): string;
  /** The same as floats; and the word whose number is an expression. */
  single(n: number, k: number): string;
  element(n: number, index: string): string;
  /** x (and y, where `count` is 2) = the doubles at lo:hi, where they are aligned and in RAM that the TLB has; else x is unchanged. */
  loadDoubles(count: 1 | 2): string;
  /** An `if` without its `else`: stores x (and y) likewise, when they are no NaNs. */
  storeDoubles(count: 1 | 2): string;
  /** Calls the environment's `name` for this record. */
  recordCall(name: string, ...more: readonly string[]): string;
  /** Around a `recordCall` whose function reads or writes general registers or flags. */
  spill(): string;
  reload(): string;
  /** Words of a fixed register (RSP, RCX…) by its index in the state. */
  word(index: number): string;
  /** Loads from linear address lo:hi into v (zero-extended; 64-bit: v and vh); leaves the instruction on a fault. */
  load(width: Width): string;
  /** As load, but faults as the following store to the same address would. */
  loadForWrite(width: Width): string;
  /** Stores to linear address lo:hi; leaves the instruction on a fault. */
  store(width: Width, value: string, valueHi?: string): string;
  /** Leaves the block: a fault was raised, nothing of this instruction has happened. */
  leave(): string;
  /** Raises exception `vector` (with error code 0 where `error`) and leaves. */
  raise(vector: number, error?: boolean): string;
  /** Goes on at record `next`. */
  goto(next: string): string;
  /** A condition both ways of which compute something: compiled code goes both in practice. */
  either(condition: string): string;
  /** The same within the condition, or behind one way, of another one. */
  inner(condition: string): string;
  /** One of which only its truth does. */
  mostly(condition: string): string;
  /** Ends a block: counts it and goes to the target (`slot` 1) or to the next instruction (`slot` 2). See control.ts. */
  follow(slot: 1 | 2): string;
  /** Ends a block: counts it and goes to address v, vh; with `note` keeps that in fields 1 and 2. */
  goAddress(note?: boolean): string;
  /** False: nobody can see the flags that this record sets, so their text may be left out. */
  readonly flagsLive: boolean;
  /** Text that keeps the operands of an addition or subtraction, for flags that may be set later; undefined: now. */
  deferFlags(width: Width, kind: 'add' | 'sub'): string | undefined;
  /** Condition code as JavaScript when it can be told without the lazy flags, else undefined. */
  condition(code: number): string | undefined;
}

/** What a record does to the flags; `partly`: sets some and keeps others. */
export type FlagEffect = 'sets' | 'partly' | 'reads' | 'leaves' | 'observes' | 'none';

/** One kind of record: its name and the text of what it does. */
export interface Semantic {
  readonly name: string;
  readonly emit: (e: Emitter) => string;
  /** The text ends with its own `goto` on every path. */
  readonly transfers?: boolean;
  /** Absent: flag-liveness.ts knows it by the name. */
  readonly flags?: FlagEffect;
}
