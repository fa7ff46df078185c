/** Bytes of a connection become packets. Spec: Debugging with GDB, "Overview" of the remote protocol. */

/** QEMU: a packet that is as long is dropped. */
export const MAX_PACKET = 4096;

const DOLLAR = 0x24;
const HASH = 0x23;
const STAR = 0x2a;
const BRACE = 0x7d;
const ESCAPE = 0x20;
/** A repeat count as a character: this one stands for 3. */
const REPEAT_FIRST = 0x20;
const REPEAT_LAST = 126;
const REPEAT_LEAST = 3;

export type Received =
  /** Contents of a packet, a character for each byte; its checksum is right. */
  { readonly kind: 'packet'; readonly text: string } | { readonly kind: 'bad-checksum' };

type State = 'idle' | 'text' | 'escape' | 'repeat' | 'checksum1' | 'checksum2';

export class PacketReader {
  #state: State = 'idle';
  readonly #bytes = new Uint8Array(MAX_PACKET);
  #length = 0;
  #sum = 0;
  #checksum = 0;

  /** Takes one byte. Undefined: no packet ends with it. */
  take(byte: number): Received | undefined {
    switch (this.#state) {
      case 'idle':
        if (byte === DOLLAR) this.#begin();
        return undefined;
      case 'text':
        this.#text(byte);
        return undefined;
      case 'escape':
        this.#escaped(byte);
        return undefined;
      case 'repeat':
        this.#repeat(byte);
        return undefined;
      default:
        return this.#digit(byte);
    }
  }

  /** The connection is new. */
  reset(): void {
    this.#state = 'idle';
  }

  #begin(): void {
    this.#state = 'text';
    this.#length = 0;
    this.#sum = 0;
  }

  #text(byte: number): void {
    if (byte === HASH) {
      this.#state = 'checksum1';
      return;
    }
    this.#sum += byte;
    if (byte === BRACE) this.#state = 'escape';
    else if (byte === STAR) this.#state = 'repeat';
    else this.#append(byte, 1);
  }

  #escaped(byte: number): void {
    if (byte === HASH) {
      this.#state = 'checksum1';
      return;
    }
    this.#sum += byte;
    this.#state = 'text';
    this.#append(byte ^ ESCAPE, 1);
  }

  /** QEMU: what is no repeat count is left out, and nothing is repeated before the first byte. */
  #repeat(byte: number): void {
    this.#state = 'text';
    if (byte < REPEAT_FIRST || byte === HASH || byte > REPEAT_LAST) return;
    this.#sum += byte;
    if (this.#length > 0) this.#append(this.#bytes[this.#length - 1], byte - REPEAT_FIRST + REPEAT_LEAST);
  }

  #append(byte: number, count: number): void {
    if (this.#length + count >= MAX_PACKET) {
      this.#state = 'idle';
      return;
    }
    this.#bytes.fill(byte, this.#length, this.#length + count);
    this.#length += count;
  }

  /** QEMU: a packet whose checksum is no number is dropped without a word. */
  #digit(byte: number): Received | undefined {
    const digit = Number.parseInt(String.fromCharCode(byte), 16);
    const isFirst = this.#state === 'checksum1';
    this.#state = 'idle';
    if (Number.isNaN(digit)) return undefined;
    if (isFirst) {
      this.#checksum = digit << 4;
      this.#state = 'checksum2';
      return undefined;
    }
    if ((this.#checksum | digit) !== (this.#sum & 0xff)) return { kind: 'bad-checksum' };
    return { kind: 'packet', text: String.fromCharCode(...this.#bytes.subarray(0, this.#length)) };
  }
}

/** A packet around `text`, which has a character for each byte and is escaped already. */
export function framed(text: string): Uint8Array {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum = (sum + text.charCodeAt(at)) & 0xff;
  return latin1(`$${text}#${hexByte(sum)}`);
}

/** What is not text: the characters that mean something in a packet are escaped. */
export function escaped(text: string): string {
  return text.replace(/[#$*}]/g, (character) => `}${String.fromCharCode(character.charCodeAt(0) ^ ESCAPE)}`);
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, hexByte).join('');
}

/** QEMU: what is no digit counts as 0, and half a byte at the end is left out. */
export function fromHex(text: string): Uint8Array {
  const digit = (at: number): number => Number.parseInt(text[at] ?? '', 16) || 0;
  return Uint8Array.from({ length: text.length >> 1 }, (_, n) => (digit(2 * n) << 4) | digit(2 * n + 1));
}

/** A number as C's strtoull reads it at base 16; undefined: there is none, or it does not fit. */
export function hexNumber(text: string): bigint | undefined {
  const [, sign, digits] = /^\s*([-+]?)(?:0x(?=[0-9a-f]))?([0-9a-f]+)/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const value = BigInt(`0x${digits}`);
  if (value >> 64n !== 0n) return undefined;
  return sign === '-' ? BigInt.asUintN(64, -value) : value;
}
