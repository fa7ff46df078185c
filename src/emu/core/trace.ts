/** Where devices report what they do. */
export interface Trace {
  /** Costs one property load when off; test it before building arguments. */
  readonly on: boolean;
  /** An event under QEMU's trace name. */
  event(name: string, ...args: readonly (number | string)[]): void;
  /**
   * The guest broke a rule of the spec (QEMU: LOG_GUEST_ERROR). Never throws.
   * @param message `%d` and `%x` stand for `values` in order. A guest may do it in a loop: the text is built when somebody reads it.
   */
  guestError(message: string, ...values: readonly number[]): void;
  /** The guest asked for something that we do not model (QEMU: LOG_UNIMP). Said once per message and values, and not without end. */
  unimplemented(message: string, ...values: readonly number[]): void;
}

/** What a `message` is, in the words of QEMU's `log`. */
export type MessageKind = 'guest_errors' | 'unimp' | 'internal_error';

export type TraceListener = (name: string, args: readonly (number | string)[]) => void;

const TAIL_LENGTH = 256;
/** Of one message, with how many different values it is said; a guest has 2^32 numbers of an MSR to try. */
const VALUES_MAX = 64;
/** Messages are the source's, not the guest's: it has far fewer. What would come after is not kept. */
const MESSAGES_MAX = 1024;

interface Said {
  readonly message: string;
  /** Those of the last time. */
  values: readonly number[];
  times: number;
}

/** Keeps a bounded tail of what was reported and passes events on to listeners. */
export class TraceLog implements Trace {
  #listeners: readonly TraceListener[] = [];
  readonly #tail: Said[] = [];
  /** Messages that are said once, and the values with which they were. */
  readonly #once = new Map<string, Set<string>>();

  get on(): boolean {
    return this.#listeners.length > 0;
  }

  event(name: string, ...args: readonly (number | string)[]): void {
    for (const listener of this.#listeners) listener(name, args);
  }

  guestError(message: string, ...values: readonly number[]): void {
    this.#keep('guest_errors', message, values);
  }

  unimplemented(message: string, ...values: readonly number[]): void {
    const known = this.#once.get(message);
    if (known === undefined) {
      if (this.#once.size < MESSAGES_MAX) this.#once.set(message, new Set([String(values)]));
      else return;
    } else {
      if (known.size >= VALUES_MAX || known.has(String(values))) return;
      known.add(String(values));
    }
    this.#keep('unimp', message, values);
  }

  /** A fault of ours ended the run. */
  internalError(message: string): void {
    this.#keep('internal_error', `internal error: ${message.replace(/^internal error: /, '')}`, []);
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
    return this.#tail.map(({ message, values, times }) => {
      const text = fill(message, values);
      return times === 1 ? text : `${text} (the last of ${times} in a row)`;
    });
  }

  /** A message that repeats takes one place: it must not push out what came before it. */
  #keep(kind: MessageKind, message: string, values: readonly number[]): void {
    const last = this.#tail.at(-1);
    if (last?.message === message) {
      last.values = values;
      last.times++;
    } else {
      if (this.#tail.length === TAIL_LENGTH) this.#tail.shift();
      this.#tail.push({ message, values, times: 1 });
    }
    if (this.on) this.event('message', fill(message, values), kind);
  }
}

function fill(message: string, values: readonly number[]): string {
  if (values.length === 0) return message;
  let next = 0;
  return message.replace(/%[dx]/g, (place) => {
    const value = values[next++] ?? 0;
    return place === '%d' ? String(value) : value.toString(16);
  });
}

/** For tests and tools that do not listen. */
export const QUIET: Trace = { on: false, event() {}, guestError() {}, unimplemented() {} };
