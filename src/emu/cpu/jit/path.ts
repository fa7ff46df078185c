/** Cuts the way that the guest went, block by block, into groups that are worth a region each. */
import { RECORD } from '../decode/instruction.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import { roomOf, type Seed } from './region.ts';

/** What is asked about blocks. */
type Blocks = Pick<BlockCache, 'C' | 'isLive' | 'crosses' | 'lengthOf' | 'isRegion'>;

/** Blocks for one region. */
export interface Group {
  /** The hottest first. */
  readonly seeds: readonly Seed[];
  /** Instructions from an entry to the next way out, on average. */
  readonly stay: number;
}

interface Node {
  readonly seed: Seed;
  /** Instructions. */
  readonly length: number;
  readonly position: number;
  /** How often the guest came here. */
  count: number;
  /** How often it went from here to the block, and from the block to here. */
  readonly ways: Map<number, number>;
}

/**
 * Groups of blocks that follow each other on `path`, the most frequent ones first; each fits in a region. Only blocks that are
 * in no region yet begin one.
 */
export function groupsOf(cache: Blocks, path: readonly Seed[]): Group[] {
  const nodes = nodesOf(cache, path);
  const taken = new Set<number>();
  const starts = [...nodes.values()]
    .filter(({ seed }) => !cache.isRegion(seed.record))
    .sort((a, b) => b.count - a.count || a.position - b.position);
  return starts.flatMap((start) => {
    if (taken.has(start.seed.record)) return [];
    const seeds = groupAround(start, nodes, taken, cache);
    return [{ seeds, stay: stayIn(seeds, path, nodes) }];
  });
}

/** Instructions that were run in the group from an entry to the next way out, on average. */
function stayIn(seeds: readonly Seed[], path: readonly Seed[], nodes: ReadonlyMap<number, Node>): number {
  const records = new Set(seeds.map(({ record }) => record));
  let [instructions, entries, wasIn] = [0, 0, false];
  for (const { record } of path) {
    const isIn = records.has(record);
    if (isIn) instructions += nodes.get(record)?.length ?? 0;
    if (isIn && !wasIn) entries++;
    wasIn = isIn;
  }
  return instructions / entries;
}

function nodesOf(cache: Blocks, path: readonly Seed[]): Map<number, Node> {
  const nodes = new Map<number, Node>();
  let before: Node | undefined;
  for (const [position, seed] of path.entries()) {
    const { record } = seed;
    // A block in two pages is left to the interpreter.
    if (!cache.isLive(record) || cache.crosses(record)) {
      before = undefined;
      continue;
    }
    const known = nodes.get(record);
    const node = known ?? { seed, length: cache.lengthOf(record), position, count: 0, ways: new Map() };
    if (known === undefined) nodes.set(record, node);
    node.count++;
    if (before !== undefined) {
      count(before.ways, record);
      count(node.ways, before.seed.record);
    }
    before = node;
  }
  return nodes;
}

function count(ways: Map<number, number>, record: number): void {
  ways.set(record, (ways.get(record) ?? 0) + 1);
}

/** Takes the block that has most to do with those taken so far, as long as there is room. */
function groupAround(
  start: Node,
  nodes: ReadonlyMap<number, Node>,
  taken: Set<number>,
  cache: Blocks,
): Seed[] {
  const mode = cache.C[start.seed.record - RECORD + 1];
  const group: Seed[] = [];
  const near = new Map<number, number>();
  let room = roomOf(mode);
  for (let node: Node | undefined = start; node !== undefined; node = nearest(near, nodes)) {
    near.delete(node.seed.record);
    if (node.length > room && group.length > 0) continue;
    room -= node.length;
    group.push(node.seed);
    taken.add(node.seed.record);
    for (const [record, times] of node.ways) {
      if (taken.has(record) || cache.C[record - RECORD + 1] !== mode) continue;
      near.set(record, (near.get(record) ?? 0) + times);
    }
  }
  return group;
}

function nearest(near: ReadonlyMap<number, number>, nodes: ReadonlyMap<number, Node>): Node | undefined {
  let [best, most] = [0, 0];
  for (const [record, times] of near) if (times >= most) [best, most] = [record, times];
  return nodes.get(best);
}
