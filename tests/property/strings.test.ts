/** Repeated string instructions, which work on many elements at once, against the same instruction done one by one. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HELPERS, helperNumber } from '../../src/emu/cpu/helpers/helpers.ts';
import {
  CR0,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR2_LO,
  CR3_LO,
  CR4,
  CR4_PAE,
  EFER,
  EFER_LMA,
  EFLAGS,
  FAULT,
  FLAG_DF,
  NEXT_HI,
  NEXT_LO,
  RAX,
  RCX,
  RDI,
  RIP_LO,
  RSI,
  SEG_CS,
  SEG_DS,
  SEG_FS,
  ZERO,
} from '../../src/emu/cpu/state.ts';
import { ramDigest } from '../support/memory.ts';
import { VcpuRig } from '../support/vcpu-rig.ts';

const RUNS = Number(process.env['HOTSLOT_STRINGS_RUNS'] ?? 1500);
const SEED = Number(process.env['HOTSLOT_STRINGS_SEED'] ?? 20_261_121);
const P = 1;
const W = 2;
/** Linear pages FIRST to FIRST + PAGES − 1 are mapped to any of FRAMES frames, one frame often by several pages. */
const FIRST = 0x100;
const PAGES = 6;
const FRAME = 0x20;
/** Little, as each run has two new processors with RAM of their own. */
const MEMORY_BYTES = 1 << 20;
const FRAMES = 3;
const PAGE = 4096;
const ADDRESS_END = 1 << 23;

interface Situation {
  readonly name: 'movs' | 'stos' | 'cmps' | 'scas' | 'lods';
  readonly size: number;
  readonly repeat: 1 | 2;
  readonly backwards: boolean;
  /** 64-bit code with 64-bit addresses; 64-bit code with 32-bit addresses; 32-bit code. */
  readonly code: 'wide' | 'narrow' | 'legacy';
  /** The source is in FS, whose base is this. */
  readonly fsBase: number | undefined;
  /** Bytes from the start of the mapped pages. */
  readonly source: number;
  readonly target: number;
  readonly count: number;
  /** Per linear page: frame, and whether it is present and writable. */
  readonly mapping: readonly { readonly frame: number; readonly rights: number }[];
  readonly accumulator: number;
  /** Bytes that differ from those around them. */
  readonly odd: readonly number[];
}

/** The operands' pages, and how they are mapped. */
function fillMemory(rig: VcpuRig, { name, code, mapping, odd }: Situation): void {
  const wide = code !== 'legacy';
  if (wide) {
    rig.poke64(0x10000, 0x11000 | P | W, 0);
    rig.poke64(0x11000, 0x12000 | P | W, 0);
    rig.poke64(0x12000, 0x13000 | P | W, 0);
  } else rig.poke32(0x10000, 0x13000 | P | W);
  for (const [n, { frame, rights }] of mapping.entries()) {
    const entry = ((FRAME + frame) << 12) | rights;
    if (wide) rig.poke64(0x13000 + 8 * (FIRST + n), entry, 0);
    else rig.poke32(0x13000 + 4 * (FIRST + n), entry);
  }
  // Few bytes differ for comparisons, so that they go on; all for the rest.
  const frames = new Uint8Array(FRAMES << 12);
  const compares = name === 'cmps' || name === 'scas';
  if (!compares) for (const n of frames.keys()) frames[n] = (Math.imul(n, -1640531535) >>> 24) & 0xff;
  for (const [n, place] of odd.entries()) frames[place] = 1 + (n & 1);
  rig.memory.write(FRAME << 12, frames);
}

function rigFor(situation: Situation): VcpuRig {
  const { code, source, target, count, accumulator, backwards, fsBase = 0 } = situation;
  const rig = new VcpuRig(undefined, MEMORY_BYTES);
  const { S } = rig;
  rig.protectedMode(0);
  fillMemory(rig, situation);
  if (code !== 'legacy') {
    rig.setSegment(SEG_CS, 0x28, 0xa09b00, -1);
    S[EFER] = EFER_LMA;
    S[CR4] = CR4_PAE;
  }
  S[CR3_LO] = 0x10000;
  S[CR0] = CR0_PE | CR0_PG | CR0_WP;
  rig.setSegment(SEG_FS, 0x10, 0xc09300, -1, fsBase);
  if (backwards) S[EFLAGS] = (S[EFLAGS] ?? 0) | FLAG_DF;
  const si = FIRST * PAGE + source - fsBase;
  S.set([accumulator, 0], RAX);
  S.set([count, 0], RCX);
  S.set([si, code === 'wide' && si < 0 ? -1 : 0], RSI);
  S.set([FIRST * PAGE + target, 0], RDI);
  S[RIP_LO] = 0x1000;
  rig.cpu.updateMode();
  return rig;
}

