/** `-chardev pty`: a pseudo terminal, whose other end any program of the host may open. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { MonitorError } from '../emu/index.ts';
import type { Channel, ChannelUser } from './chardev.ts';
import { PTY_SCRIPT } from './pty-script.ts';

type Helper = ChildProcessByStdio<Writable, Readable, null>;

const NAME = 0x6e;
const OPENED = 0x6f;
const CLOSED = 0x63;
const DATA = 0x64;
/** The letter of a frame, and its length. */
const HEADER_BYTES = 3;

/** Takes frames apart, however they come. See pty-script.ts. */
export class PtyFrames {
  #bytes = Buffer.alloc(0);
  readonly #told: (letter: number, bytes: Buffer) => void;

  constructor(told: (letter: number, bytes: Buffer) => void) {
    this.#told = told;
  }

  feed(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const size = this.#size();
      if (size === undefined || size > this.#bytes.length) return;
      const frame = this.#bytes.subarray(0, size);
      this.#bytes = this.#bytes.subarray(size);
      this.#told(frame.readUInt8(0), frame.subarray(HEADER_BYTES));
    }
  }

  /** Of the first frame; undefined: not known yet. */
  #size(): number | undefined {
    const [letter] = this.#bytes;
    if (letter === undefined) return undefined;
    if (letter === OPENED || letter === CLOSED) return 1;
    return this.#bytes.length < HEADER_BYTES ? undefined : HEADER_BYTES + this.#bytes.readUInt16LE(1);
  }
}

export class PtyChannel implements Channel {
  /** Of the other end. */
  readonly path: string;
  readonly #helper: Helper;
  #user: ChannelUser | undefined;
  #isOpen = false;
  #isClosed = false;
  #isLost = false;
  readonly #warn: (text: string) => void;

  private constructor(path: string, helper: Helper, warn: (text: string) => void) {
    this.path = path;
    this.#warn = warn;
    this.#helper = helper;
  }

  /**
   * Rejects with MonitorError where the host has no pseudo terminals, or no Perl.
   * @param warn told when the terminal is lost
   */
  static open(warn: (text: string) => void): Promise<PtyChannel> {
    return new Promise((resolve, reject) => {
      const helper = spawn('perl', ['-e', PTY_SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
      let channel: PtyChannel | undefined;
      const frames = new PtyFrames((letter, bytes) => {
        if (letter === NAME) {
          channel = new PtyChannel(bytes.toString('latin1'), helper, warn);
          resolve(channel);
        } else if (channel !== undefined) channel.#tell(letter, bytes);
      });
      const failed = (): void =>
        reject(new MonitorError('Failed to create PTY: Function not implemented', 'GenericError', HINT));
      helper.on('error', failed);
      helper.on('exit', () => {
        if (channel === undefined) failed();
        else channel.#lost();
      });
      helper.stdin.on('error', () => {});
      helper.stdout.on('data', (bytes: Buffer) => frames.feed(bytes));
    });
  }

  get filename(): string {
    return this.#isLost ? 'pty' : `pty:${this.path}`;
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    if (this.#isOpen) user.opened();
  }

  get queuedBytes(): number {
    return this.#helper.stdin.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#isOpen) this.#helper.stdin.write(bytes);
  }

  hold(held: boolean): void {
    if (held) this.#helper.stdout.pause();
    else this.#helper.stdout.resume();
  }

  close(): void {
    this.#isClosed = true;
    this.#user = undefined;
    this.#helper.kill();
  }

  /** The terminal is gone with the program that held it: the host has ended it, not the user. */
  #lost(): void {
    if (this.#isClosed) return;
    this.#isLost = true;
    this.#warn(`${this.path}: the program that holds the pseudo terminal has ended`);
    if (this.#isOpen) this.#user?.closed();
    this.#isOpen = false;
  }

  #tell(letter: number, bytes: Buffer): void {
    if (letter === DATA) this.#user?.input(bytes);
    else {
      this.#isOpen = letter === OPENED;
      if (this.#isOpen) this.#user?.opened();
      else this.#user?.closed();
    }
  }
}

const HINT = 'Pseudo terminals need Linux and Perl; a socket does the same.';
