import { ByteQueue } from '../emu/index.ts';

/** Bytes that may be on their way to a terminal that has not shown them. */
const WINDOW_BYTES = 2 << 20;
/** What is kept for a terminal that is behind; more than its scroll-back holds. */
const KEEP_BYTES = 1 << 20;
/** Bytes of a character in UTF-8 after its first. */
const UTF8_TAIL_MAX = 3;
/** 60 posts a second. */
const INTERVAL_MS = 16;

/**
 * Collects a device's output into few messages. A page that shows nothing (a hidden tab) does not hold up the guest:
 * the newest output is kept and a line says how much is missing.
 */
export class OutputBatcher {
  readonly #post: (bytes: Uint8Array) => void;
  readonly #now: () => number;
  readonly #bytes = new ByteQueue();
  #skipped = 0;
  #unshown = 0;
  #lastPostMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param post gets arrays that it may transfer */
  constructor(post: (bytes: Uint8Array) => void, now: () => number = () => performance.now()) {
    this.#post = post;
    this.#now = now;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#bytes.push(bytes);
    if (this.#bytes.length > 2 * KEEP_BYTES && this.#unshown >= WINDOW_BYTES) this.#skip();
    // The timer serves a guest that falls asleep; a busy one is served by `poll`.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, INTERVAL_MS);
  }

  /** Posts when it is time; cheap enough for every slice. */
  poll(): void {
    if (this.#bytes.length > 0 && this.#now() - this.#lastPostMs >= INTERVAL_MS) this.#flush();
  }

  /** The terminal has taken `bytes`. */
  shown(bytes: number): void {
    this.#unshown -= bytes;
    this.poll();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes.length === 0 || this.#unshown >= WINDOW_BYTES) return;
    this.#lastPostMs = this.#now();
    if (this.#skipped > 0) this.#give(this.#skippedNote());
    this.#give(this.#bytes.take());
  }

  #give(bytes: Uint8Array): void {
    this.#unshown += bytes.length;
    this.#post(bytes);
  }

  #skip(): void {
    let from = this.#bytes.length - KEEP_BYTES;
    // Not from the middle of a character.
    for (let n = 0; n < UTF8_TAIL_MAX && isContinuation(this.#bytes.at(from)); n++) from++;
    this.#skipped += from;
    this.#bytes.drop(from);
  }

  #skippedNote(): Uint8Array {
    const note = `\x1b[0m\r\n[${this.#skipped} bytes of output skipped: this page was not shown]\r\n`;
    this.#skipped = 0;
    return new TextEncoder().encode(note);
  }
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
