import type { EmulatorApi, MachineStatus, PageState } from '../workers/protocol.ts';
import type { ExecResult, GuestShell } from './guest-shell.ts';

/** One terminal for scripts. */
export interface AutomationTerminal {
  /** What it shows, scroll-back included. */
  text(): string;
  /** As if typed. */
  type(text: string): void;
}

/** A request of QMP. Spec: QEMU docs/interop/qmp-spec. */
export interface QmpRequest {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Comes back in the answer. */
  readonly id?: unknown;
}

export type QmpAnswer =
  | { readonly return: unknown; readonly id?: unknown }
  | { readonly error: { readonly class: string; readonly desc: string }; readonly id?: unknown };

/** An event of QMP; `data` is absent where the event has none. */
export interface QmpEvent {
  readonly event: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly timestamp: { readonly seconds: number; readonly microseconds: number };
}

export interface ExecOptions {
  /** From the command's turn on, the time included in which the console is somebody else's. 60,000 by default. */
  readonly timeoutMs?: number;
}

/** Takes the listener away. */
export type StopListening = () => void;

/** `window.hotslot`: for demos and tests that drive the page. Described in docs/embedding.md. */
export interface Automation {
  readonly version: 2;
  readonly console: AutomationTerminal;
  readonly monitor: AutomationTerminal;
  /** QMP's terminal, beside the monitor's. */
  readonly qmpShell: AutomationTerminal;
  status(): MachineStatus;
  /**
   * The guest's shell waits for a line for the first time, or the machine is there and stands still (`prelaunch`, `paused`). After a
   * reset, and with another machine, this is a new promise. While no machine can be made it stays pending.
   */
  readonly ready: Promise<void>;
  /** Runs a line on a human monitor of its own. */
  hmp(line: string): Promise<string>;
  /** Asks QMP; an error of QEMU's is an answer. */
  qmp(request: QmpRequest): Promise<QmpAnswer>;
  /** Runs a command in the guest's bash, over its console. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** What the guest sends to its console. */
  on(event: 'console', listener: (text: string) => void): StopListening;
  on(event: 'state', listener: (state: PageState) => void): StopListening;
  /** `qmp`: every event of QMP; else the one of this name. */
  on(event: string, listener: (event: QmpEvent) => void): StopListening;
}

declare global {
  interface Window {
    hotslot?: Automation;
  }
}

/** What the script interface is made of. */
export interface AutomationParts {
  readonly console: AutomationTerminal;
  readonly monitor: AutomationTerminal;
  readonly qmpShell: AutomationTerminal;
  readonly shell: GuestShell;
  readonly api: Pick<EmulatorApi, 'hmp' | 'qmp'>;
  status(): MachineStatus;
}

type Listener = (what: never) => void;

const EXEC_MS = 60_000;
/** Of a browser's timers. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const QMP_EVENT = /^[A-Z][A-Z0-9_]*$/;

/** Gives scripts of this page what a user has, and tells them what happens. */
export class AutomationHost {
  readonly #parts: AutomationParts;
  readonly #listeners = new Map<string, Set<Listener>>();
  #state: PageState = 'loading';
  #hasMachine = false;
  #isReady = false;
  #becameReady: () => void = () => {};
  #ready: Promise<void>;
  /** Who waits for a machine, or for word that there will be none. */
  #waiting: (() => void)[] = [];

  constructor(parts: AutomationParts) {
    this.#parts = parts;
    this.#ready = this.#nextReady();
    parts.shell.onPrompt = () => this.#nowReady();
    window.hotslot = this.#automation();
  }

  /** Another machine has taken the place of the one before. */
  machineMade(): void {
    this.#hasMachine = true;
    this.#gone('The machine was replaced by another one.');
    this.#tellWaiting();
  }

