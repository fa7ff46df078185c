import { MachineLog } from './machine-log.ts';
import type { TraceEventName } from './trace-events.ts';
import { formatted, ObjectNumbers } from './trace-format.ts';

/** What an event tells. An object stands where QEMU prints an address: it gets a number, by which lines about it are found. */
export type TraceArgument = number | bigint | string | object;

/** Where devices report what they do. */
export interface Trace {
  /** Somebody listens: an event that is off costs this one branch. Test it before building arguments. */
  readonly on: boolean;
  readonly source: TraceSource;
  /** An event under QEMU's trace name, with the values of its format. */
  event(name: TraceEventName, ...args: readonly TraceArgument[]): void;
  /**
   * The guest broke a rule of the spec (QEMU: LOG_GUEST_ERROR). Never throws.
   * @param message conversions of `trace-format.ts` stand for `values` in order. A guest may do it in a loop: the text is built when somebody reads it.
   */
  guestError(message: string, ...values: readonly number[]): void;
  /** The guest asked for something that we do not model (QEMU: LOG_UNIMP). Said once per message and values, and not without end. */
  unimplemented(message: string, ...values: readonly number[]): void;
}

/** What a `message` is, in the words of QEMU's `log`. */
export type MessageKind = 'guest_errors' | 'unimp' | 'internal_error';

/** Told of each event, and of a message with its text and kind. It must not act on the machine. */
export type TraceListener = (name: TraceEventName | 'message', args: readonly TraceArgument[]) => void;

/** When and where something happens. */
export interface TraceSource {
  /** Virtual time in nanoseconds. */
  nowNs(): number;
  /** Number of the vCPU that executes; QEMU: -1 when none does. */
  cpuIndex(): number;
}

const NOWHERE: TraceSource = { nowNs: () => 0, cpuIndex: () => -1 };

/** Messages have numbers only. */
const NO_OBJECTS = new ObjectNumbers();
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
  on = false;
  /** Set by the machine that is traced. */
  source: TraceSource = NOWHERE;
  /** What the user wants to read of it. */
  readonly log: MachineLog;
  #listeners: readonly TraceListener[] = [];
  readonly #tail: Said[] = [];
  /** Messages that are said once, and the values with which they were. */
  readonly #once = new Map<string, Set<string>>();

  /** @param print shows a line of the log as it is, while it goes to no file */
  constructor(print: (line: string) => void = () => {}) {
    this.log = new MachineLog(this, print);
  }

  event(name: TraceEventName, ...args: readonly TraceArgument[]): void {
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
    this.#setListeners([...this.#listeners, listener]);
    return () => this.#setListeners(this.#listeners.filter((other) => other !== listener));
  }

  /** What `run` does is not the guest's: no listener is told of it. */
  silently(run: () => void): void {
    const listeners = this.#listeners;
    this.#setListeners([]);
    try {
      run();
    } finally {
      this.#setListeners(listeners);
    }
  }

  #setListeners(listeners: readonly TraceListener[]): void {
    this.#listeners = listeners;
    this.on = listeners.length > 0;
  }

  /** The last messages, oldest first. */
  tail(): readonly string[] {
    return this.#tail.map(({ message, values, times }) => {
      const text = textOf(message, values);
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
    if (!this.on) return;
    for (const listener of this.#listeners) listener('message', [textOf(message, values), kind]);
  }
}

/** QEMU's words for an access to a region of dwords by another size; its values are the offset and the size. */
export function invalidSize(access: 'read' | 'write', region: string): string {
  return `Invalid ${access} at addr 0x%X, size %d, region '${region}', reason: invalid size (min:4 max:4)`;
}

function textOf(message: string, values: readonly number[]): string {
  return values.length === 0 ? message : formatted(message, values, NO_OBJECTS);
}

/** For tests and tools that do not listen. */
export const QUIET: Trace = { on: false, source: NOWHERE, event() {}, guestError() {}, unimplemented() {} };
