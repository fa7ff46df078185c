/** Which blocks are compiled together: those that a hot one reaches by branches, calls and returns, in any page. */
import type { RamOffset } from '../../memory/addresses.ts';
import { RECORD } from '../decode/instruction.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import { SEMANTICS } from '../semantics/table.ts';
import { MODE_CODE32, MODE_CODE64, MODE_FLAT } from '../state.ts';

const PAGE = 4096;
const FLAT32 = MODE_CODE32 | MODE_FLAT;
/** Instructions of 64-bit code, and of 32-bit code: beyond this V8 optimises late or never (docs/engine.md). */
const MAX_INSTRUCTIONS = 160;
const MAX_INSTRUCTIONS32 = 220;
const MAX_BLOCKS = 62;
/** Instructions of a region without a loop. */
const MIN_STRAIGHT = 12;

export interface RegionBlock {
  /** First record and the word after the last one. */
  readonly record: number;
  readonly end: number;
  /** Guest-physical address of its page. */
  readonly page: number;
  /** Offsets in the page of the first instruction, of a direct branch's target, and of what follows; beyond 32 bits: none. */
  readonly offset: number;
  readonly target: number;
  readonly next: number;
  /** Its last record goes to an address: a return, an indirect jump or call. */
  readonly indirect: boolean;
}

export interface Region {
  readonly mode: number;
  /**
   * The smallest budget with which a way from one jump backwards to the next may be begun: it then runs out with the last
   * block of that way at the earliest, where it is looked at.
   */
  readonly reserve: number;
  readonly blocks: readonly RegionBlock[];
  readonly hasLoop: boolean;
}

/** A block to begin with, and the address of its page. */
export interface Seed {
  readonly record: number;
  readonly pageLo: number;
  readonly pageHi: number;
}

/** The record that the code at an address was decoded to, as far as that is known without a page walk; else 0. */
export type Resolver = (lo: number, hi: number) => number;

/** No offset: those are 32-bit integers. */
const NONE = 2 ** 40;
const INDIRECT = /^(ret|jmp|call)(32|64)(_r)?$/;

/** Instructions of a region in this mode. */
export function roomOf(mode: number): number {
  return (mode & MODE_CODE64) !== 0 ? MAX_INSTRUCTIONS : MAX_INSTRUCTIONS32;
}

/** What the last record of a block may do: which of its two ways are direct. */
function waysOf(name: string): { target: boolean; next: boolean } {
  if (name === 'jmp' || name.startsWith('call64_rel') || name.startsWith('call32_rel')) {
    // What a call goes on with is where its return lands.
    return { target: true, next: name !== 'jmp' };
  }
  if (/^call/.test(name)) return { target: false, next: true };
  if (/^(jcc|loop|jcxz)/.test(name)) return { target: true, next: true };
  return { target: false, next: false };
}

function blockAt(cache: BlockCache, record: number): RegionBlock {
  const { C } = cache;
  const end = C[record - RECORD + 2];
  const last = end - RECORD;
  const { name } = SEMANTICS[cache.kindAt(last)];
  const ways = waysOf(name);
  const start = C[record - RECORD];
  return {
    record,
    end,
    page: start - (start & (PAGE - 1)),
    offset: start & (PAGE - 1),
    target: ways.target ? C[last + 3] : NONE,
    next: ways.next ? C[last + 4] : NONE,
    indirect: INDIRECT.test(name),
  };
}

interface Found {
  readonly block: RegionBlock;
  readonly successors: number[];
}

/** Follows the ways from the seeds, nearest first. */
function reachable(
  cache: BlockCache,
  seeds: readonly Seed[],
  resolve: Resolver,
  decode: boolean,
): Map<number, Found> {
  const mode = cache.C[seeds[0].record - RECORD + 1];
  const most = roomOf(mode);
  const found = new Map<number, Found>();
  const queue: Seed[] = [...seeds];
  const returns: number[] = [];
  let instructions = 0;
  for (let seed = queue.shift(); seed !== undefined && found.size < MAX_BLOCKS; seed = queue.shift()) {
    if (found.has(seed.record) || !isCompilable(cache, seed.record, mode)) continue;
    const block = blockAt(cache, seed.record);
    const length = cache.lengthOf(block.record);
    if (instructions + length > most && found.size > 0) continue;
    instructions += length;
    const successors: number[] = [];
    found.set(seed.record, { block, successors });
    const { pageLo, pageHi } = seed;
    for (const way of [block.next, block.target]) {
      if (way === NONE) continue;
      const inPage = way >= 0 && way < PAGE;
      const lo = (pageLo + way) | 0;
      const hi = (pageHi + (way >> 31) + (lo >>> 0 < way >>> 0 ? 1 : 0)) | 0;
      const record = inPage
        ? decode
          ? cache.find((block.page + way) as RamOffset, mode, -1)
          : cache.peek((block.page + way) as RamOffset, mode)
        : resolve(lo, (mode & MODE_CODE64) !== 0 ? hi : 0);
      if (record <= 0 || !isCompilable(cache, record, mode)) continue;
      successors.push(record);
      queue.push(inPage ? { record, pageLo, pageHi } : { record, pageLo: lo & -PAGE, pageHi: hi });
    }
    const last = block.end - RECORD;
    if (block.indirect && cache.C[last + 1] !== 0) {
      // Where it went when it was last seen.
      const [lo, hi] = [cache.C[last + 1], cache.C[last + 2]];
      const record = resolve(lo, hi);
      if (isCompilable(cache, record, mode)) {
        successors.push(record);
        queue.push({ record, pageLo: lo & -PAGE, pageHi: hi });
      }
    }
    if (block.indirect && !isReturn(cache, block)) successors.push(...seeds.map(({ record }) => record));
    if (isCall(cache, block) && successors.length > 0) returns.push(successors[0]);
  }
  for (const { block, successors } of found.values()) {
    if (isReturn(cache, block)) successors.push(...returns);
  }
  return found;
}

