/** Which blocks are compiled together: those of one page that direct jumps reach from a hot one. */
import { RECORD } from '../decode/instruction.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import { SEMANTICS } from '../semantics/table.ts';
import { MODE_CODE32, MODE_CODE64, MODE_FLAT } from '../state.ts';

const PAGE = 4096;
const FLAT32 = MODE_CODE32 | MODE_FLAT;
/** Instructions: beyond this V8 optimises late or never (docs/engine.md). */
const MAX_INSTRUCTIONS = 150;
const MAX_BLOCKS = 48;

export interface RegionBlock {
  /** First record and the word after the last one. */
  readonly record: number;
  readonly end: number;
  /** Offsets in the page of the first instruction, of a direct branch's target, and of what follows; -1: none. */
  readonly offset: number;
  readonly target: number;
  readonly next: number;
  /** Its last record goes to an address: a return, an indirect jump or call. */
  readonly indirect: boolean;
}

export interface Region {
  readonly gpa: number;
  readonly mode: number;
  /**
   * The smallest budget with which a way from one jump backwards to the next may be begun: it then runs out with the last
   * block of that way at the earliest, where it is looked at.
   */
  readonly reserve: number;
  readonly blocks: readonly RegionBlock[];
}

const INDIRECT = /^(ret|jmp|call)(32|64)(_r)?$/;

/** What the last record of a block may do: which of its two ways are direct. */
export function waysOf(name: string): { target: boolean; next: boolean } {
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
  const ways = waysOf(SEMANTICS[cache.kindAt(last)].name);
  return {
    record,
    end,
    offset: C[record - RECORD] & (PAGE - 1),
    target: ways.target ? C[last + 3] : -1,
    next: ways.next ? C[last + 4] : -1,
    indirect: INDIRECT.test(SEMANTICS[cache.kindAt(last)].name),
  };
}

function count(cache: BlockCache, { end }: RegionBlock): number {
  return (cache.C[end - 1] >>> 20) + 1;
}

/** The region around the block at `record`, in the order of addresses; undefined when it may not be compiled. */
export function findRegion(cache: BlockCache, record: number): Region | undefined {
  const { C } = cache;
  if (!cache.isLive(record) || cache.crosses(record) || cache.isNearlyFull()) return undefined;
  const gpa = C[record - RECORD];
  const mode = C[record - RECORD + 1];
  // Elsewhere the next address may wrap, or lie outside of the code segment.
  if ((mode & MODE_CODE64) === 0 && (mode & FLAT32) !== FLAT32) return undefined;
  const page = gpa - (gpa & (PAGE - 1));
  const found = new Map<number, RegionBlock>();
  const queue: RegionBlock[] = [blockAt(cache, record)];
  let instructions = 0;
  while (queue.length > 0 && found.size < MAX_BLOCKS) {
    const block = queue.shift();
    if (block === undefined || found.has(block.offset)) continue;
    const length = count(cache, block);
    if (instructions + length > MAX_INSTRUCTIONS && found.size > 0) continue;
    instructions += length;
    found.set(block.offset, block);
    for (const way of [block.next, block.target]) {
      if (way < 0 || way >= PAGE || found.has(way)) continue;
      const successor = cache.find(page + way, mode, -1);
      if (successor > 0 && !cache.crosses(successor)) queue.push(blockAt(cache, successor));
    }
  }
  const start = found.get(gpa & (PAGE - 1));
  const loop = start === undefined ? [] : cycleThrough(start, found);
  if (loop.length === 0) return undefined;
  const blocks = loop.sort((a, b) => a.offset - b.offset);
  const all = blocks.reduce((sum, block) => sum + count(cache, block), 0);
  return { gpa: page, mode, reserve: all - 1, blocks };
}

/** The blocks that lie on a way from `start` back to it: entering and leaving compiled code pays only for loops. */
function cycleThrough(start: RegionBlock, found: ReadonlyMap<number, RegionBlock>): RegionBlock[] {
  // An address may be that of any block.
  const all = [...found.values()];
  const successors = (block: RegionBlock): RegionBlock[] =>
    block.indirect ? all : [block.next, block.target].flatMap((way) => found.get(way) ?? []);
  const predecessors = new Map<RegionBlock, RegionBlock[]>();
  for (const block of found.values()) {
    for (const successor of successors(block)) {
      predecessors.set(successor, [...(predecessors.get(successor) ?? []), block]);
    }
  }
  const reach = (ways: (block: RegionBlock) => readonly RegionBlock[]): Set<RegionBlock> => {
    const seen = new Set<RegionBlock>();
    const queue = [...ways(start)];
    for (let block = queue.pop(); block !== undefined; block = queue.pop()) {
      if (seen.has(block)) continue;
      seen.add(block);
      queue.push(...ways(block));
    }
    return seen;
  };
  const forwards = reach(successors);
  if (!forwards.has(start)) return [];
  const backwards = reach((block) => predecessors.get(block) ?? []);
  return [...forwards].filter((block) => backwards.has(block));
}
