/** Character devices of the host: where serial ports and monitors lead. */
import { RingBuffer } from '../emu/index.ts';

/** Who is at the machine's side of a channel. */
export interface ChannelUser {
  /** Bytes from outside. */
  input(bytes: Uint8Array): void;
  /** Somebody is there now: a client connected, the terminal shows this channel for the first time. */
  opened(): void;
  /** The client has gone. */
  closed(): void;
  /** The terminal shows this channel again, or no longer. */
  focus(on: boolean): void;
  /** Ctrl-A B of a terminal. */
  sendBreak(): void;
}

export interface Channel {
  /** What it leads to, as `info chardev` shows it now. */
  readonly filename: string;
  /** Called once, before anything else. */
  connect(user: ChannelUser): void;
  write(bytes: Uint8Array): void;
  /** Bytes that the other side has not taken yet. */
  readonly queuedBytes: number;
  /** Reads nothing from outside while `held`; who writes there has to wait. */
  hold(held: boolean): void;
  /** Gives up what the channel holds of the host. */
  close(): void;
}

/** A channel that leads nowhere. QEMU: nobody ever is at the other end of `null`. */
export class NullChannel implements Channel {
  readonly queuedBytes = 0;
  readonly filename: string;

  /** @param filename `null`; `vc` for a terminal that is part of the display, which there is not */
  constructor(filename: 'null' | 'vc') {
    this.filename = filename;
  }

  connect(user: ChannelUser): void {
    if (this.filename !== 'null') user.opened();
  }

  write(): void {}

  hold(): void {}

  close(): void {}
}

/** A channel that keeps the last bytes for `ringbuf_read`. */
export class RingBufferChannel implements Channel {
  readonly queuedBytes = 0;
  readonly filename: string;
  readonly ring: RingBuffer;

  constructor(driver: string, sizeBytes: number) {
    this.filename = driver;
    this.ring = new RingBuffer(sizeBytes);
  }

  connect(user: ChannelUser): void {
    user.opened();
  }

  write(bytes: Uint8Array): void {
    this.ring.write(bytes);
  }

  hold(): void {}

  close(): void {}
}
