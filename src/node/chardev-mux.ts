/** A serial port and the monitor on one terminal. Keys are those of QEMU's multiplexer. */
import type { Channel, ChannelUser } from './chardev.ts';

const CTRL_A = 0x01;
const NEWLINE = 0x0a;
const HELP = [
  '',
  'C-a h    this list',
  'C-a x    end the emulator',
  'C-a s    nothing: there are no snapshots to save',
  'C-a t    time before each line, on or off',
  'C-a b    send a break to the guest',
  'C-a c    from the console to the monitor and back',
  'C-a C-a  send C-a',
  '',
];

/** One of the two that share the terminal. */
class MuxEnd implements Channel {
  readonly filename = 'mux';
  readonly #mux: Mux;
  user: ChannelUser | undefined;
  opened = false;
  held = false;

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  connect(user: ChannelUser): void {
    this.user = user;
    this.#mux.begin();
  }

  get queuedBytes(): number {
    return this.#mux.queuedBytes;
  }

  write(bytes: Uint8Array): void {
    this.#mux.write(bytes);
  }

  hold(held: boolean): void {
    this.held = held;
    this.#mux.updateHold();
  }

  close(): void {
    this.#mux.close();
  }
}

export interface MuxOptions {
  readonly channel: Channel;
  /** Ctrl-A X. */
  readonly onExit: () => void;
  /** Milliseconds, from any origin. */
  readonly nowMs: () => number;
}

export class Mux {
  readonly serial: Channel;
  readonly monitor: Channel;
  readonly #serial: MuxEnd;
  readonly #monitor: MuxEnd;
  readonly #options: MuxOptions;
  #focus: MuxEnd;
  #connected = false;
  #escape = false;
  #timestamps = false;
  #lineStart = false;
  #originMs: number | undefined;

  constructor(options: MuxOptions) {
    this.#options = options;
    this.#serial = new MuxEnd(this);
    this.#monitor = new MuxEnd(this);
    this.serial = this.#serial;
    this.monitor = this.#monitor;
    this.#focus = this.#serial;
  }

  get queuedBytes(): number {
    return this.#options.channel.queuedBytes;
  }

  /** Both users are there. */
  begin(): void {
    if (this.#connected || this.#serial.user === undefined || this.#monitor.user === undefined) return;
    this.#connected = true;
    this.#options.channel.connect({
      input: (bytes) => this.#input(bytes),
      opened: () => this.#show(),
      closed: () => this.#focus.user?.closed(),
      focus() {},
      sendBreak: () => this.#focus.user?.sendBreak(),
    });
  }

  write(bytes: Uint8Array): void {
    this.#options.channel.write(this.#timestamps ? this.#stamped(bytes) : bytes);
  }

  /** Who is held holds both: the terminal is one stream, keys of the multiplexer included. */
  updateHold(): void {
    this.#options.channel.hold(this.#serial.held || this.#monitor.held);
  }

  close(): void {
    this.#options.channel.close();
  }

  #input(bytes: Uint8Array): void {
    let start = 0;
    for (const [at, byte] of bytes.entries()) {
      if (!this.#escape && byte !== CTRL_A) continue;
      this.#send(bytes.subarray(start, at));
      start = at + 1;
      if (this.#escape) this.#command(byte);
      else this.#escape = true;
    }
    this.#send(bytes.subarray(start));
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#focus.user?.input(bytes);
  }

  #command(byte: number): void {
    this.#escape = false;
    switch (String.fromCharCode(byte)) {
      case '\x01':
        this.#send(Uint8Array.of(CTRL_A));
        break;
      case 'h':
      case '?':
        this.#print(HELP.map((line) => `${line}\n\r`).join(''));
        break;
      case 'x':
        this.#print('QEMU: Terminated\n\r');
        this.#options.onExit();
        break;
      case 'b':
        this.#serial.user?.sendBreak();
        break;
      case 'c':
        this.#focus.user?.focus(false);
        this.#focus = this.#focus === this.#serial ? this.#monitor : this.#serial;
        this.#show();
        break;
      case 't':
        this.#timestamps = !this.#timestamps;
        this.#originMs = undefined;
        this.#lineStart = false;
        break;
    }
  }

  #show(): void {
    const end = this.#focus;
    if (end.opened) end.user?.focus(true);
    else {
      end.opened = true;
      end.user?.opened();
    }
  }

  #print(text: string): void {
    this.write(new TextEncoder().encode(text));
  }

  #stamped(bytes: Uint8Array): Uint8Array {
    const out: number[] = [];
    for (const byte of bytes) {
      if (this.#lineStart) out.push(...new TextEncoder().encode(this.#time()));
      this.#lineStart = byte === NEWLINE;
      out.push(byte);
    }
    return Uint8Array.from(out);
  }

  /** Since the first line that was stamped. */
  #time(): string {
    const now = this.#options.nowMs();
    this.#originMs ??= now;
    const ms = Math.floor(now - this.#originMs);
    const two = (value: number): string => String(value).padStart(2, '0');
    const seconds = Math.floor(ms / 1000);
    const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
      .map(two)
      .join(':');
    return `[${clock}.${String(ms % 1000).padStart(3, '0')}] `;
  }
}
