/** The two ends of a character device: the guest's (a UART, a virtio port) and the host's (the page's terminal). */

/** What can happen to a character device besides bytes. */
export type CharEvent = 'opened' | 'closed' | 'break';

/** The guest's end. */
export interface CharFrontend {
  /** Bytes that `receive` would take now; 0 asks the host to wait for `acceptInput`. */
  canReceive(): number;
  /** At most `canReceive()` bytes. */
  receive(bytes: Uint8Array): void;
  event(event: CharEvent): void;
  /** The back end has room again, after `write` took less than it was given. */
  outputReady(): void;
}

/** The host's end, as a device sees it. */
export interface CharBackend {
  /** Somebody is at the other end. It changes with the events `opened` and `closed`. */
  readonly open: boolean;
  /**
   * Takes bytes that the guest sent; a taken array is the back end's to keep. The answer is how many of the first bytes were taken:
   * `CharFrontend.outputReady` tells when the rest may be offered again.
   */
  write(bytes: Uint8Array): number;
  /** Plugs a device in, or takes it away with undefined. */
  connect(frontend: CharFrontend | undefined): void;
  /** The device has room again: whoever waits for `canReceive` may go on. */
  acceptInput(): void;
}

/** A back end that swallows output and never sends; QEMU's `null` chardev, which is never open. */
export const NULL_CHAR: CharBackend = {
  open: false,
  write: (bytes) => bytes.length,
  connect() {},
  acceptInput() {},
};

/** More than anybody pastes; who can be made to wait is held long before. */
const MAX_PENDING_BYTES = 16 << 20;

/** A backend with a listener on one side and an input queue on the other: what is typed or pasted waits until the guest takes it. */
export class CharPipe implements CharBackend {
  readonly #output: (bytes: Uint8Array) => void;
  readonly #input: Uint8Array[] = [];
  #frontend: CharFrontend | undefined;
  #open: boolean;
  #pumping = false;
  #pending = 0;

  /** @param open somebody is at the other end from the start */
  constructor(output: (bytes: Uint8Array) => void, open = true) {
    this.#output = output;
    this.#open = open;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Somebody came to the other end, or went. */
  setOpen(open: boolean): void {
    if (this.#open === open) return;
    this.#open = open;
    this.sendEvent(open ? 'opened' : 'closed');
  }

  write(bytes: Uint8Array): number {
    this.#output(bytes);
    return bytes.length;
  }

  connect(frontend: CharFrontend | undefined): void {
    this.#frontend = frontend;
    this.acceptInput();
  }

  /** Sends bytes to the guest, now or as soon as its device has room; false when too many wait already and these are lost. */
  send(bytes: Uint8Array): boolean {
    if (this.#pending + bytes.length > MAX_PENDING_BYTES) return false;
    if (bytes.length > 0) this.#input.push(bytes.slice());
    this.#pending += bytes.length;
    this.acceptInput();
    return true;
  }

  /** Tells the guest's device of an event. */
  sendEvent(event: CharEvent): void {
    this.#frontend?.event(event);
  }

  /** Tells the guest's device that output which was not taken may be offered again. */
  protected outputReady(): void {
    this.#frontend?.outputReady();
  }

  /** Bytes that the guest has not taken yet. */
  get pending(): number {
    return this.#pending;
  }

  acceptInput(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (;;) {
      const chunk = this.#input[0];
      const room = this.#frontend?.canReceive() ?? 0;
      if (chunk === undefined || room <= 0) break;
      if (chunk.length <= room) this.#input.shift();
      else this.#input[0] = chunk.subarray(room);
      const taken = chunk.subarray(0, room);
      this.#pending -= taken.length;
      this.#frontend?.receive(taken);
    }
    this.#pumping = false;
  }
}
