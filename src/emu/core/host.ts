/** All that a machine needs of the world. The worker and Node each bring one. */
export interface Host {
  /** Monotonic host time in nanoseconds, from any origin. */
  monotonicNs(): number;
  /** Wall clock, milliseconds since 1970-01-01 UTC. */
  wallClockMs(): number;
  /** Fills `bytes` with entropy. */
  random(bytes: Uint8Array): void;
}

/** A file could not be written; the message is the reason in the C library's words, as `No space left on device`. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** A file that the host lets a monitor's user write. */
export interface OutputFile {
  /** Throws `OutputError`. */
  write(bytes: Uint8Array): void;
  close(): void;
  /** In place of `close`: it is not wanted after all. It goes if it was made; one that was there before stays as it was, unless something was written. */
  abandon(): void;
}

/** Makes a file, or empties the one that is there; else the reason in the C library's words, as `Permission denied`. */
export type FileMaker = (path: string) => OutputFile | string;

/** A host without files. */
export const NO_FILES: FileMaker = () => 'Operation not supported';
