/** Every recorded instruction vector on the engine: one test per family. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runVector } from '../support/cpu-rig.ts';
import { createRig } from '../support/engine-rig.ts';
import { compareOutcome } from './compare.ts';
import { decodeVectors } from './vector-format.ts';

const FOLDER = new URL('./vectors/', import.meta.url);
const FAMILIES = readdirSync(FOLDER).map((file) => file.replace('.bin.gz', ''));
const VECTORS_MIN = 30_000;
const SHOWN = 40;

let total = 0;

describe('instruction vectors recorded on a processor', () => {
  test.each(FAMILIES)('%s', (family) => {
    const { forms, vectors } = decodeVectors(readFileSync(new URL(`${family}.bin.gz`, FOLDER)));
    const rig = createRig();
    const failing = new Map<string, { count: number; example: string }>();
    for (const vector of vectors) {
      const form = forms[vector.form];
      const lines = compareOutcome(vector, form, runVector(rig, vector));
      if (lines.length === 0) continue;
      const known = failing.get(form.name);
      const example = `${Buffer.from(vector.code).toString('hex')}: ${lines.join('; ')}`;
      if (known === undefined) failing.set(form.name, { count: 1, example });
      else known.count++;
    }
    const summary = [...failing].map(([name, { count, example }]) => `${name} (${count}): ${example}`);
    total += vectors.length;
    expect(summary.slice(0, SHOWN)).toEqual([]);
  });

  test('there are at least 30,000', () => {
    expect(total).toBeGreaterThanOrEqual(VECTORS_MIN);
  });
});
