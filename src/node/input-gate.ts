import type { Channel } from './chardev.ts';

/** Between two looks at one who is behind. */
const LOOK_MS = 20;

/** Stops reading from a channel while what came from it has not been taken, so that the host's queue is the one that fills. */
export class InputGate {
  readonly #channel: Channel;
  readonly #isFull: () => boolean;
  readonly #onRoom: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onRoom told when it is not full any more */
  constructor(channel: Channel, isFull: () => boolean, onRoom: () => void = () => {}) {
    this.#channel = channel;
    this.#isFull = isFull;
    this.#onRoom = onRoom;
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
      this.#onRoom();
    }, LOOK_MS);
    // A machine that ends does not wait for this.
    this.#timer.unref();
  }
}
