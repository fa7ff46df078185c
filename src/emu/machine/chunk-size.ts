/** How many instructions a machine runs between two looks at the clock: about half a millisecond's, as fast as it goes. */
import { CHUNK_MAX } from './virtual-clock.ts';

const CHUNK_MIN = 2_000;
const CHUNK_NS = 500_000;

export class ChunkSize {
  #instructions = CHUNK_MIN;

  get instructions(): number {
    return this.#instructions;
  }

  /** What was asked for was carried out in `elapsedNs` of the host's time, but for what the guest did not need. */
  learn(done: number, elapsedNs: number): void {
    if (done < this.#instructions / 2 || elapsedNs <= 0) return;
    const wanted = (done * CHUNK_NS) / elapsedNs;
    this.#instructions = Math.round(
      Math.min(CHUNK_MAX, Math.max(CHUNK_MIN, (this.#instructions + wanted) / 2)),
    );
  }
}
