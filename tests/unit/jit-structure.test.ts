import { describe, expect, it } from 'vitest';
import { createLandings, enterLandings } from '../../src/emu/cpu/jit/landings.ts';
import { Structure } from '../../src/emu/cpu/jit/structure.ts';
import { Random } from '../support/fpu-vectors.ts';

const BLOCKS = 12;
const STEPS = 60;
const CASES = 400;

/** For each block: where its two ways lead. */
type Graph = readonly (readonly [number, number])[];

/** The way through the graph as the text goes it: at each step one of two ways, by the bits of `choices`. */
function compile(graph: Graph): (start: number, choices: number[]) => number[] {
  const back = graph.flatMap((ways, from) =>
    ways.filter((to) => to <= from).map((to) => [from, to] as const),
  );
  const structure = new Structure(graph.length, back);
  const go = (from: number, to: number): string => {
    if (to <= from) return structure.backwards(to);
    return structure.forwards(from, to);
  };
  const blocks = graph.map(
    ([one, two], n) =>
      `seen.push(${n});if(seen.length>${STEPS})return seen;` +
      `if(choices[seen.length]===1){${go(n, one)}}${two === n + 1 ? '' : go(n, two)}`,
  );
  const text = `const seen=[];let $i=0;X:for(;;){${structure.text(blocks)}}`;
  return new Function('$b', 'choices', text) as (start: number, choices: number[]) => number[];
}

function walk(graph: Graph, start: number, choices: readonly number[]): number[] {
  const seen: number[] = [];
  for (let at = start; ; ) {
    seen.push(at);
    if (seen.length > STEPS) return seen;
    at = (graph[at] ?? [0, 0])[choices[seen.length] === 1 ? 0 : 1];
  }
}

describe('the structure of a region', () => {
  it('goes the same way as the blocks, from every block', () => {
    const random = new Random(5);
    for (let n = 0; n < CASES; n++) {
      const count = 1 + random.below(BLOCKS);
      const graph = Array.from({ length: count }, (_, block) => {
        const two = block + 1 < count && random.below(3) > 0 ? block + 1 : random.below(count);
        return [random.below(count), two] as const;
      });
      const run = compile(graph);
      const choices = Array.from({ length: STEPS + 1 }, () => random.below(2));
      for (let start = 0; start < count; start++) {
        expect(run(start, choices), JSON.stringify(graph)).toEqual(walk(graph, start, choices));
      }
    }
  });
});

describe('landings', () => {
  it('finds the blocks of a region, and no others', () => {
    const random = new Random(7);
    const D = createLandings();
    for (let region = 0; region < 100; region++) {
      const keys = [...new Set(Array.from({ length: 1 + random.below(60) }, () => random.below(1 << 20)))];
      const text = enterLandings(D, region, keys);
      expect(text).toBeDefined();
      const find = new Function('D', 'k', `return ${text?.('k')}`) as (D: Int32Array, k: number) => number;
      const others = Array.from({ length: 500 }, () => random.below(1 << 20));
      for (const key of [...keys, ...others]) {
        const block = find(D, key);
        expect((block & -64) === 0 ? block : -1).toBe(keys.indexOf(key));
      }
    }
  });
});
