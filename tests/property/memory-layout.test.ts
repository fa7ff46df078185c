/** Random layouts of guest memory: what the interpreter, compiled code and devices see of it is what a plain map of bytes says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import { RamImage } from '../../src/emu/memory/ram-image.ts';
import { LayoutPlayer } from '../support/layout-player.ts';
import { LayoutRig } from '../support/layout-rig.ts';
import {
  edgesOf,
  type Layout,
  layoutArbitrary,
  rangesOf,
  regionsOf,
  type Step,
  stepArbitrary,
} from '../support/memory-layouts.ts';
import { MemoryModel } from '../support/memory-model.ts';

const RUNS = Number(process.env['HOTSLOT_LAYOUT_RUNS'] ?? 25);
const SEED = Number(process.env['HOTSLOT_LAYOUT_SEED'] ?? 20_261_129);
const MINUTES = 60_000;
const MIB = 2 ** 20;
/** Instructions that compiled code must have run on average, for this test to mean anything. */
const COMPILED_MIN = 400;

function play(rig: LayoutRig, player: LayoutPlayer, layout: Layout, steps: readonly Step[]): void {
  const ranges = rangesOf(layout);
  const regions = rig.layOut(regionsOf(layout), ranges, layout.large);
  const model = new MemoryModel(regions);
  for (const [n, region] of regions.entries()) {
    if (!region.readOnly) continue;
    const contents = Uint8Array.from({ length: 64 }, (_, at) => at * 7 + n);
    const border = CHUNK_SIZE - (region.gpa % CHUNK_SIZE) - contents.length / 2;
    const inside = [0, border, region.size - contents.length].filter(
      (at) => at >= 0 && at + 64 <= region.size,
    );
    for (const at of inside) {
      rig.memory.load(region, at, contents);
      model.load(region.gpa + at, contents);
    }
  }
  player.begin(model, edgesOf(regions), ranges);
  for (const step of steps) player.step(step);
  player.check();

  // An image of it fills the same regions again.
  const pieces = [...new RamImage(rig.memory).pieces()].map(({ at, bytes }) => ({
    at,
    bytes: bytes.slice(),
  }));
  const again = new MemoryModel(rig.layOut(regionsOf(layout), ranges, layout.large));
  expect(again.difference(rig.memory)).toBeUndefined();
  const image = new RamImage(rig.memory);
  for (const { at, bytes } of pieces) image.write(at, bytes);
  player.check();
}

test.each([
  ['the interpreter', false, 1024 * MIB],
  ['compiled code', true, 9 * 1024 * MIB],
])(
  '%s and devices over random layouts',
  (_who, compiled, own) => {
    const rig = new LayoutRig({ compiled, own });
    const player = new LayoutPlayer(rig);
    fc.assert(
      fc.property(
        layoutArbitrary,
        fc.array(stepArbitrary, { minLength: 1, maxLength: 60, size: 'max' }),
        (layout, steps) => {
          play(rig, player, layout, steps);
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
    if (compiled) expect(rig.compiledInstructions).toBeGreaterThan(RUNS * COMPILED_MIN);
    else expect(rig.compiledInstructions).toBe(0);
  },
  10 * MINUTES,
);
