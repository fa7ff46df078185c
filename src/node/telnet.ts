/** A server's side of Telnet: who connects is asked to send keys, not lines. Spec: RFC 854, RFC 857, RFC 858, RFC 856. */

const IAC = 0xff;
const BREAK = 0xf3;
const WILL = 0xfb;
const DO = 0xfd;
const BINARY = 0;
const ECHO = 1;
const SUPPRESS_GO_AHEAD = 3;

/** What the server says first. */
export const TELNET_GREETING = Uint8Array.of(
  ...[IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD],
  ...[IAC, WILL, BINARY, IAC, DO, BINARY],
);

/** Takes commands out of what a client sends. Not modelled: answers to what it wants; QEMU gives none either. */
export class TelnetFilter {
  readonly #onBreak: () => void;
  /** Bytes of a command that are still to come: the command itself, then what it is about. */
  #missing = 0;

  constructor(onBreak: () => void) {
    this.#onBreak = onBreak;
  }

  /** What is meant for the machine. */
  take(bytes: Uint8Array): Uint8Array {
    if (this.#missing === 0 && !bytes.includes(IAC)) return bytes;
    return bytes.filter((byte) => this.#isData(byte));
  }

  #isData(byte: number): boolean {
    if (this.#missing === 0) {
      if (byte === IAC) this.#missing = 2;
      return byte !== IAC;
    }
    this.#missing--;
    if (this.#missing === 0) return false;
    // QEMU: all but these two have a third byte.
    if (byte === BREAK) this.#onBreak();
    if (byte === BREAK || byte === IAC) this.#missing = 0;
    return byte === IAC;
  }
}
