/** -qtest and -qtest-log: where a client of QEMU's qtest protocol is. */

export interface QtestOption {
  /** A character device as -serial names it. */
  readonly spec: string;
  /** A file, or `none`; undefined: standard error. */
  readonly log: string | undefined;
}

/** Undefined: there is no client. */
export function readQtest(spec: string | undefined, log: string | undefined): QtestOption | undefined {
  return spec === undefined ? undefined : { spec, log };
}
