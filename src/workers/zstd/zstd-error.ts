/** The bytes are no Zstandard data, or were damaged. */
export class ZstdError extends Error {
  constructor() {
    super('the packed data is damaged');
    this.name = 'ZstdError';
  }
}

/** Throws a ZstdError unless `condition` holds. */
export function ensure(condition: boolean): asserts condition {
  if (!condition) throw new ZstdError();
}
