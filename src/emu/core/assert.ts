/** Our own mistakes, never the guest's or the user's: the machine stops with run state `internal-error`. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`);
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new Error(`internal error: unexpected ${String(value)}`);
}
