import { expect, test } from 'vitest';
import { RECORD } from '../../src/emu/cpu/decode/instruction.ts';
import { groupsOf } from '../../src/emu/cpu/jit/path.ts';

/** Blocks by letter: each has so many instructions; capitals are in a region, those in `lost` were dropped. */
function follow(way: string, length: number, lost = ''): { blocks: string; stay: number }[] {
  const recordOf = (letter: string): number => letter.charCodeAt(0) * RECORD;
  const letterOf = (record: number): string => String.fromCharCode(record / RECORD);
  const cache = {
    C: new Int32Array(256 * RECORD),
    isLive: (record: number) => !lost.includes(letterOf(record)),
    crosses: (record: number) => letterOf(record) === 'z',
    lengthOf: () => length,
    isRegion: (record: number) => /[A-Z]/.test(letterOf(record)),
  };
  const path = [...way].map((letter) => ({ record: recordOf(letter), pageLo: 0, pageHi: 0 }));
  return groupsOf(cache, path).map(({ seeds, stay }) => {
    const letters = seeds.map(({ record }) => letterOf(record));
    return { blocks: letters.join(''), stay };
  });
}

test('a loop is one group, in which the guest stays', () => {
  expect(follow('abcabcabc', 10)).toEqual([{ blocks: 'abc', stay: 90 }]);
});

test('what does not fit in a region becomes two, the hotter one first', () => {
  const groups = follow('abcdefefefefef', 50);
  expect(groups[0]).toEqual({ blocks: 'efdc', stay: 600 });
  expect(groups.slice(1).map(({ blocks }) => [...blocks].sort().join(''))).toEqual(['ab']);
});

test('a block of a region begins none, and joins others', () => {
  expect(follow('AbAbAb', 10)).toEqual([{ blocks: 'bA', stay: 60 }]);
  expect(follow('AAA', 10)).toEqual([]);
});

test('blocks that were dropped, or lie in two pages, are left to the interpreter', () => {
  expect(follow('abzabz', 10).map(({ blocks }) => blocks)).toEqual(['ab']);
  expect(follow('abab', 10, 'b').map(({ blocks }) => blocks)).toEqual(['a']);
});
