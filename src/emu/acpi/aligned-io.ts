import type { AccessSize, IoHandler } from '../core/device.ts';

/** Answers an access that is not aligned to its size piece by piece, as QEMU's memory core does for most devices. */
export class AlignedIo implements IoHandler {
  readonly #inner: IoHandler;

  constructor(inner: IoHandler) {
    this.#inner = inner;
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let at = 0; at < size; ) {
      const step = stepSize(offset + at, size - at);
      value |= this.#inner.read(offset + at, step) << (at * 8);
      at += step;
    }
    return value >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    for (let at = 0; at < size; ) {
      const step = stepSize(offset + at, size - at);
      const part = value >>> (at * 8);
      this.#inner.write(offset + at, step, step === 4 ? part : part & ((1 << (step * 8)) - 1));
      at += step;
    }
  }
}

function stepSize(offset: number, left: number): AccessSize {
  if (left >= 4 && offset % 4 === 0) return 4;
  return left >= 2 && offset % 2 === 0 ? 2 : 1;
}
