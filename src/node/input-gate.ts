import type { Channel } from './chardev.ts';

/** Between two looks at one who is behind. */
const LOOK_MS = 20;

/** Stops reading from a channel while what came from it has not been taken, so that the host's queue is the one that fills. */
export class InputGate {
  readonly #channel: Channel;
  readonly #isFull: () => boolean;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: Channel, isFull: () => boolean) {
    this.#channel = channel;
    this.#isFull = isFull;
  }

  /** Call after input. */
  update(): void {
    if (this.#timer !== undefined || !this.#isFull()) return;
    this.#channel.hold(true);
    this.#look();
  }

  #look(): void {
    this.#timer = setTimeout(() => {
      if (this.#isFull()) {
        this.#look();
        return;
      }
      this.#timer = undefined;
      this.#channel.hold(false);
    }, LOOK_MS);
    // A machine that ends does not wait for this.
    this.#timer.unref();
  }
}
