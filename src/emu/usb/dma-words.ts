/** Structures in guest memory as words of 32 bits. */
import type { DmaPort } from '../memory/dma-port.ts';

const WORD_BYTES = 4;

export function readWords(dma: DmaPort, address: number, count: number): Uint32Array {
  const bytes = new Uint8Array(WORD_BYTES * count);
  dma.read(address, bytes);
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: count }, (_, at) => view.getUint32(WORD_BYTES * at, true));
}

export function writeWords(dma: DmaPort, address: number, words: Uint32Array): void {
  const bytes = new Uint8Array(WORD_BYTES * words.length);
  const view = new DataView(bytes.buffer);
  for (const [at, word] of words.entries()) view.setUint32(WORD_BYTES * at, word, true);
  dma.write(address, bytes);
}
