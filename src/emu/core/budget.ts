/** How much of something may be under way at once; who wants more waits in turn. */
export class Budget {
  readonly #most: number;
  #used = 0;
  readonly #waiting: { readonly amount: number; readonly go: () => void }[] = [];

  /** @param most a single use may be larger: then it has all to itself */
  constructor(most: number) {
    this.#most = most;
  }

  /** Does `act` as soon as there is room for `amount`, which it uses until its promise settles. */
  async use<T>(amount: number, act: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || !this.#fits(amount)) {
      await new Promise<void>((go) => {
        this.#waiting.push({ amount, go });
      });
    } else this.#used += amount;
    try {
      return await act();
    } finally {
      this.#used -= amount;
      this.#admit();
    }
  }

  #fits(amount: number): boolean {
    return this.#used === 0 || this.#used + amount <= this.#most;
  }

  /** Who may go on has the room from now on, also before its promise wakes it. */
  #admit(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fits(next.amount);
      next = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#used += next.amount;
      next.go();
    }
  }
}
