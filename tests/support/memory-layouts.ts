/** Random layouts of guest memory, and what is done to it, as small values that fast-check can shrink. */
import fc from 'fast-check';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import { GPA_END, PAGE_SIZE } from '../../src/emu/memory/guest-memory.ts';
import type { Region } from '../../src/emu/memory/region.ts';
import type { Range } from './layout-rig.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** More than any access reaches beyond a region. */
const MARGIN = 2 * MIB;

/** Where layouts start. Several starts get the same regions: addresses with the same low bits must not be taken for each other. */
const STARTS: readonly (readonly number[])[] = [
  [2 * MIB, 4 * GIB + 2 * MIB],
  [3 * GIB - 4 * MIB, 7 * GIB - 4 * MIB],
  [4 * GIB - 3 * MIB],
  [0x40_0000, GPA_END - 16 * MIB],
  [2 ** 36 - 3 * MIB, 2 ** 32 + 2 ** 36 - 3 * MIB],
];

export interface Layout {
  readonly starts: readonly number[];
  readonly skipPages: number;
  readonly parts: readonly {
    readonly gapPages: number;
    readonly pages: number;
    readonly readOnly: boolean;
  }[];
  /** 2 MiB pages, else 4 KiB ones. */
  readonly large: boolean;
}

export const layoutArbitrary: fc.Arbitrary<Layout> = fc.record({
  starts: fc.constantFrom(...STARTS),
  skipPages: fc.constantFrom(0, 0, 0, 1, 254, 255),
  parts: fc.array(
    fc.record({
      gapPages: fc.constantFrom(0, 0, 0, 1, 2, 255),
      pages: fc.constantFrom(1, 2, 3, 254, 256, 256, 257, 257),
      readOnly: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  large: fc.boolean(),
});

/** What a layout asks of memory. */
export function regionsOf({ starts, skipPages, parts }: Layout): (readonly [number, number, boolean])[] {
  return starts.flatMap((start) => {
    let at = start + skipPages * PAGE_SIZE;
    return parts.map(({ gapPages, pages, readOnly }) => {
      const gpa = at + gapPages * PAGE_SIZE;
      at = gpa + pages * PAGE_SIZE;
      return [gpa, pages * PAGE_SIZE, readOnly] as const;
    });
  });
}

/** The addresses that may be reached for. */
export function rangesOf(layout: Layout): Range[] {
  const regions = regionsOf(layout);
  return layout.starts.map((start) => {
    const own = regions.filter(([gpa]) => gpa >= start && gpa < start + 16 * MIB);
    const end = Math.max(...own.map(([gpa, size]) => gpa + size)) + MARGIN;
    return { start: Math.max(start - MARGIN, 0), end: Math.min(end, GPA_END) };
  });
}

/** Where something may go wrong: ends of regions, borders of chunks inside them, and a border of pages. */
export function edgesOf(regions: readonly Region[]): number[] {
  return regions.flatMap(({ gpa, end }) => {
    const edges = [gpa, end, gpa + PAGE_SIZE];
    const first = Math.floor(gpa / CHUNK_SIZE + 1) * CHUNK_SIZE;
    for (let border = first; border < end; border += CHUNK_SIZE) edges.push(border);
    return edges;
  });
}

/** A place near an edge; `at` makes an address of it. */
export interface Place {
  readonly edge: number;
  readonly delta: number;
  /** By the alias of all memory. */
  readonly alias: boolean;
}

const place: fc.Arbitrary<Place> = fc.record({
  edge: fc.nat(63),
  delta: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -18, max: 4 }) },
    fc.integer({ min: -PAGE_SIZE - 20, max: PAGE_SIZE + 20 }),
  ),
  alias: fc.boolean(),
});

const word = fc.integer({ min: 0, max: 0xffffffff });

export type Step =
  | {
      readonly kind: 'load' | 'store' | 'add' | 'number';
      readonly log: number;
      readonly at: Place;
      readonly value: number;
    }
  | {
      readonly kind: 'string';
      readonly name: 'movs' | 'stos' | 'lods' | 'scas' | 'cmps';
      readonly log: number;
      readonly repeat: 'once' | 'rep' | 'repne';
      readonly backwards: boolean;
      readonly from: Place;
      readonly to: Place;
      readonly count: number;
      readonly value: number;
    }
  | {
      readonly kind: 'dma';
      readonly what: 'read' | 'write' | 'fill' | 'clear' | 'pieces' | 'number' | 'release';
      readonly at: Place;
      readonly length: number;
      readonly value: number;
    }
  | {
      readonly kind: 'code';
      readonly writer: 'itself' | 'string' | 'dma' | 'device' | 'release';
      /** Bytes of the program before the edge. */
      readonly before: number;
      readonly at: Place;
      readonly alias: boolean;
      /** Which byte of the number in it is written, and what. */
      readonly byte: number;
      readonly value: number;
    };

const length = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 * PAGE_SIZE }));

export const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('load', 'store', 'add', 'number'),
      log: fc.integer({ min: 0, max: 4 }),
      at: place,
      value: word,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('string'),
      name: fc.constantFrom('movs', 'movs', 'stos', 'lods', 'scas', 'cmps'),
      log: fc.integer({ min: 0, max: 3 }),
      repeat: fc.constantFrom('once', 'rep', 'rep', 'repne'),
      backwards: fc.boolean(),
      from: place,
      to: place,
      count: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 700 })),
      value: fc.constantFrom(0, 0, 0x01010101, 0x12345678),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('dma'),
      what: fc.constantFrom('read', 'write', 'fill', 'clear', 'pieces', 'number', 'release'),
      at: place,
      length,
      value: word,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('code'),
      writer: fc.constantFrom('itself', 'string', 'dma', 'device', 'release'),
      before: fc.integer({ min: 0, max: 12 }),
      at: place,
      alias: fc.boolean(),
      byte: fc.integer({ min: 0, max: 3 }),
      value: fc.integer({ min: 0, max: 255 }),
    }),
  },
);
