import type { Channel, ChannelUser } from './chardev.ts';

/** Keys that a terminal turns into signals, unless it sends them on. */
const SIGNAL_KEYS: Readonly<Record<number, NodeJS.Signals>> = { 3: 'SIGINT', 26: 'SIGTSTP', 28: 'SIGQUIT' };

/** Standard input and output. A terminal gives every key at once and does not show it; what it was is restored by `close`. */
export class StdioChannel implements Channel {
  readonly filename = 'stdio';
  readonly #signals: boolean;
  readonly #onClose: () => void;
  #user: ChannelUser | undefined;
  readonly #onData = (bytes: Uint8Array): void => this.#input(bytes);
  readonly #onContinue = (): void => this.#raw(true);
  readonly #ignore = (): void => {};

  /**
   * @param signals Ctrl-C and its like act on the emulator, not on the guest
   * @param onClose told when another may have the terminal
   */
  constructor(signals: boolean, onClose: () => void) {
    this.#signals = signals;
    this.#onClose = onClose;
  }

  connect(user: ChannelUser): void {
    this.#user = user;
    this.#raw(true);
    process.on('SIGCONT', this.#onContinue);
    // A reader that went away is no reason to stop the machine.
    process.stdout.on('error', this.#ignore);
    process.stdin.on('error', this.#ignore);
    process.stdin.on('data', this.#onData);
    user.opened();
  }

  get queuedBytes(): number {
    return process.stdout.writableLength;
  }

  write(bytes: Uint8Array): void {
    process.stdout.write(bytes);
  }

  hold(held: boolean): void {
    if (held) process.stdin.pause();
    else process.stdin.resume();
  }

  close(): void {
    process.off('SIGCONT', this.#onContinue);
    process.stdin.off('data', this.#onData);
    process.stdin.pause();
    this.#raw(false);
    this.#onClose();
  }

  #raw(on: boolean): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(on);
  }

  #input(bytes: Uint8Array): void {
    if (!this.#signals || !process.stdin.isTTY) {
      this.#user?.input(bytes);
      return;
    }
    for (const byte of bytes) {
      const signal = SIGNAL_KEYS[byte];
      if (signal === undefined) this.#user?.input(Uint8Array.of(byte));
      else this.#signal(signal);
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (signal !== 'SIGINT') this.#raw(false);
    process.kill(process.pid, signal);
  }
}
