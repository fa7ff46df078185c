/** Channels as the machine's devices see them. */
import { type CharBackend, CharPipe, type SharedBackend } from '../emu/index.ts';
import type { Channel } from './chardev.ts';
import type { Mux } from './chardev-mux.ts';
import { InputGate } from './input-gate.ts';
import { OutputCollector } from './output-collector.ts';

/** What a guest may leave untaken of what was sent to it. Large: it also holds the keys that lead to the monitor. */
const MAX_INPUT_BYTES = 1 << 20;
/** What whoever is at the other end may leave unread before a device has to wait. */
const MAX_OUTPUT_BYTES = 1 << 20;
const LOOK_MS = 20;

/** Leads what comes from a channel to the machine. */
export function connectPipe(channel: Channel, pipe: CharPipe, wake: () => void): void {
  const gate = new InputGate(channel, () => pipe.pending > MAX_INPUT_BYTES);
  const setOpen = (open: boolean): void => {
    pipe.setOpen(open);
    wake();
  };
  channel.connect({
    input: (bytes) => {
      pipe.send(bytes);
      gate.update();
      wake();
    },
    opened: () => setOpen(true),
    closed: () => setOpen(false),
    focus() {},
    sendBreak: () => {
      pipe.sendEvent('break');
      wake();
    },
  });
}

/** A channel for a device that waits while its output is not read. */
export class DevicePipe extends CharPipe {
  readonly #channel: Channel;
  readonly #wake: () => void;
  readonly #output: OutputCollector;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: Channel, wake: () => void) {
    const output = new OutputCollector((bytes) => channel.write(bytes));
    // Whether somebody is there, the channel says when it is connected.
    super((bytes) => output.add(bytes), false);
    this.#channel = channel;
    this.#wake = wake;
    this.#output = output;
    connectPipe(channel, this, wake);
  }

  get channel(): Channel {
    return this.#channel;
  }

  override write(bytes: Uint8Array): number {
    if (this.#channel.queuedBytes + this.#output.length > MAX_OUTPUT_BYTES) {
      this.#look();
      return 0;
    }
    return super.write(bytes);
  }

  /** Asks again until there is room. */
  #look(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#channel.queuedBytes > MAX_OUTPUT_BYTES) this.#look();
      else {
        this.outputReady();
        this.#wake();
      }
    }, LOOK_MS);
    // A machine that ends does not wait for this.
    this.#timer.unref();
  }
}

/** A multiplexer's ends for devices. */
export class SharedPipes implements SharedBackend {
  readonly #mux: Mux;
  readonly #wake: () => void;

  constructor(mux: Mux, wake: () => void) {
    this.#mux = mux;
    this.#wake = wake;
  }

  get hasRoom(): boolean {
    return this.#mux.hasRoom;
  }

  get isUsed(): boolean {
    return this.#mux.isUsed;
  }

  take(): CharBackend {
    return new DevicePipe(this.#mux.front(), this.#wake);
  }

  giveBack(backend: CharBackend): void {
    if (backend instanceof DevicePipe) backend.channel.close();
  }
}
