/**
 * What a debugger outside of the guest has set on all vCPUs: breakpoints and watchpoints at linear addresses. The guest's own debug
 * registers (system/debug.ts) know nothing of it, and work beside it.
 *
 * Nothing is tested while none is set, and little while some are:
 *
 * | what is set | what it changes |
 * |---|---|
 * | a breakpoint | `CodeLookup` keeps code of its page out of all caches, in blocks of one instruction, and looks here before each |
 * | a watchpoint | its pages stay out of the TLB, so that the MMU sees every access to them |
 *
 * An access to watched memory does not happen at first: it raises FAULT_DEBUG, and the engine runs the instruction again, alone, with
 * `isStepping` on. So the vCPU stops behind that instruction, as QEMU's does.
 */
import {
  ATTENTION,
  DELIVERING,
  FAULT,
  FAULT_DEBUG,
  MODE,
  MODE_CODE64,
  RIP_HI,
  RIP_LO,
  SEG_BASE_LO,
  SEG_CS,
} from './state.ts';

const PAGE_MASK = 0xfffff000 | 0;
const ADDRESS_MASK = (1n << 64n) - 1n;
/** Each costs a comparison in every access to a watched page. */
export const MAX_WATCHPOINTS = 64;
export const MAX_BREAKPOINTS = 4096;

export type WatchKind = 'read' | 'write' | 'access';

export interface Watchpoint {
  readonly kind: WatchKind;
  readonly address: bigint;
  /** At least 1; `address + length` is at most 2^64. */
  readonly length: bigint;
}

interface Watched {
  readonly watchpoint: Watchpoint;
  /** Its first and its last byte. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Linear addresses by their low words. */
class AddressSet {
  readonly #high = new Map<number, Set<number>>();

  add(lo: number, hi: number): void {
    const known = this.#high.get(lo);
    if (known === undefined) this.#high.set(lo, new Set([hi]));
    else known.add(hi);
  }

  has(lo: number, hi: number): boolean {
    return this.#high.get(lo)?.has(hi) === true;
  }

  clear(): void {
    this.#high.clear();
  }
}

export class Debugger {
  /** One instruction runs for the debugger: breakpoints do not count, and accesses to watched memory are made and noted. */
  isStepping = false;
  hasBreakpoints = false;
  hasWatchpoints = false;
  /** The watchpoint that stops the vCPU at the next boundary of instructions. */
  hit: Watchpoint | undefined = undefined;
  /** In the order in which they were set; an address may be there more than once. */
  readonly #breakpoints: bigint[] = [];
  readonly #addresses = new AddressSet();
  readonly #pages = new AddressSet();
  #watched: Watched[] = [];
  readonly #onChange: () => void;

