/** Plays the recorded sessions to our i6300esb: every answer is QEMU's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { watchdogRig } from '../../support/watchdog-rig.ts';
import type { Step, VirtioRecord } from '../virtio/sessions.ts';
import { WATCHDOG_SESSIONS } from './sessions.ts';

const RECORDS: Readonly<Record<string, VirtioRecord>> = JSON.parse(
  readFileSync(new URL('registers.json', import.meta.url), 'utf8'),
);
const PASS_NS = 300_000_000;

function play(steps: readonly Step[]): (number | string)[] {
  const { io, memory, pass } = watchdogRig();
  const values: (number | string)[] = [];
  for (const step of steps) {
    if (step[0] === 'in') values.push(io.read(step[1], step[2]));
    else if (step[0] === 'out') io.write(step[1], step[2], step[3]);
    else if (step[0] === 'read') values.push(memory.read(step[1], step[2]));
    else if (step[0] === 'write') memory.write(step[1], step[2], step[3]);
    else if (step[0] === 'pass') pass(PASS_NS);
  }
  return values;
}

/** An answer with the step that asked for it, so that a difference says where it is. */
function told(steps: readonly Step[], values: VirtioRecord): readonly string[] {
  const asked = steps.flatMap((step, at) => (['in', 'read'].includes(step[0]) ? [at] : []));
  return values.map((value, n) => `${asked[n]} ${steps[asked[n] ?? 0]?.join(' ')}: ${value}`);
}

describe('the i6300esb answers as QEMU 7.2', () => {
  it.each(WATCHDOG_SESSIONS)('$name', ({ name, steps }) => {
    const values = RECORDS[name] ?? [];
    expect(values.length).toBeGreaterThan(0);
    expect(told(steps, play(steps))).toEqual(told(steps, values));
  });
});
