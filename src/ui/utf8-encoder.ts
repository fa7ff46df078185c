const LAST_HALF = /[\ud800-\udbff]$/;

/** Text as UTF-8. The first half of a surrogate pair at the end of one text waits for the other half, in the next. */
export class Utf8Encoder {
  readonly #encoder = new TextEncoder();
  #half = '';

  encode(text: string): Uint8Array {
    const all = this.#half + text;
    this.#half = LAST_HALF.test(all) ? all.slice(-1) : '';
    return this.#encoder.encode(all.slice(0, all.length - this.#half.length));
  }
}
