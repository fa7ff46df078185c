/** Ethernet frames in a stream of bytes, as QEMU has them: the length in four bytes, most significant first, then the frame. */
import type { Packet } from '../net-client.ts';

const HEADER = 4;
/** QEMU: a longer one ends the connection. */
export const FRAME_MAX = 4096 + 65_536;

export function frameBytes(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(HEADER + packet.length);
  new DataView(bytes.buffer).setUint32(0, packet.length);
  bytes.set(packet, HEADER);
  return bytes;
}

/** Takes a stream apart. */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER);
  /** Bytes of the length that are there; all of them while a frame is read. */
  #headerLength = 0;
  #frame = new Uint8Array(0);
  #frameLength = 0;

  /** The frames that are complete now. Undefined: this is no such stream. */
  take(bytes: Uint8Array): readonly Packet[] | undefined {
    const frames: Packet[] = [];
    for (let at = 0; at < bytes.length; ) {
      if (this.#headerLength < HEADER) {
        this.#header[this.#headerLength++] = bytes[at++];
        if (this.#headerLength < HEADER) continue;
        const length = new DataView(this.#header.buffer).getUint32(0);
        if (length > FRAME_MAX) return undefined;
        this.#frame = new Uint8Array(length);
        this.#frameLength = 0;
      }
      const part = bytes.subarray(at, at + this.#frame.length - this.#frameLength);
      this.#frame.set(part, this.#frameLength);
      this.#frameLength += part.length;
      at += part.length;
      if (this.#frameLength < this.#frame.length) continue;
      frames.push(this.#frame);
      this.#headerLength = 0;
    }
    return frames;
  }
}
