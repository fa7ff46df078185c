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
