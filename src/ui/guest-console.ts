import type { BootProgress, ConsoleSize } from '../workers/protocol.ts';
import { BootCard } from './boot-progress.ts';
import { h } from './dom.ts';
import { GuestShell } from './guest-shell.ts';
import { pane } from './pane.ts';
import { CLEAR_LINE, TerminalScreen } from './terminal-screen.ts';
import { touchKeys } from './touch-keys.ts';
import { Utf8Encoder } from './utf8-encoder.ts';

/** A guest that does not know its terminal's size takes it for one of 80 columns. */
const COLUMNS = 80;

/** The guest's serial port. */
export class GuestConsole {
  readonly element: HTMLElement;
  readonly screen: TerminalScreen;
  readonly shell: GuestShell;
  readonly #told: (text: string) => void;
  readonly #boot = new BootCard();
  readonly #encoder = new Utf8Encoder();
  /** The terminal itself drops what is not UTF-8; here it becomes U+FFFD. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #spoke = false;

  /**
   * @param send bytes to the guest, as UTF-8
   * @param told what the guest says, all of it
   * @param resized the terminal has another size, and the user has stopped to change it
   */
  constructor(
    send: (bytes: Uint8Array) => void,
    told: (text: string) => void,
    resized: (size: ConsoleSize) => void,
  ) {
    this.#told = told;
    this.shell = new GuestShell(send, (text) => this.screen.write(text));
    this.screen = new TerminalScreen({
      title: 'Guest console',
      scrollback: 10_000,
      onInput: (text) => this.shell.input(this.#encoder.encode(text)),
      onBinary: (bytes) => this.shell.input(bytes),
      onResize: (columns, rows) => resized({ rows, columns }),
    });
    this.screen.overlay.append(this.#boot.element);
    this.element = pane(
      'console',
      'Guest console',
      [h('h2', {}, 'Guest console'), this.screen.actions],
      this.screen.element,
      touchKeys((sequence) => this.screen.type(sequence)),
    );
  }

  /** @param shown called when the terminal has taken the bytes */
  output(bytes: Uint8Array, shown: () => void): void {
    if (!this.#spoke) this.#boot.hide();
    this.#spoke = true;
    const text = this.#decoder.decode(bytes, { stream: true });
    this.screen.write(this.shell.output(text), shown);
    this.#told(text);
  }

  /** Puts a command on the shell's input line in place of what is there; the user presses Enter. */
  propose(command: string): void {
    this.screen.type(CLEAR_LINE + command);
    this.screen.focus();
  }

  /** A guest that does not follow the terminal gets one that is wide enough for it. */
  setFollows(follows: boolean): void {
    this.screen.setMinColumns(follows ? 0 : COLUMNS);
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
