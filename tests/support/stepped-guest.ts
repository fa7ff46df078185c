/**
 * A guest that runs only in steps of instructions, so that what is typed comes at the same instruction in each run. `HeadlessGuest` by itself
 * types when the test's process gets to it.
 */
import type { Machine } from '../../src/emu/index.ts';
import { SHELL_SETUP } from './guest-waits.ts';
import { HeadlessGuest, type HeadlessOptions, promptSnapshot } from './headless-guest.ts';
import { advance } from './snapshots.ts';

/** Instructions between two looks at what the guest shows. */
const LOOK = 1_000_000;
/** Instructions after which Linux must have done what it was asked for. */
const PATIENCE = 6_000_000_000;
const AT_PROMPT = /guest# $/;

export class SteppedGuest {
  /** For its output and events; nothing of it that waits. */
  readonly driven: HeadlessGuest;
  readonly #sliceMs: number | undefined;

  private constructor(driven: HeadlessGuest, sliceMs: number | undefined) {
    this.driven = driven;
    this.#sliceMs = sliceMs;
  }

  /** @param options with `icountShift: 3` */
  static async atPrompt(options: HeadlessOptions): Promise<SteppedGuest> {
    const { bytes, seed } = promptSnapshot();
    const driven = await HeadlessGuest.restored(bytes, options);
    driven.type(seed);
    const guest = new SteppedGuest(driven, options.sliceMs);
    await guest.advanceUntil(() => AT_PROMPT.test(driven.log));
    await guest.shell(SHELL_SETUP);
    return guest;
  }

  get machine(): Machine {
    return this.driven.machine;
  }

  end(): Promise<void> {
    return this.driven.end();
  }

  /** Lines of the monitor that have no answer. */
  async hmp(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      const answer = await this.driven.hmp(line);
      if (answer !== '' && answer !== 'OK\n') throw new Error(`${line}: ${answer}`);
    }
  }

  /** One command of the guest's shell; gives what it printed. */
  async shell(command: string): Promise<string> {
    const { driven } = this;
    const from = driven.log.length;
    driven.type(`${command}\n`);
    await this.advanceUntil(() => AT_PROMPT.test(driven.log.slice(from)));
    return driven.log.slice(from).replaceAll('\r', '').replace(AT_PROMPT, '');
  }

  async advanceUntil(reached: () => boolean): Promise<void> {
    for (let ran = 0; !reached(); ran += LOOK) {
      if (ran > PATIENCE) throw new Error(`the guest shows ${JSON.stringify(this.driven.log.slice(-2000))}`);
      await advance(this.machine, LOOK, this.#sliceMs);
    }
  }
}
