/** Monitors on channels: HMP for people, QMP for programs. */
import {
  type Dialect,
  HmpConsole,
  type Machine,
  type QmpMessage,
  QmpSession,
  qmpText,
} from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import type { MonitorChannel } from './chardev-open.ts';
import { InputGate } from './input-gate.ts';

/** What may be typed ahead while a monitor command runs. */
const MAX_TYPED_CHARACTERS = 1 << 16;
/** Answers that the monitor's user has not read. */
const MAX_ANSWER_BYTES = 1 << 20;
/** QEMU reads no more while so many requests of a client wait. */
const MAX_QMP_REQUESTS = 8;

export interface MonitorUser {
  readonly machine: Machine;
  readonly dialect: Dialect;
  /** A command may have changed what the machine does. */
  readonly wake: () => void;
  /** Told what QEMU prints on its standard error. */
  readonly stderr: (message: string) => void;
  /** The machine ends: nothing more is said. */
  readonly hasEnded: () => boolean;
}

/** Sockets, signals and the machine have theirs between two commands. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets whoever is at the other end of a channel give commands. */
export function attachMonitor(monitor: MonitorChannel, user: MonitorUser): void {
  if (monitor.mode === 'control') attachQmp(monitor, user);
  else attachHmp(monitor.channel, user);
}

/** Keeps what a console says while its terminal shows something else. */
class HeldOutput {
  readonly #write: (text: string) => void;
  #isHeld = false;
  #text = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Characters that are kept. */
  get length(): number {
    return this.#text.length;
  }

  write(text: string): void {
    if (this.#isHeld) this.#text += text;
    else this.#write(text);
  }

  hold(held: boolean): void {
    this.#isHeld = held;
    if (held) return;
    const text = this.#text;
    this.#text = '';
    this.#write(text);
  }
}

/** A console that may share its terminal: until it is shown for the first time it keeps its greeting. */
class Screen implements Pick<ChannelUser, 'opened' | 'focus'> {
  readonly #console: HmpConsole;
  readonly #output: HeldOutput;
  #isShown = true;
  #isStarted = false;
  #isGreeting = false;

  constructor(console: HmpConsole, output: HeldOutput) {
    this.#console = console;
    this.#output = output;
  }

  get isShown(): boolean {
    return this.#isShown;
  }

  opened(): void {
    if (this.#isShown) this.#start();
    else this.#isGreeting = true;
  }

  focus(on: boolean): void {
    this.#isShown = on;
    if (!on) {
      if (this.#isStarted) this.#output.write('\r\n');
      this.#output.hold(true);
      return;
    }
    this.#output.hold(false);
    if (this.#isGreeting) this.#start();
    else if (this.#isStarted) this.#console.restart();
  }

  #start(): void {
    this.#isGreeting = false;
    this.#isStarted = true;
    this.#console.start();
  }
}

function attachHmp(channel: Channel, user: MonitorUser): void {
  const { machine, dialect, wake, stderr, hasEnded } = user;
  const encoder = new TextEncoder();
  const output = new HeldOutput((text) => {
    if (text !== '' && !hasEnded()) channel.write(encoder.encode(text));
  });
  const isFull = (): boolean => channel.queuedBytes + output.length > MAX_ANSWER_BYTES;
  const console = new HmpConsole(
    (text) => output.write(text),
    { machine, stderr, dialect },
    { isFull, waits: () => gate.update(), turn },
  );
  const screen = new Screen(console, output);
  // A console that is not shown must not hold the terminal: nobody could type the keys that lead back to it.
  const isBehind = (): boolean => screen.isShown && console.waitingCharacters > MAX_TYPED_CHARACTERS;
  const gate = new InputGate(
    channel,
    () => isBehind() || channel.queuedBytes > MAX_ANSWER_BYTES,
    () => console.goOn(),
  );
  channel.connect({
    input: (bytes) => {
      console.input(bytes);
      gate.update();
      wake();
    },
    opened: () => screen.opened(),
    closed() {},
    sendBreak() {},
    focus: (on) => {
      screen.focus(on);
      console.goOn();
    },
  });
}

function attachQmp({ channel, pretty }: MonitorChannel, user: MonitorUser): void {
  const { machine, dialect, wake, stderr } = user;
  const encoder = new TextEncoder();
  const isFull = (): boolean => channel.queuedBytes > MAX_ANSWER_BYTES;
  const tell = (message: QmpMessage): void => channel.write(encoder.encode(qmpText(message, pretty)));
  const output = { isFull, turn };
  const session = new QmpSession(tell, { machine, stderr, dialect, nowMs: () => Date.now(), output });
  const isBehind = (): boolean => session.waitingRequests > MAX_QMP_REQUESTS;
  const gate = new InputGate(
    channel,
    () => isFull() || isBehind(),
    () => session.goOn(),
  );
  channel.connect({
    input: (bytes) => {
      session.input(bytes);
      gate.update();
      wake();
    },
    opened: () => session.start(),
    closed: () => session.stop(),
    focus() {},
    sendBreak() {},
  });
}
