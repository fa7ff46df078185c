/** What is alive after many plugs and unplugs is what was alive before them: no table, list of listeners, map or log keeps something of each. */
import { describe, expect, it } from 'vitest';
import { liveObjects } from '../support/live-objects.ts';
import { PlugCycle } from '../support/plug-cycle.ts';

/** After so many, caches and compiled code are as they stay. */
const WARM_CYCLES = 200;
const CYCLES = 1000;
/** One object that each cycle leaves would be 1,000. */
const OBJECTS = CYCLES / 20;
/** One line of text that each cycle leaves would be more. */
const BYTES = CYCLES * 80;

describe('a disk that comes, is read and goes', () => {
  it('a thousand times leaves no object behind', { timeout: 120_000 }, async () => {
    const cycle = await PlugCycle.start();
    for (let n = 0; n < WARM_CYCLES; n++) await cycle.run();
    const before = await liveObjects();
    for (let n = 0; n < CYCLES; n++) await cycle.run();
    const after = await liveObjects();
    expect(after.count - before.count).toBeLessThan(OBJECTS);
    expect(after.bytes - before.bytes).toBeLessThan(BYTES);
    await cycle.machine.close();
  });
});

describe('the count', () => {
  it('sees one object or one text that each cycle leaves', async () => {
    const kept: unknown[] = [];
    for (let n = 0; n < CYCLES; n++) kept.push(undefined);
    const before = await liveObjects();
    for (let n = 0; n < CYCLES; n++) kept[n] = {};
    const withObjects = await liveObjects();
    expect(withObjects.count - before.count).toBeGreaterThan(CYCLES - OBJECTS);
    // Without the objects again: their room would otherwise hide a part of the texts'.
    kept.fill(undefined);
    const without = await liveObjects();
    for (let n = 0; n < CYCLES; n++) kept[n] = `the text of cycle ${n}, as a log keeps it`.padEnd(120);
    const withTexts = await liveObjects();
    expect(withTexts.bytes - without.bytes).toBeGreaterThan(BYTES);
    expect(kept.length).toBe(CYCLES);
  });
});
