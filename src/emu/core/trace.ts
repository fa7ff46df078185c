/** Where devices report what they do. */
export interface Trace {
  /** Costs one property load when off; test it before building arguments. */
  readonly on: boolean;
  /** An event under QEMU's trace name. */
  event(name: string, ...args: readonly (number | string)[]): void;
  /** The guest broke a rule of the spec (QEMU: LOG_GUEST_ERROR). Never throws. */
  guestError(message: string): void;
  /** The guest asked for something that we do not model (QEMU: LOG_UNIMP). Said once per message. */
  unimplemented(message: string): void;
}

export type TraceListener = (name: string, args: readonly (number | string)[]) => void;

const TAIL_LENGTH = 256;

/** Keeps a bounded tail of what was reported and passes events on to listeners. */
export class TraceLog implements Trace {
  #listeners: readonly TraceListener[] = [];
  readonly #tail: string[] = [];
  readonly #once = new Set<string>();

  get on(): boolean {
    return this.#listeners.length > 0;
  }

  event(name: string, ...args: readonly (number | string)[]): void {
    for (const listener of this.#listeners) listener(name, args);
  }

  guestError(message: string): void {
    this.#keep(message);
  }

  unimplemented(message: string): void {
    if (this.#once.has(message)) return;
    this.#once.add(message);
    this.#keep(message);
  }

  /** A fault of ours ended the run. */
  internalError(message: string): void {
    this.#keep(`internal error: ${message.replace(/^internal error: /, '')}`);
  }

  /** Adds a listener; the returned function takes it away again. */
  listen(listener: TraceListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /** The last messages, oldest first. */
  tail(): readonly string[] {
    return this.#tail;
  }

  #keep(message: string): void {
    if (this.#tail.length === TAIL_LENGTH) this.#tail.shift();
    this.#tail.push(message);
    if (this.on) this.event('message', message);
  }
}

/** For tests and tools that do not listen. */
export const QUIET: Trace = { on: false, event() {}, guestError() {}, unimplemented() {} };
