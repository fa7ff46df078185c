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
  #chunks: Uint8Array[] = [];
  #bytes = 0;
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
    this.#chunks.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > 2 * KEEP_BYTES && this.#unshown >= WINDOW_BYTES) this.#skip();
    // The timer serves a guest that falls asleep; a busy one is served by `poll`.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, INTERVAL_MS);
  }

  /** Posts when it is time; cheap enough for every slice. */
  poll(): void {
    if (this.#bytes > 0 && this.#now() - this.#lastPostMs >= INTERVAL_MS) this.#flush();
  }

  /** The terminal has taken `bytes`. */
  shown(bytes: number): void {
    this.#unshown -= bytes;
    this.poll();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes === 0 || this.#unshown >= WINDOW_BYTES) return;
    if (this.#skipped > 0) this.#chunks.unshift(this.#skippedNote());
    const joined = join(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    this.#unshown += joined.length;
    this.#lastPostMs = this.#now();
    this.#post(joined);
  }

  #skip(): void {
    const all = join(this.#chunks);
    let from = all.length - KEEP_BYTES;
    // Not from the middle of a character.
    for (let n = 0; n < UTF8_TAIL_MAX && isContinuation(all[from]); n++) from++;
    const kept = all.slice(from);
    this.#skipped += all.length - kept.length;
    this.#chunks = [kept];
    this.#bytes = kept.length;
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

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
