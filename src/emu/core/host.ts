/** All that a machine needs of the world. The worker and Node each bring one. */
export interface Host {
  /** Monotonic host time in nanoseconds, from any origin. */
  monotonicNs(): number;
  /** Wall clock, milliseconds since 1970-01-01 UTC. */
  wallClockMs(): number;
  /** Fills `bytes` with entropy. */
  random(bytes: Uint8Array): void;
}
