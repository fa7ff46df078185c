/** Several users of one channel: monitors, serial ports, devices. Keys are those of QEMU's multiplexer. */
import { MonitorError } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';

/** QEMU: a place that was left is not given again. */
const MAX_FRONTS = 4;
const CTRL_A = 0x01;
const NEWLINE = 0x0a;
const HELP = [
  '',
  'C-a h    this list',
  'C-a x    end the emulator',
  'C-a s    nothing: there are no snapshots to save',
  'C-a t    time before each line, on or off',
  'C-a b    send a break to the guest',
  'C-a c    to the next of monitors and consoles',
  'C-a C-a  send C-a',
];

/** One of those that share the channel. */
class MuxFront implements Channel {
  readonly filename = 'mux';
  readonly #mux: Mux;
  user: ChannelUser | undefined;
  held = false;

  constructor(mux: Mux) {
    this.#mux = mux;
  }

  connect(user: ChannelUser): void {
    this.user = user;
    this.#mux.connected(this);
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

  /** Leaves; the others stay. */
  close(): void {
    this.#mux.leave(this);
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
  readonly #options: MuxOptions;
  /** In the order in which Ctrl-A C goes round. */
  readonly #fronts: MuxFront[] = [];
  #taken = 0;
  /** Whom the keys are for: the last that came, until somebody types Ctrl-A C. */
  #focus: MuxFront | undefined;
  #isBegun = false;
  #isOpen = false;
  #escape = false;
  #timestamps = false;
  #lineStart = false;
  #originMs: number | undefined;

  constructor(options: MuxOptions) {
    this.#options = options;
  }

  get queuedBytes(): number {
    return this.#options.channel.queuedBytes;
  }

  get hasRoom(): boolean {
    return this.#taken < MAX_FRONTS;
  }

  get isUsed(): boolean {
    return this.#fronts.length > 0;
  }

  /** An end for one more user, who has the focus. Throws MonitorError when there are too many. */
  front(): Channel {
    if (!this.hasRoom) throw new MonitorError('the multiplexer has no room for more');
    this.#taken++;
    const front = new MuxFront(this);
    this.#fronts.push(front);
    this.#setFocus(front);
    return front;
  }

  /** From now on the users hear of the channel. QEMU: once the machine is ready, so that the last has the focus before. */
  begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#options.channel.connect({
      input: (bytes) => this.#input(bytes),
      opened: () => this.#setOpen(true),
      closed: () => this.#setOpen(false),
      focus() {},
      sendBreak: () => this.sendBreak(),
    });
  }

  /** The user of a front is there. */
  connected(front: MuxFront): void {
    if (front !== this.#focus) front.user?.focus(false);
    if (this.#isOpen) front.user?.opened();
  }

  leave(front: MuxFront): void {
    const at = this.#fronts.indexOf(front);
    if (at < 0) return;
    this.#fronts.splice(at, 1);
    this.updateHold();
    if (this.#focus === front) this.#setFocus(this.#fronts.at(-1));
  }

  /** QEMU: it goes to all, whoever has the keys. */
  sendBreak(): void {
    for (const { user } of this.#fronts) user?.sendBreak();
  }

  write(bytes: Uint8Array): void {
    this.#options.channel.write(this.#timestamps ? this.#stamped(bytes) : bytes);
  }

  /** Who is held holds all: the channel is one stream, keys of the multiplexer included. */
  updateHold(): void {
    this.#options.channel.hold(this.#fronts.some(({ held }) => held));
  }

  #setOpen(open: boolean): void {
    this.#isOpen = open;
    for (const { user } of this.#fronts) {
      if (open) user?.opened();
      else user?.closed();
    }
  }

  /** QEMU: whoever is alone loses the keys for a moment. */
  #setFocus(front: MuxFront | undefined): void {
    this.#focus?.user?.focus(false);
    this.#focus = front;
    front?.user?.focus(true);
  }

  /** The one after whoever has the keys. */
  #next(): MuxFront | undefined {
    const at = this.#fronts.findIndex((front) => front === this.#focus);
    return this.#fronts[(at + 1) % this.#fronts.length];
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
    if (bytes.length > 0) this.#focus?.user?.input(bytes);
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
        this.sendBreak();
        break;
      case 'c':
        this.#setFocus(this.#next());
        break;
      case 't':
        this.#timestamps = !this.#timestamps;
        this.#originMs = undefined;
        this.#lineStart = false;
        break;
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
