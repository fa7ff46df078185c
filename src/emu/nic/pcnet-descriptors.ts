/** Descriptors of the PCnet family, which have two sizes and three orders. Spec: Am79C970A data sheet, "Descriptor Ring Entries". */
import type { DmaPort } from '../memory/dma-port.ts';
import { SWS_SSIZE32 } from './pcnet-registers.ts';

const ADDRESS_24 = 0xff_ffff;
/** Buffer and status change places. */
const STYLE_SWAPPED = 3;

/** As a driver of 32 bits sees it. */
export interface PcnetDescriptor {
  buffer: number;
  /** Ones, and the buffer's length as a negative number of 12 bits. */
  length: number;
  status: number;
  /** The length of a received packet, or the errors of a sent one. */
  result: number;
  reserved: number;
}

export const lengthOf = ({ length }: PcnetDescriptor): number => 0x1000 - (length & 0xfff);
export const hasOnes = ({ length }: PcnetDescriptor): boolean => length >>> 12 === 0xf;

/** In what order descriptors are. @param style BCR20 */
export class PcnetLayout {
  readonly #style: number;

  constructor(style: number) {
    this.#style = style;
  }

  get is32Bit(): boolean {
    return (this.#style & SWS_SSIZE32) !== 0;
  }

  get bytes(): number {
    return (this.#style & 0xff) !== 0 ? 16 : 8;
  }

  /** @param isReceived of the ring of packets to the guest: its short ones have the result where those sent have it not */
  load(dma: DmaPort, at: number, isReceived: boolean): PcnetDescriptor {
    const raw = new Uint8Array(this.is32Bit ? 16 : 8);
    dma.read(at, raw);
    const view = new DataView(raw.buffer);
    const length = view.getUint16(4, true);
    if (!this.is32Bit) {
      const first = view.getUint32(0, true);
      const last = view.getUint16(6, true);
      return {
        buffer: first & ADDRESS_24,
        status: (first >>> 16) & 0xff00,
        result: isReceived ? last : (last << 16) >>> 0,
        ...{ length, reserved: 0 },
      };
    }
    const [first, third] = [view.getUint32(0, true), view.getUint32(8, true)];
    const isSwapped = (this.#style & 0xff) === STYLE_SWAPPED;
    return {
      buffer: isSwapped ? third : first,
      result: isSwapped ? first : third,
      ...{ length, status: view.getUint16(6, true), reserved: view.getUint32(12, true) },
    };
  }

  store(dma: DmaPort, at: number, descriptor: PcnetDescriptor, isReceived: boolean): void {
    const { buffer, length, status, result, reserved } = descriptor;
    const raw = new Uint8Array(this.is32Bit ? 16 : 8);
    const view = new DataView(raw.buffer);
    view.setUint16(4, length, true);
    if (this.is32Bit) {
      const isSwapped = (this.#style & 0xff) === STYLE_SWAPPED;
      view.setUint32(0, isSwapped ? result : buffer, true);
      view.setUint16(6, status, true);
      view.setUint32(8, isSwapped ? buffer : result, true);
      view.setUint32(12, reserved, true);
    } else {
      view.setUint32(0, (buffer & ADDRESS_24) | ((status & 0xff00) << 16), true);
      view.setUint16(6, isReceived ? result : result >>> 16, true);
    }
    dma.write(at, raw);
  }
}