function lastName(cache: BlockCache, { end }: RegionBlock): string {
  return SEMANTICS[cache.kindAt(end - RECORD)].name;
}

function isCall(cache: BlockCache, block: RegionBlock): boolean {
  return lastName(cache, block).startsWith('call');
}

function isReturn(cache: BlockCache, block: RegionBlock): boolean {
  return lastName(cache, block).startsWith('ret');
}

/** Its one page is enough to know it, and it was not dropped. */
function isCompilable(cache: BlockCache, record: number, mode: number): boolean {
  return (
    record > 0 && cache.isLive(record) && !cache.crosses(record) && cache.C[record - RECORD + 1] === mode
  );
}

/**
 * The region of the blocks of `seeds`, of which the first is the hot one, and those that lie on a way back to it, page by page in
 * the order of addresses; undefined when it may not be compiled. Of a single block that leads nowhere back, all that it reaches.
 */
export function findRegion(cache: BlockCache, seeds: readonly Seed[], resolve: Resolver): Region | undefined {
  const [{ record }] = seeds;
  const mode = cache.C[record - RECORD + 1];
  if (!isCompilable(cache, record, mode) || cache.isNearlyFull()) return undefined;
  // Elsewhere the next address may wrap, or lie outside of the code segment.
  if ((mode & MODE_CODE64) === 0 && (mode & FLAT32) !== FLAT32) return undefined;
  let found = reachable(cache, seeds, resolve, false);
  let cycle = cycleThrough(record, found);
  if (cycle.size === 0 && seeds.length === 1) {
    // What was never run may be decoded now.
    const more = reachable(cache, seeds, resolve, true);
    cycle = cycleThrough(record, more);
    if (cycle.size > 0) found = more;
  }
  const hasLoop = cycle.size > 0;
  const isAll = !hasLoop && seeds.length === 1;
  for (const seed of seeds) cycle.add(seed.record);
  const chosen = [...found].flatMap(([at, { block }]) => (isAll || cycle.has(at) ? [block] : []));
  const pages = new Map<number, number>();
  for (const { page } of chosen) if (!pages.has(page)) pages.set(page, pages.size);
  const place = ({ page, offset }: RegionBlock): number => (pages.get(page) ?? 0) * PAGE + offset;
  const blocks = chosen.sort((a, b) => place(a) - place(b));
  const all = blocks.reduce((sum, block) => sum + cache.lengthOf(block.record), 0);
  if (!hasLoop && all < MIN_STRAIGHT) return undefined;
  return { mode, reserve: all - 1, blocks, hasLoop };
}

/** First records of the blocks that lie on a way from `start` back to it. */
function cycleThrough(start: number, found: ReadonlyMap<number, Found>): Set<number> {
  const predecessors = new Map<number, number[]>();
  for (const [record, { successors }] of found) {
    for (const to of successors) {
      const known = predecessors.get(to);
      if (known === undefined) predecessors.set(to, [record]);
      else known.push(record);
    }
  }
  const reach = (ways: (record: number) => readonly number[]): Set<number> => {
    const seen = new Set<number>();
    const queue = [...ways(start)];
    for (let record = queue.pop(); record !== undefined; record = queue.pop()) {
      if (seen.has(record)) continue;
      seen.add(record);
      queue.push(...ways(record));
    }
    return seen;
  };
  const forwards = reach((record) => found.get(record)?.successors ?? []);
  if (!forwards.has(start)) return new Set();
  const backwards = reach((record) => predecessors.get(record) ?? []);
  return new Set([...forwards].filter((record) => backwards.has(record)));
}
