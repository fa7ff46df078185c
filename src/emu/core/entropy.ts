/** Where the random bytes of a machine's devices come from. */

/** A source of entropy; QEMU's type `rng-backend`. */
export interface EntropySource {
  /** Fills `target`. */
  random(target: Uint8Array): void;
}
