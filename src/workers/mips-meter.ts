const WINDOW_MS = 1000;

/** Millions of instructions per second over the last second that the machine ran. */
export class MipsMeter {
  /** Oldest first; times without the pauses. */
  #samples: { readonly ms: number; readonly instructions: number }[] = [];
  #pausedAtMs: number | undefined;
  #pausedForMs = 0;

  /** @param nowMs any monotonic clock */
  sample(nowMs: number, instructions: number, running: boolean): void {
    if (!running) {
      this.#pausedAtMs ??= nowMs;
      return;
    }
    if (this.#pausedAtMs !== undefined) this.#pausedForMs += nowMs - this.#pausedAtMs;
    this.#pausedAtMs = undefined;
    // A machine that went back to a snapshot counts from there.
    if (instructions < (this.#samples.at(-1)?.instructions ?? 0)) this.clear();
    const ms = nowMs - this.#pausedForMs;
    this.#samples.push({ ms, instructions });
    while ((this.#samples[1]?.ms ?? ms) <= ms - WINDOW_MS) this.#samples.shift();
  }

  get mips(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.ms <= first.ms) return 0;
    return (last.instructions - first.instructions) / (last.ms - first.ms) / 1000;
  }

  /** The count starts again, as after a new machine. */
  clear(): void {
    this.#samples = [];
  }
}
