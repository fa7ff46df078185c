/** Only this level catches what differs after a hundred million instructions: a whole boot, with compiled code and without. */

import { expect, it } from 'vitest';
import { EAGER } from '../../src/emu/cpu/jit/hot-lines.ts';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { visibleWords } from '../support/visible-words.ts';

const MINUTES = 60_000;
const BOOT_SECONDS = 400;
const RTC_BASE_MS = Date.UTC(2024, 0, 1);
const PROMPT = 'guest# ';
const REGIONS_MIN = 100;
interface Boot {
  readonly instructions: number;
  readonly regions: number;
  readonly log: string;
  readonly memory: string;
  /** Registers, flags and control registers, one line for a word. */
  readonly words: readonly string[];
}

async function boot(compiled: boolean): Promise<Boot> {
  const config = { icountShift: 3, rtcBaseMs: RTC_BASE_MS };
  const guest = new HeadlessGuest({ images: memoryImages(), config });
  const { engine } = guest.machine;
  engine.compiler.enabled = compiled;
  engine.compiler.policy = EAGER;
  let shown = '';
  let done = false;
  guest.onOutput = (text) => {
    shown += text;
    if (!shown.endsWith(PROMPT)) return;
    done = true;
    guest.machine.stop();
  };
  guest.machine.cont();
  await guest.poll(() => done && guest.machine.runState === 'paused', BOOT_SECONDS);
  const result = {
    instructions: guest.machine.retiredInstructions,
    regions: engine.compiler.compiled,
    log: guest.log,
    memory: guest.hash(),
    words: visibleWords(engine),
  };
  await guest.end();
  return result;
}

it(
  'a boot to the prompt: the same instructions, memory and registers with compiled code and without',
  async () => {
    const compiled = await boot(true);
    const interpreted = await boot(false);
    expect(interpreted.regions).toBe(0);
    expect(compiled.regions).toBeGreaterThan(REGIONS_MIN);
    expect(compiled.log).toBe(interpreted.log);
    expect(compiled.log).toContain('setting system clock to 2024-01-01T00:00:');
    expect(compiled.instructions).toBe(interpreted.instructions);
    expect(compiled.words).toEqual(interpreted.words);
    expect(compiled.memory).toBe(interpreted.memory);
  },
  15 * MINUTES,
);
