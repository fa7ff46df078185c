import { TerminalPane } from './terminal-pane.ts';

/** End of line, then delete to its start: the monitor's own editing keys. */
const CLEAR_LINE = '\x05\x15';

/** QEMU's human monitor. Editing, history and completion are the monitor's, not the page's. */
export class MonitorPane {
  readonly pane: TerminalPane;
  readonly #send: (text: string) => void;

  constructor(send: (text: string) => void) {
    this.#send = send;
    this.pane = new TerminalPane({
      id: 'monitor',
      title: 'Monitor',
      scrollback: 5000,
      convertEol: true,
      onInput: send,
    });
  }

  output(text: string): void {
    this.pane.write(text);
  }

  /** Puts a command on the input line in place of what is there; the user presses Enter. */
  propose(command: string): void {
    this.#send(CLEAR_LINE + command);
    this.pane.focus();
  }

  /** Adds text where the cursor is. */
  insert(text: string): void {
    this.#send(text);
    this.pane.focus();
  }
}
