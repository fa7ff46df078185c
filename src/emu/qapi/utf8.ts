/** UTF-8 as QEMU's JSON has it: U+0000 is two bytes, C0 80, so that a text in C can hold it, and noncharacters are no characters. */

const REPLACEMENT = 0xfffd;
const SURROGATES = 0xd800;
const SURROGATES_END = 0xe000;
const UNICODE_END = 0x11_0000;

/** What a first byte says: how many bytes there are, and the smallest code point that needs so many. */
interface Lead {
  readonly length: number;
  readonly bits: number;
  readonly least: number;
}

/** QEMU: sequences of five and six bytes are read as a whole, and are never valid. */
const LEADS: readonly (Lead & { readonly from: number; readonly to: number })[] = [
  { from: 0xc0, to: 0xdf, length: 2, bits: 0x1f, least: 0x80 },
  { from: 0xe0, to: 0xef, length: 3, bits: 0x0f, least: 0x800 },
  { from: 0xf0, to: 0xf7, length: 4, bits: 0x07, least: 0x1_0000 },
  { from: 0xf8, to: 0xfb, length: 5, bits: 0x03, least: UNICODE_END },
  { from: 0xfc, to: 0xfd, length: 6, bits: 0x01, least: UNICODE_END },
];

/** Neither a surrogate nor one of Unicode's noncharacters. */
export function isCharacter(codePoint: number): boolean {
  if (codePoint >= UNICODE_END || (codePoint & 0xfffe) === 0xfffe) return false;
  if (codePoint >= 0xfdd0 && codePoint <= 0xfdef) return false;
  return codePoint < SURROGATES || codePoint >= SURROGATES_END;
}

/** Reads characters one by one. */
export class Utf8Cursor {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.at >= this.#end;
  }

  /** Moves behind the ASCII characters at `at`, up to one that is `stop`, and gives them to `text`: most of all texts, all at once. */
  takeAscii(text: TextBuilder, stop: number): void {
    const bytes = this.#bytes;
    let end = this.at;
    while (end < this.#end) {
      const byte = bytes[end] ?? 0;
      if (byte >= 0x80 || byte === stop) break;
      end++;
    }
    if (end > this.at) text.addBytes(bytes.subarray(this.at, end));
    this.at = end;
  }

  /** The character at `at`, which moves behind it; undefined: there is none, and `at` is where the next one may begin. */
  next(): number | undefined {
    const first = this.#bytes[this.at++] ?? 0;
    if (first < 0x80) return first;
    const lead = LEADS.find(({ from, to }) => first >= from && first <= to);
    if (lead === undefined) return undefined;
    let codePoint = first & lead.bits;
    for (let left = lead.length - 1; left > 0; left--) {
      const byte = this.at < this.#end ? (this.#bytes[this.at] ?? 0) : 0;
      if ((byte & 0xc0) !== 0x80) return undefined;
      codePoint = codePoint * 0x40 + (byte & 0x3f);
      this.at++;
    }
    if (codePoint === 0 && lead.length === 2) return 0;
    return codePoint >= lead.least && isCharacter(codePoint) ? codePoint : undefined;
  }
}

const CHUNK = 4096;
const NO_BYTE = -1;

/** Collects a text of any length, character by character. */
export class TextBuilder {
  readonly #units: Uint16Array;
  #used = 0;
  #text = '';

  /** @param atMost code units that are expected: most texts are short, and a message may have millions of them */
  constructor(atMost: number) {
    this.#units = new Uint16Array(Math.min(CHUNK, atMost + 2));
  }

  add(codePoint: number): void {
    if (this.#used > this.#units.length - 2) this.#flush();
    if (codePoint < 0x1_0000) {
      this.#units[this.#used++] = codePoint;
      return;
    }
    this.#units[this.#used++] = SURROGATES + ((codePoint - 0x1_0000) >> 10);
    this.#units[this.#used++] = 0xdc00 + (codePoint & 0x3ff);
  }

  /** @param bytes ASCII */
  addBytes(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#used > this.#units.length - 2) this.#flush();
      const part = bytes.subarray(done, done + this.#units.length - this.#used);
      this.#units.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
    }
  }

  take(): string {
    this.#flush();
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #flush(): void {
    this.#text += String.fromCharCode(...this.#units.subarray(0, this.#used));
    this.#used = 0;
  }
}

/** The text that QEMU makes of bytes in its answers: up to the first zero byte, what is no character replaced. */
export function decodeCText(bytes: Uint8Array): string {
  const zero = bytes.indexOf(0);
  const cursor = new Utf8Cursor(bytes, 0, zero < 0 ? bytes.length : zero);
  const text = new TextBuilder(bytes.length);
  while (!cursor.atEnd) {
    cursor.takeAscii(text, NO_BYTE);
    if (!cursor.atEnd) text.add(cursor.next() ?? REPLACEMENT);
  }
  return text.take();
}

const NUL = '\0';

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function encodeText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  if (!text.includes(NUL)) return bytes;
  const longer: number[] = [];
  for (const byte of bytes) {
    if (byte === 0) longer.push(0xc0, 0x80);
    else longer.push(byte);
  }
  return Uint8Array.from(longer);
}
