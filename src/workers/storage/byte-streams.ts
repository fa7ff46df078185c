import { BlockError } from '../../emu/index.ts';

/**
 * The bytes of a file or stream, piece by piece. Stops at once when `signal` aborts, also while the source stalls: ECANCELED.
 * Not by `for await` over the stream, which not every browser has.
 */
export async function* bytesOf(
  source: Blob | ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = (source instanceof Blob ? source.stream() : source).getReader();
  const onAbort = () => {
    reader.cancel().catch(() => {});
  };
  signal?.addEventListener('abort', onAbort);
  const checkSignal = () => {
    if (signal?.aborted === true) throw new BlockError('ECANCELED');
  };
  let ended = false;
  try {
    for (;;) {
      checkSignal();
      const { done, value } = await reader.read();
      checkSignal();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (!ended) reader.cancel().catch(() => {});
  }
}

/** A stream that reads no faster than it is read. */
export function streamOf(bytes: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** The same pieces; `count` hears of the length of each that is asked for. */
export async function* counted(
  source: AsyncIterable<Uint8Array>,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    count(piece.length);
    yield piece;
  }
}

/** The same pieces; their last bytes are remembered. */
export class Tail implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #lengthBytes: number;
  #last: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>, lengthBytes: number) {
    this.#source = source;
    this.#lengthBytes = lengthBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#source) {
      this.#remember(piece);
      yield piece;
    }
  }

  /** At most as many as were asked for; fewer when there were fewer. */
  bytes(): Uint8Array {
    return this.#last;
  }

  #remember(piece: Uint8Array): void {
    const kept = this.#last.subarray(Math.max(0, this.#last.length + piece.length - this.#lengthBytes));
    const added = piece.subarray(Math.max(0, piece.length - this.#lengthBytes));
    const last = new Uint8Array(kept.length + added.length);
    last.set(kept);
    last.set(added, kept.length);
    this.#last = last;
  }
}
