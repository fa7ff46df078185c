/** Packed files as streams of what is in them. Memory stays small whatever the bytes say. */
import { BlockError } from '../../emu/index.ts';
import { unzstd } from './unzstd.ts';

export type Packing = 'gzip' | 'zstd';

/** What deflate makes of these is at most a thousand times longer, and the browser holds it at once. */
const GZIP_STEP_BYTES = 16 * 1024;

/** The machine, a word to cancel, and all else that this thread does wait for no longer. */
const TURN_MS = 8;

/** @throws BlockError EINVAL when the data are damaged; what `source` throws */
export async function* unpacked(
  packing: Packing,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let turnMs = performance.now();
  for await (const piece of packing === 'gzip' ? gunzip(source) : unzstd(source)) {
    yield piece;
    if (performance.now() - turnMs < TURN_MS) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    turnMs = performance.now();
  }
}

/** What goes through, until it is more than `limitBytes`: EINVAL. */
export async function* atMost(
  limitBytes: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for await (const piece of source) {
    doneBytes += piece.length;
    if (doneBytes > limitBytes) {
      throw new BlockError('EINVAL', `it unpacks to more than ${limitBytes / 2 ** 40} TiB`);
    }
    yield piece;
  }
}

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream('gzip');
  const reader = readable.getReader();
  const feed = new Feed(writable.getWriter());
  const fed = feed.run(source);
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } catch {
    throw (
      feed.sourceError ??
      new BlockError(
        'EINVAL',
        'its gzip data are damaged, cut off, or followed by other data; if gunzip can unpack it, upload what comes out',
      )
    );
  } finally {
    // Cancelled, Node's decompressor may give out one piece more, which fails where nobody can catch it. It ends by itself, soon.
    feed.isWanted = false;
    while (!ended) ended = await isOver(reader);
    await fed;
  }
}

/** Writes the source to a decompressor; never rejects. */
/** Takes what comes, until nothing more does. */
async function isOver(reader: ReadableStreamDefaultReader<unknown>): Promise<boolean> {
  try {
    return (await reader.read()).done;
  } catch {
    return true;
  }
}

class Feed {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  /** False: nobody reads any more, and the decompressor is to end. */
  isWanted = true;
  /** What the source threw, in a box of its own: it may be anything. */
  sourceError: unknown;

  constructor(writer: WritableStreamDefaultWriter<BufferSource>) {
    this.#writer = writer;
    // Whoever reads hears of a failure.
    writer.closed.catch(() => {});
  }

  async run(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const piece of source) if (!(await this.#write(piece))) break;
    } catch (error) {
      this.sourceError = error;
      await this.#writer.abort(error).catch(() => {});
      return;
    }
    await this.#writer.close().catch(() => {});
  }

  /** False when the decompressor takes no more: it failed, or nobody reads. */
  async #write(piece: Uint8Array): Promise<boolean> {
    for (let at = 0; at < piece.length; at += GZIP_STEP_BYTES) {
      if (!this.isWanted) return false;
      try {
        await this.#writer.ready;
        await this.#writer.write(new Uint8Array(piece.subarray(at, at + GZIP_STEP_BYTES)));
      } catch {
        return false;
      }
    }
    return true;
  }
}
