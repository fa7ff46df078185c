/** How often lines of an interrupt controller were raised, for `info irq`. No guest sees it, so that it is no part of its state. */
export class IrqStatistics {
  readonly #counts: number[];

  constructor(lines: number) {
    this.#counts = new Array<number>(lines).fill(0);
  }

  /** By line. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  raised(line: number): void {
    this.#counts[line] = (this.#counts[line] ?? 0) + 1;
  }
}