  /** @param onChange forgets all translations of all vCPUs, of code and of data */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** False: there are too many. The same address can be set several times, and is then removed as often. */
  addBreakpoint(address: bigint): boolean {
    if (this.#breakpoints.length >= MAX_BREAKPOINTS) return false;
    this.#breakpoints.push(address);
    this.#index(address);
    this.hasBreakpoints = true;
    this.#onChange();
    return true;
  }

  /** False: there is none. */
  removeBreakpoint(address: bigint): boolean {
    const at = this.#breakpoints.indexOf(address);
    if (at < 0) return false;
    this.#breakpoints.splice(at, 1);
    this.#addresses.clear();
    this.#pages.clear();
    for (const left of this.#breakpoints) this.#index(left);
    this.hasBreakpoints = this.#breakpoints.length > 0;
    this.#onChange();
    return true;
  }

  /** False: there are too many. */
  addWatchpoint(watchpoint: Watchpoint): boolean {
    if (this.#watched.length >= MAX_WATCHPOINTS) return false;
    const { address, length } = watchpoint;
    this.#watched.push({ watchpoint, first: address, last: address + length - 1n });
    this.hasWatchpoints = true;
    this.#onChange();
    return true;
  }

  /** False: there is none with exactly this place and kind. */
  removeWatchpoint({ kind, address, length }: Watchpoint): boolean {
    const at = this.#watched.findIndex(({ watchpoint: known }) => {
      return known.kind === kind && known.address === address && known.length === length;
    });
    if (at < 0) return false;
    this.#watched.splice(at, 1);
    this.hasWatchpoints = this.#watched.length > 0;
    this.#onChange();
    return true;
  }

  removeAll(): void {
    if (!this.hasBreakpoints && !this.hasWatchpoints) return;
    this.#breakpoints.length = 0;
    this.#addresses.clear();
    this.#pages.clear();
    this.#watched = [];
    this.hasBreakpoints = false;
    this.hasWatchpoints = false;
    this.#onChange();
  }

  /** Calls `use`, whose accesses to memory are none of the guest's. */
  withoutWatchpoints(use: () => void): void {
    const { hasWatchpoints } = this;
    this.hasWatchpoints = false;
    use();
    this.hasWatchpoints = hasWatchpoints;
  }

  /** There is a breakpoint in the linear page of this address. */
  breaksInPage(lo: number, hi: number): boolean {
    return this.#pages.has(lo & PAGE_MASK, hi);
  }

  /** The vCPU with the words `S` stands on a breakpoint at which it has to stop. */
  breaksAt(S: Int32Array): boolean {
    if (this.isStepping) return false;
    const code64 = (S[MODE] & MODE_CODE64) !== 0;
    const lo = code64 ? S[RIP_LO] : (S[RIP_LO] + S[SEG_CS + SEG_BASE_LO]) | 0;
    return this.#addresses.has(lo, code64 ? S[RIP_HI] : 0);
  }

  /** A watchpoint lies in the page of this address: the page must stay out of the TLB. */
  watchesPage(lo: number, hi: number): boolean {
    const page = join(lo & PAGE_MASK, hi);
    return this.#watched.some(({ first, last }) => first <= page + 0xfffn && page <= last);
  }

  /**
   * The instruction is going to access `size` bytes at lo:hi. False: it must not yet, and FAULT_DEBUG was raised. What the delivery of an
   * interrupt or exception accesses cannot be begun again: it is noted at once.
   */
  permits(S: Int32Array, lo: number, hi: number, size: number, write: boolean): boolean {
    const watchpoint = this.#find(lo, hi, size, write);
    if (watchpoint === undefined) return true;
    if (!this.isStepping && S[DELIVERING] === 0) {
      if (S[FAULT] === 0) S[FAULT] = FAULT_DEBUG;
      return false;
    }
    this.hit ??= watchpoint;
    S[ATTENTION] = 1;
    return true;
  }

  /** The instruction asks whether it may write `size` bytes at lo:hi, and writes later. False: as with `permits`. */
  permitsProbe(S: Int32Array, lo: number, hi: number, size: number): boolean {
    if (this.isStepping || S[DELIVERING] !== 0) return true;
    return this.permits(S, lo, hi, size, true);
  }

  #index(address: bigint): void {
    const lo = Number(BigInt.asIntN(32, address));
    const hi = Number(BigInt.asIntN(32, address >> 32n));
    this.#addresses.add(lo, hi);
    this.#pages.add(lo & PAGE_MASK, hi);
  }

  #find(lo: number, hi: number, size: number, write: boolean): Watchpoint | undefined {
    const from = join(lo, hi);
    const to = from + BigInt(size - 1);
    const other: WatchKind = write ? 'read' : 'write';
    for (const { watchpoint, first, last } of this.#watched) {
      if (watchpoint.kind !== other && first <= to && from <= last) return watchpoint;
    }
    return undefined;
  }
}

function join(lo: number, hi: number): bigint {
  return ((BigInt(hi) << 32n) | BigInt(lo >>> 0)) & ADDRESS_MASK;
}
