/** Plain data as bytes: a tag, then the value; lengths and counts are little-endian uint32. */
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';

const TAG_UNDEFINED = 0;
const TAG_NULL = 1;
const TAG_FALSE = 2;
const TAG_TRUE = 3;
const TAG_INT32 = 4;
const TAG_FLOAT64 = 5;
const TAG_STRING = 6;
/** In decimal. */
const TAG_BIGINT = 7;
const TAG_ARRAY = 8;
const TAG_OBJECT = 9;
/** And one for each of ARRAY_TYPES. */
const TAG_TYPED_ARRAY = 16;

const ARRAY_TYPES = [Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array] as const;
const MAX_DEPTH = 64;
/** Digits; a state has numbers of 64 bits. */
const BIGINT_MAX = 100;
const FIRST_ROOM = 4096;

class Encoder {
  #bytes = new Uint8Array(FIRST_ROOM);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  value(value: Plain): void {
    if (value === undefined) this.#tag(TAG_UNDEFINED);
    else if (value === null) this.#tag(TAG_NULL);
    else if (typeof value === 'boolean') this.#tag(value ? TAG_TRUE : TAG_FALSE);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(TAG_STRING, value);
    else if (typeof value === 'bigint') this.#text(TAG_BIGINT, value.toString());
    else if (ArrayBuffer.isView(value)) this.#typedArray(value);
    else if (isArray(value)) {
      this.#tag(TAG_ARRAY);
      this.#uint32(value.length);
      for (const item of value) this.value(item);
    } else {
      const entries = Object.entries(value);
      this.#tag(TAG_OBJECT);
      this.#uint32(entries.length);
      for (const [key, item] of entries) {
        this.#string(key);
        this.value(item);
      }
    }
  }

  #number(value: number): void {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#tag(TAG_INT32);
      this.#room(4);
      this.#view.setInt32(this.#at, value, true);
      this.#at += 4;
    } else {
      this.#tag(TAG_FLOAT64);
      this.#room(8);
      this.#view.setFloat64(this.#at, value, true);
      this.#at += 8;
    }
  }

  #typedArray(value: ArrayBufferView): void {
    const type = ARRAY_TYPES.findIndex((one) => value instanceof one);
    if (type < 0) throw new SnapshotError('The machine has state of a kind that a snapshot cannot hold.');
    this.#tag(TAG_TYPED_ARRAY + type);
    this.#block(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }

  #text(tag: number, text: string): void {
    this.#tag(tag);
    this.#string(text);
  }

  #string(text: string): void {
    this.#block(new TextEncoder().encode(text));
  }

  #block(bytes: Uint8Array): void {
    this.#uint32(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #tag(tag: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = tag;
  }

  #uint32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(depth = 0): Plain {
    if (depth > MAX_DEPTH) throw damaged();
    const tag = this.#bytes[this.#take(1)];
    switch (tag) {
      case TAG_UNDEFINED:
        return undefined;
      case TAG_NULL:
        return null;
      case TAG_FALSE:
        return false;
      case TAG_TRUE:
        return true;
      case TAG_INT32:
        return this.#view.getInt32(this.#take(4), true);
      case TAG_FLOAT64:
        return this.#view.getFloat64(this.#take(8), true);
      case TAG_STRING:
        return this.#string();
      case TAG_BIGINT:
        return this.#bigint();
      case TAG_ARRAY:
        return Array.from({ length: this.#count() }, () => this.value(depth + 1));
      case TAG_OBJECT:
        return this.#object(depth);
      default:
        return this.#typedArray(tag - TAG_TYPED_ARRAY);
    }
  }

  #object(depth: number): Plain {
    const entries = Array.from({ length: this.#count() }, () => {
      const key = this.#string();
      return [key, this.value(depth + 1)] as const;
    });
    return Object.fromEntries(entries);
  }

  #typedArray(type: number): Plain {
    const Type = ARRAY_TYPES[type];
    if (Type === undefined) throw damaged();
    const bytes = this.#block().slice();
    if (bytes.length % Type.BYTES_PER_ELEMENT !== 0) throw damaged();
    return new Type(bytes.buffer);
  }

  #bigint(): bigint {
    const text = this.#string();
    // To read a number takes longer than its length says.
    if (text.length > BIGINT_MAX || !/^-?\d+$/.test(text)) throw damaged();
    return BigInt(text);
  }

  #string(): string {
    return new TextDecoder().decode(this.#block());
  }

  #block(): Uint8Array {
    const length = this.#uint32();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Items to come; each takes at least a byte. */
  #count(): number {
    const count = this.#uint32();
    if (count > this.#bytes.length - this.#at) throw damaged();
    return count;
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw damaged();
    this.#at = at + length;
    return at;
  }
}

function isArray(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function damaged(): SnapshotError {
  return new SnapshotError('The snapshot is damaged: its state cannot be read.');
}

/** The bytes of `value`. */
export function encodePlain(value: Plain): Uint8Array {
  const encoder = new Encoder();
  encoder.value(value);
  return encoder.finish();
}

/** What `encodePlain` was given. Throws `SnapshotError`. */
export function decodePlain(bytes: Uint8Array): Plain {
  const decoder = new Decoder(bytes);
  const value = decoder.value();
  if (!decoder.atEnd) throw damaged();
  return value;
}
