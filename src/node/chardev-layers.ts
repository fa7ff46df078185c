/** What can be around a channel: a file that keeps what is sent, a place that another channel can take. */
import type { Channel, ChannelUser } from './chardev.ts';
import type { OutputFile } from './chardev-file.ts';

/** Keeps all that the machine sends in a file, whether or not anybody hears it. */
export class LoggedChannel implements Channel {
  readonly #channel: Channel;
  readonly #log: OutputFile;

  constructor(channel: Channel, log: OutputFile) {
    this.#channel = channel;
    this.#log = log;
  }

  get filename(): string {
    return this.#channel.filename;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  connect(user: ChannelUser): void {
    this.#channel.connect(user);
  }

  write(bytes: Uint8Array): void {
    this.#channel.write(bytes);
    this.#log.write(bytes);
  }

  hold(held: boolean): void {
    this.#channel.hold(held);
  }

  close(): void {
    this.#channel.close();
    this.#log.close();
  }
}

const NOBODY: ChannelUser = { input() {}, opened() {}, closed() {}, focus() {}, sendBreak() {} };

/** A channel whose user need not know when it becomes another. */
export class ReplaceableChannel implements Channel {
  #channel: Channel;
  #user: ChannelUser | undefined;
  #held = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Closes the channel and goes on with another, which nobody has connected to. */
  replace(channel: Channel): void {
    this.#channel.close();
    this.#channel = channel;
    if (this.#user !== undefined) this.#listen(this.#user);
    channel.hold(this.#held);
  }

  get filename(): string {
    return this.#channel.filename;
  }

  get queuedBytes(): number {
    return this.#channel.queuedBytes;
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    this.#listen(user);
  }

  write(bytes: Uint8Array): void {
    this.#channel.write(bytes);
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#channel.hold(held);
  }

  close(): void {
    this.#channel.close();
  }

  /** What a channel has to say when it is no longer this one is of no interest. */
  #listen(user: ChannelUser): void {
    const channel = this.#channel;
    const current = (): ChannelUser => (this.#channel === channel ? user : NOBODY);
    channel.connect({
      input: (bytes) => current().input(bytes),
      opened: () => current().opened(),
      closed: () => current().closed(),
      focus: (on) => current().focus(on),
      sendBreak: () => current().sendBreak(),
    });
  }
}
