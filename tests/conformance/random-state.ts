/** Random registers and memory that dwell on the edges of their types. Part of the vector format: changing it invalidates recordings. */

/** Values 0–2 as in vector-format.ts: integers, singles, doubles; 3: extended. */
const SINGLE = 1;
const DOUBLE = 2;
const EXTENDED = 3;

/** xorshift128, seeded through splitmix32. */
export class Rng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let z = seed | 0;
    const mix = (): number => {
      z = (z + 0x9e3779b9) | 0;
      let t = z ^ (z >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return t ^ (t >>> 15);
    };
    this.#a = mix();
    this.#b = mix();
    this.#c = mix();
    this.#d = mix() | 1;
  }

  /** 32 random bits, unsigned. */
  next(): number {
    let t = this.#d;
    const s = this.#a;
    this.#d = this.#c;
    this.#c = this.#b;
    this.#b = s;
    t ^= t << 11;
    t ^= t >>> 8;
    this.#a = t ^ s ^ (s >>> 19);
    return this.#a >>> 0;
  }

  /** 0 … bound - 1. */
  below(bound: number): number {
    return this.next() % bound;
  }

  chance(probability: number): boolean {
    return this.next() < probability * 0x1_0000_0000;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  big64(): bigint {
    const lo = BigInt(this.next());
    return lo | (BigInt(this.next()) << 32n);
  }
}

const EDGE_WORDS = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** An integer of 64 bits in out[0] (low) and out[1]. */
export function randomValue64(rng: Rng, out: Uint32Array): void {
  const kind = rng.next() & 7;
  out[0] = rng.next();
  out[1] = rng.next();
  if (kind === 0) {
    out[0] = EDGE_WORDS[out[0] % EDGE_WORDS.length];
    out[1] = 0;
  } else if (kind === 1) {
    out[0] = ~EDGE_WORDS[out[0] % EDGE_WORDS.length];
    out[1] = 0xffffffff;
  } else if (kind === 2) {
    out[0] = EDGE_WORDS[out[0] % EDGE_WORDS.length];
    out[1] = EDGE_WORDS[out[1] % EDGE_WORDS.length];
  } else if (kind === 3) {
    out[0] = out[0] & 0xff;
    out[1] = 0;
  } else if (kind === 4) {
    out[1] = out[0] >>> 31 === 0 ? 0 : 0xffffffff;
  }
}

function randomSingle(rng: Rng): number {
  const r = rng.next();
  const sign = r & 0x80000000;
  const fraction = rng.next() & 0x7fffff;
  switch (r & 31) {
    case 0:
      return sign;
    case 1:
      return sign | 1 | (fraction & 3);
    case 2:
      return sign | fraction;
    case 3:
      return sign | 0x7fffff;
    case 4:
      return sign | 0x800000;
    case 5:
      return sign | 0x7f800000;
    case 6:
      return sign | 0x7fc00000 | (fraction & 0xff);
    case 7:
      return sign | 0x7f800001 | (fraction & 0x3fffff);
    case 8:
      return sign | 0x7f7fffff;
    case 9:
      return sign | 0x3f800000;
    case 10:
      return sign | 0x4f000000 | (fraction & 1);
    case 11:
      return sign | 0x5f000000 | (fraction & 1);
    case 12:
      return sign | 0x4effffff;
    case 13:
      return sign | 0x3f000000 | (((r >>> 8) & 15) << 23);
    case 14:
      return sign | (((r >>> 8) & 0x1f) << 23) | fraction;
    case 15:
      return sign | ((0xe0 + ((r >>> 8) & 0x1e)) << 23) | fraction;
    case 16:
    case 17:
      return rng.next();
    default:
      return sign | ((0x7f - 14 + ((r >>> 8) % 40)) << 23) | (fraction & (r & 0x80 ? 0x7fffff : 0x7ff000));
  }
}

