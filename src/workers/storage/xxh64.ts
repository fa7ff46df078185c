/** XXH64, by which a zstd frame proves its content. Spec: xxHash 0.1.1, "XXH64 algorithm"; seed 0. Halves of 32 bits: bigint is ten times slower. */

const P1 = [0x85ebca87, 0x9e3779b1] as const;
const P2 = [0x27d4eb4f, 0xc2b2ae3d] as const;
const P3 = [0x9e3779f9, 0x165667b1] as const;
const P4 = [0xc2b2ae63, 0x85ebca77] as const;
const P5 = [0x165667c5, 0x27d4eb2f] as const;
const STRIPE_BYTES = 32;

type Word64 = readonly [low: number, high: number];

/** A register of 64 bits that is worked on in place. */
class Register {
  low: number;
  high: number;

  constructor([low, high]: Word64) {
    this.low = low | 0;
    this.high = high | 0;
  }

  add(low: number, high: number): this {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.high = (this.high + high + (sum > 0xffff_ffff ? 1 : 0)) | 0;
    this.low = sum | 0;
    return this;
  }

  multiply([low, high]: Word64): this {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const middle = a1 * b0 + ((a0 * b0) >>> 16);
    const carry = (middle & 0xffff) + a0 * b1;
    const top = a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
    this.high = (top + Math.imul(this.low, high) + Math.imul(this.high, low)) | 0;
    this.low = Math.imul(this.low, low);
    return this;
  }

  /** @param bits 1 to 31 */
  rotate(bits: number): this {
    const { low, high } = this;
    this.low = (low << bits) | (high >>> (32 - bits));
    this.high = (high << bits) | (low >>> (32 - bits));
    return this;
  }

  xor(low: number, high: number): this {
    this.low ^= low;
    this.high ^= high;
    return this;
  }

  /** Exclusive or with itself, shifted to the right. */
  fold(bits: number): this {
    if (bits >= 32) return this.xor(this.high >>> (bits - 32), 0);
    return this.xor((this.low >>> bits) | (this.high << (32 - bits)), this.high >>> bits);
  }

  round(low: number, high: number): this {
    scratch.low = low;
    scratch.high = high;
    scratch.multiply(P2);
    return this.add(scratch.low, scratch.high).rotate(31).multiply(P1);
  }

  /** Takes the last state of a lane into the sum. */
  merge({ low, high }: Register): this {
    const lane = new Register([0, 0]).round(low, high);
    return this.xor(lane.low, lane.high).multiply(P1).add(P4[0], P4[1]);
  }
}

const scratch = new Register([0, 0]);

export class Xxh64 {
  readonly #lanes = [
    new Register(P1).add(P2[0], P2[1]),
    new Register(P2),
    new Register([0, 0]),
    new Register([~P1[0] + 1, ~P1[1]]),
  ] as const;
  readonly #rest = new Uint8Array(STRIPE_BYTES);
  #restBytes = 0;
  #totalBytes = 0;

  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    let at = 0;
    if (this.#restBytes > 0) {
      at = Math.min(STRIPE_BYTES - this.#restBytes, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restBytes);
      this.#restBytes += at;
      if (this.#restBytes < STRIPE_BYTES) return;
      this.#stripe(this.#rest, 0);
      this.#restBytes = 0;
    }
    for (; at + STRIPE_BYTES <= bytes.length; at += STRIPE_BYTES) this.#stripe(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#restBytes = bytes.length - at;
  }

  /** The lower 32 bits of the sum, which a zstd frame ends with. */
  low32(): number {
    const hash = this.#totalBytes < STRIPE_BYTES ? new Register(P5) : this.#mergeLanes();
    hash.add(this.#totalBytes | 0, Math.floor(this.#totalBytes / 2 ** 32));
    this.#takeRest(hash);
    hash.fold(33).multiply(P2).fold(29).multiply(P3).fold(32);
    return hash.low >>> 0;
  }

  #stripe(bytes: Uint8Array, at: number): void {
    const [a, b, c, d] = this.#lanes;
    a.round(word32(bytes, at), word32(bytes, at + 4));
    b.round(word32(bytes, at + 8), word32(bytes, at + 12));
    c.round(word32(bytes, at + 16), word32(bytes, at + 20));
    d.round(word32(bytes, at + 24), word32(bytes, at + 28));
  }

  #mergeLanes(): Register {
    const [a, b, c, d] = this.#lanes;
    const turns = [1, 7, 12, 18].map((bits, lane) => {
      const { low, high } = [a, b, c, d][lane] ?? a;
      return new Register([low, high]).rotate(bits);
    });
    const hash = new Register([0, 0]);
    for (const turn of turns) hash.add(turn.low, turn.high);
    return hash.merge(a).merge(b).merge(c).merge(d);
  }

  #takeRest(hash: Register): void {
    const rest = this.#rest.subarray(0, this.#restBytes);
    let at = 0;
    for (; at + 8 <= rest.length; at += 8) {
      const word = new Register([0, 0]).round(word32(rest, at), word32(rest, at + 4));
      hash.xor(word.low, word.high).rotate(27).multiply(P1).add(P4[0], P4[1]);
    }
    if (at + 4 <= rest.length) {
      const word = new Register([word32(rest, at), 0]).multiply(P1);
      hash.xor(word.low, word.high).rotate(23).multiply(P2).add(P3[0], P3[1]);
      at += 4;
    }
    for (; at < rest.length; at++) {
      const byte = new Register([rest[at] ?? 0, 0]).multiply(P5);
      hash.xor(byte.low, byte.high).rotate(11).multiply(P1);
    }
  }
}

function word32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}
