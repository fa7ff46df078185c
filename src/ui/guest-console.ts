import type { BootProgress } from '../workers/protocol.ts';
import { BootCard } from './boot-progress.ts';
import { TerminalPane } from './terminal-pane.ts';
import { touchKeys } from './touch-keys.ts';

/** The guest's serial port. */
export class GuestConsole {
  readonly pane: TerminalPane;
  readonly #boot = new BootCard();
  readonly #encoder = new TextEncoder();
  #spoke = false;

  /** @param send bytes to the guest, as UTF-8 */
  constructor(send: (bytes: Uint8Array) => void) {
    this.pane = new TerminalPane({
      id: 'console',
      title: 'Guest console',
      scrollback: 10_000,
      onInput: (text) => send(this.#encoder.encode(text)),
      onBinary: send,
    });
    this.pane.overlay.append(this.#boot.element);
    this.pane.bottom.append(touchKeys((sequence) => this.pane.type(sequence)));
  }

  /** @param shown called when the terminal has taken the bytes */
  output(bytes: Uint8Array, shown: () => void): void {
    if (!this.#spoke) this.#boot.hide();
    this.#spoke = true;
    this.pane.write(bytes, shown);
  }

  /** @param progress undefined when all is loaded, or nothing will be */
  booting(progress: BootProgress | undefined, failed: boolean): void {
    if (progress !== undefined) {
      this.#boot.show(progress);
      this.#spoke = false;
    } else if (failed) this.#boot.hide();
    else this.#boot.waitForKernel();
  }
}