  status({ state }: MachineStatus): void {
    if (state === this.#state) return;
    this.#state = state;
    if (state === 'prelaunch' || state === 'paused') this.#nowReady();
    this.#tellWaiting();
    this.#emit('state', state);
  }

  consoleText(text: string): void {
    this.#emit('console', text);
  }

  /** @param text an event of QMP */
  qmpEvent(text: string): void {
    const event = JSON.parse(text) as QmpEvent;
    if (event.event === 'RESET') this.#gone('The machine was reset.');
    if (event.event === 'SHUTDOWN') this.#parts.shell.reset('The machine was switched off.');
    this.#emit(event.event, event);
    this.#emit('qmp', event);
  }

  #automation(): Automation {
    const host = this;
    const { console, monitor, qmpShell, status } = this.#parts;
    const terminal = (screen: AutomationTerminal): AutomationTerminal => ({
      text: () => screen.text(),
      type: (text) => screen.type(text),
    });
    return {
      version: 2,
      console: terminal(console),
      monitor: terminal(monitor),
      qmpShell: terminal(qmpShell),
      status: () => status(),
      get ready() {
        return host.#ready;
      },
      hmp: (line) => this.#hmp(line),
      qmp: (request) => this.#qmp(request),
      exec: (command, options) => this.#exec(command, options),
      on: (event: string, listener: Listener) => this.#on(event, listener),
    };
  }

  async #hmp(line: unknown): Promise<string> {
    if (typeof line !== 'string') throw new TypeError('hotslot.hmp takes a line as a string.');
    if (/[\r\n]/.test(line)) throw new TypeError('hotslot.hmp takes one line, without line feeds.');
    await this.#machine();
    return this.#parts.api.hmp(line);
  }

  async #qmp(request: unknown): Promise<QmpAnswer> {
    if (typeof request !== 'object' || request === null || Array.isArray(request)) {
      throw new TypeError('hotslot.qmp takes an object: { execute, arguments, id }.');
    }
    const text = jsonOf(request);
    await this.#machine();
    return JSON.parse(await this.#parts.api.qmp(text)) as QmpAnswer;
  }

  async #exec(command: unknown, options: unknown = {}): Promise<ExecResult> {
    if (typeof command !== 'string') throw new TypeError('hotslot.exec takes a command as a string.');
    if (command.includes('\0')) throw new TypeError('hotslot.exec takes no command with a NUL character.');
    if (typeof options !== 'object' || options === null) {
      throw new TypeError('The options of hotslot.exec are an object: { timeoutMs }.');
    }
    const { timeoutMs = EXEC_MS } = options as { readonly timeoutMs?: unknown };
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS)) {
      throw new TypeError(`timeoutMs is a number of milliseconds, above 0 and up to ${TIMEOUT_MAX_MS}.`);
    }
    await this.#machine();
    return this.#parts.shell.exec(command, timeoutMs);
  }

  #on(event: unknown, listener: unknown): StopListening {
    if (typeof event !== 'string') throw new TypeError('hotslot.on takes the name of an event as a string.');
    if (!['qmp', 'console', 'state'].includes(event) && !QMP_EVENT.test(event)) {
      throw new TypeError(
        `hotslot.on knows qmp, console, state, and QMP's events as QEMU writes them, not '${event}'.`,
      );
    }
    if (typeof listener !== 'function') throw new TypeError('hotslot.on takes a function as listener.');
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // The same function may be given twice, and each is taken away by its own.
    const own: Listener = (what) => listener(what);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  /** A listener's fault is one of the script's, and holds up nobody. */
  #emit(event: string, what: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        // Which value goes with which name is said by the type of `on`, by which the listener was taken.
        listener(what as never);
      } catch (error) {
        reportError(error);
      }
    }
  }

  /** Resolves when there is a machine. */
  async #machine(): Promise<void> {
    while (!this.#hasMachine) {
      if (this.#state === 'failed') throw new Error('There is no machine.');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #tellWaiting(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** What the guest was doing has no end, and it has to become ready again. */
  #gone(reason: string): void {
    this.#parts.shell.reset(reason);
    if (this.#isReady) this.#ready = this.#nextReady();
  }

  #nextReady(): Promise<void> {
    this.#isReady = false;
    return new Promise((resolve) => {
      this.#becameReady = resolve;
    });
  }

  #nowReady(): void {
    if (!this.#hasMachine) return;
    this.#isReady = true;
    this.#becameReady();
  }
}

function jsonOf(request: object): string {
  try {
    return JSON.stringify(request);
  } catch (error) {
    throw new TypeError(`hotslot.qmp takes what JSON can say: ${String(error)}`);
  }
}