function randomDouble(rng: Rng, out: Uint32Array, at: number): void {
  const r = rng.next();
  const sign = r & 0x80000000;
  let hi = rng.next() & 0xfffff;
  let lo = rng.next();
  let exponent = 0x3ff - 30 + ((r >>> 8) % 94);
  switch (r & 31) {
    case 0:
      [exponent, hi, lo] = [0, 0, 0];
      break;
    case 1:
      [exponent, hi, lo] = [0, 0, 1 | (lo & 3)];
      break;
    case 2:
      exponent = 0;
      break;
    case 3:
      [exponent, hi, lo] = [0x7ff, 0, 0];
      break;
    case 4:
      [exponent, hi] = [0x7ff, hi | 0x80000];
      break;
    case 5:
      [exponent, hi, lo] = [0x7ff, hi & 0x7ffff, lo | 1];
      break;
    case 6:
      [exponent, hi, lo] = [0x7fe, 0xfffff, 0xffffffff];
      break;
    case 7:
      [exponent, hi, lo] = [0x3ff, 0, 0];
      break;
    case 8:
      [exponent, hi, lo] = [0x41d, 0xfffff + (lo & 1) - 1, lo];
      break;
    case 9:
      [exponent, hi, lo] = [0x41e, 0, lo & 0x300000];
      break;
    case 10:
      [exponent, hi, lo] = [0x43d, 0xfffff, 0xffffffff];
      break;
    case 11:
      [exponent, hi, lo] = [0x43e, 0, lo & 1];
      break;
    case 12:
      [exponent, hi, lo] = [0x3fe + ((r >>> 8) & 15), hi & 0xf0000, 0];
      break;
    case 13:
      exponent = (r >>> 8) & 0x3f;
      break;
    case 14:
      exponent = 0x7c0 + ((r >>> 8) & 0x3e);
      break;
    case 15:
      exponent = 0x3ff - 160 + ((r >>> 8) % 300);
      break;
    default:
      if (r & 0x80) lo &= 0xe0000000;
  }
  out[at] = lo;
  out[at + 1] = sign | (exponent << 20) | hi;
}

/** Mantissa in out[0], out[1], sign and exponent in the low half of out[2]. */
function randomExtended(rng: Rng, out: Uint32Array): void {
  const r = rng.next();
  const sign = (r >>> 31) << 15;
  let lo = rng.next();
  let hi = rng.next() | 0x80000000;
  let exponent = 0x3fff - 30 + ((r >>> 8) % 94);
  switch (r & 31) {
    case 0:
    case 1:
      [exponent, hi, lo] = [0, 0, 0];
      break;
    case 2:
      [exponent, hi] = [0, hi & 0x7fffffff];
      break;
    case 3:
      [exponent, hi, lo] = [0x7fff, 0x80000000, 0];
      break;
    case 4:
      [exponent, hi] = [0x7fff, hi | 0x40000000];
      break;
    case 5:
      [exponent, hi, lo] = [0x7fff, hi & ~0x40000000, lo | 1];
      break;
    case 6:
      [exponent, hi, lo] = [0x7ffe, 0xffffffff, 0xffffffff];
      break;
    case 7:
      [exponent, hi, lo] = [0x3fff, 0x80000000, 0];
      break;
    case 8:
      [exponent, hi, lo] = [0x3fff + ((r >>> 8) & 63), hi & 0xf0000000, 0];
      break;
    case 9:
      exponent = (r >>> 8) & 0x3f;
      break;
    case 10:
      exponent = 0x7fc0 + ((r >>> 8) & 0x3e);
      break;
    case 11:
      exponent = 0x3fff - 1100 + ((r >>> 8) % 2200);
      break;
    case 12:
      exponent = 0x3fff - 150 + ((r >>> 8) % 300);
      break;
    case 13:
      /* Unnormal, pseudo-denormal, pseudo-NaN: one in 128 each. */
      if ((r & 0x300) === 0) hi &= 0x7fffffff;
      if ((r & 0x700) === 0x100) exponent = 0;
      if ((r & 0x700) === 0x200) exponent = 0x7fff;
      break;
    default:
      if (r & 0x80) lo &= 0xff000000;
      if (r & 0x40) lo = 0;
  }
  out[0] = lo;
  out[1] = hi;
  out[2] = sign | exponent;
}

/** 128 bits: two integers, four singles, two doubles, or one extended. */
export function randomXmm(rng: Rng, flavour: number, out: Uint32Array): void {
  if (flavour === SINGLE) {
    for (let i = 0; i < 4; i++) out[i] = randomSingle(rng);
  } else if (flavour === DOUBLE) {
    randomDouble(rng, out, 0);
    randomDouble(rng, out, 2);
  } else if (flavour === EXTENDED) {
    randomExtended(rng, out);
    out[3] = rng.next();
  } else {
    const half = new Uint32Array(2);
    for (let i = 0; i < 4; i += 2) {
      randomValue64(rng, half);
      out[i] = half[0];
      out[i + 1] = half[1];
    }
  }
}