function execute(rig: VcpuRig, { name, size, code, fsBase }: Situation, repeat: number): void {
  const segment = (fsBase === undefined ? SEG_DS : SEG_FS) >> 3;
  const form = (code === 'wide' ? 64 : 32) | (segment << 8);
  rig.S[NEXT_LO] = 0x1002;
  rig.S[NEXT_HI] = 0;
  HELPERS[helperNumber(name)]?.run(rig.cpu, size, 0, 0, repeat, form);
}

function atOnce(situation: Situation): VcpuRig {
  const rig = rigFor(situation);
  do execute(rig, situation, situation.repeat);
  while (rig.S[FAULT] === 0 && rig.S[NEXT_LO] === rig.S[RIP_LO]);
  return rig;
}

function oneByOne(situation: Situation): VcpuRig {
  const rig = rigFor(situation);
  const { S } = rig;
  const compares = situation.name === 'cmps' || situation.name === 'scas';
  while (S[RCX] !== 0) {
    execute(rig, situation, 0);
    if (S[FAULT] !== 0) break;
    S[RCX] = (S[RCX] ?? 0) - 1;
    const equal = (rig.cpu.readFlags() & 0x40) !== 0;
    if (compares && equal !== (situation.repeat === 1)) break;
  }
  return rig;
}

function seen(rig: VcpuRig): unknown {
  const { S, cpu } = rig;
  const registers = Array.from(S.subarray(RAX, ZERO), (word) => (word >>> 0).toString(16));
  return { registers, flags: cpu.readFlags(), fault: S[FAULT], cr2: S[CR2_LO] };
}

/** Starts of operands: often at the edges of pages, and near each other. */
const place = fc.oneof(
  fc.integer({ min: 0, max: PAGES * PAGE - 1 }),
  fc
    .tuple(fc.integer({ min: 0, max: PAGES }), fc.integer({ min: -20, max: 20 }))
    .map(([page, offset]) => Math.max(0, page * PAGE + offset)),
);

const places = fc.oneof(
  fc.tuple(place, place),
  fc.tuple(place, fc.integer({ min: -70, max: 70 })).map(([a, d]) => [a, Math.max(0, a + d)] as const),
);

const mapping = fc.array(
  fc.record({
    frame: fc.integer({ min: 0, max: FRAMES - 1 }),
    rights: fc.constantFrom(P | W, P | W, P | W, P | W, P, 0),
  }),
  { minLength: PAGES, maxLength: PAGES },
);

const situations: fc.Arbitrary<Situation> = fc
  .record({
    name: fc.constantFrom('movs', 'movs', 'stos', 'cmps', 'scas', 'lods'),
    size: fc.constantFrom(8, 16, 32, 64),
    repeat: fc.constantFrom(1, 2),
    backwards: fc.boolean(),
    code: fc.constantFrom('wide', 'narrow', 'legacy'),
    fsBase: fc.option(fc.constantFrom(0, PAGE, 12, ADDRESS_END, -PAGE), { freq: 3, nil: undefined }),
    places,
    count: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 * PAGE })),
    mapping,
    accumulator: fc.constantFrom(0, 1, 0x01000000, 0x12345678),
    odd: fc.array(fc.integer({ min: 0, max: FRAMES * PAGE - 1 }), { maxLength: 40 }),
  })
  .map(({ places: [source, target], size, code, ...rest }) => {
    return { ...rest, code, size: code === 'legacy' ? Math.min(size, 32) : size, source, target };
  });

test(
  'repeated string instructions leave what one by one leave',
  () => {
    fc.assert(
      fc.property(situations, (situation) => {
        const [fast, slow] = [atOnce(situation), oneByOne(situation)];
        expect(seen(fast)).toEqual(seen(slow));
        expect(ramDigest(fast.memory)).toBe(ramDigest(slow.memory));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  },
  RUNS * 100,
);
