/** What a PS/2 device has to say. QEMU: the keyboard's answers go before what the user typed. */
import type { IrqLine } from '../core/irq.ts';
import { BYTE, list, record } from '../core/state-fields.ts';

/** QEMU: PS2_QUEUE_SIZE, bytes of user input that wait; more is dropped. */
export const PS2_QUEUE_SIZE = 16;

export type Ps2QueueState = {
  readonly replies: readonly number[];
  readonly input: readonly number[];
  readonly last: number;
};

export const PS2_QUEUE_STATE = record<Ps2QueueState>({
  replies: list(BYTE, { max: PS2_QUEUE_SIZE }),
  input: list(BYTE, { max: PS2_QUEUE_SIZE }),
  last: BYTE,
});

export class Ps2Queue {
  /** High while there is a byte to read. */
  readonly #ready: IrqLine;
  #replies: number[] = [];
  #input: number[] = [];
  #last = 0;

  constructor(ready: IrqLine) {
    this.#ready = ready;
  }

  get room(): number {
    return PS2_QUEUE_SIZE - this.#input.length;
  }

  /** Answers a command, in place of an answer that was not read. */
  reply(...bytes: readonly number[]): void {
    this.#replies = [...bytes];
    this.#ready.set(this.#count() > 0);
  }

  /** Adds user input if all of it fits. */
  put(bytes: readonly number[]): boolean {
    if (bytes.length > this.room) return false;
    this.#input.push(...bytes);
    this.#ready.set(this.#count() > 0);
    return true;
  }

  /** The next byte; without one the last byte again. The ready wire drops between two bytes. */
  read(): number {
    const byte = this.#replies.shift() ?? this.#input.shift();
    if (byte === undefined) return this.#last;
    this.#last = byte;
    this.#ready.set(false);
    if (this.#count() > 0) this.#ready.set(true);
    return byte;
  }

  clear(): void {
    this.#replies = [];
    this.#input = [];
    this.#ready.set(false);
  }

  /** Power-on state. */
  reset(): void {
    this.#last = 0;
    this.clear();
  }

  save(): Ps2QueueState {
    return { replies: [...this.#replies], input: [...this.#input], last: this.#last };
  }

  /** The wire is left to its owner, whose state says what was seen of it. */
  restore({ replies, input, last }: Ps2QueueState): void {
    this.#replies = [...replies];
    this.#input = [...input];
    this.#last = last;
  }

  #count(): number {
    return this.#replies.length + this.#input.length;
  }
}
