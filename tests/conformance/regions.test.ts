/** Recorded vectors whose instruction can stand in a loop, run once inside compiled code: one of two of each form, all of them in tests/long/regions.test.ts. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRegionRig } from '../support/region-rig.ts';
import { compareOutcome } from './compare.ts';
import { decodeVectors } from './vector-format.ts';

const FOLDER = new URL('./vectors/', import.meta.url);
/** Families, and how many of their vectors must have been compiled. Branches are in tests/property. */
const FAMILIES: readonly (readonly [string, number])[] = [
  ['alu', 0.95],
  ['bit-manipulation', 0.9],
  ['bits', 0.95],
  ['lock', 0.85],
  ['mmx', 0.9],
  ['move', 0.9],
  ['multiply', 0.95],
  ['shift', 0.95],
  ['sse-convert', 0.9],
  ['sse-exceptions', 0.9],
  ['sse-float', 0.9],
  ['sse-integer', 0.9],
  ['sse-move', 0.9],
  ['sse4-exceptions', 0.9],
  ['sse4-float', 0.9],
  ['sse4-integer', 0.9],
  ['ssse3', 0.9],
  ['stack', 0.5],
  ['string', 0.9],
  ['string-compare', 0.9],
  ['x87-arithmetic', 0.9],
  ['x87-exceptions', 0.9],
  ['x87-transcendental', 0.9],
  ['x87-transfer', 0.9],
];
const STEP = Number(process.env['HOTSLOT_REGION_STEP'] ?? 2);
const SHOWN = 40;
const LIMIT_MS = 120_000;

describe('instruction vectors inside of a compiled loop', () => {
  test.each(FAMILIES)(
    '%s',
    (family, share) => {
      const { forms, vectors } = decodeVectors(readFileSync(new URL(`${family}.bin.gz`, FOLDER)));
      const rig = createRegionRig();
      const failing = new Map<string, { count: number; example: string }>();
      let compiled = 0;
      // A form's vectors stand together.
      for (let at = 0; at < vectors.length; at += STEP) {
        const vector = vectors[at];
        const outcome = rig.run(vector);
        if (outcome === undefined) continue;
        compiled++;
        const form = forms[vector.form];
        const lines = compareOutcome(vector, form, outcome);
        if (lines.length === 0) continue;
        const known = failing.get(form.name);
        const example = `${Buffer.from(vector.code).toString('hex')}: ${lines.join('; ')}`;
        if (known === undefined) failing.set(form.name, { count: 1, example });
        else known.count++;
      }
      const summary = [...failing].map(([name, { count, example }]) => `${name} (${count}): ${example}`);
      expect(summary.slice(0, SHOWN)).toEqual([]);
      expect((compiled * STEP) / vectors.length).toBeGreaterThanOrEqual(share);
    },
    LIMIT_MS,
  );
});
