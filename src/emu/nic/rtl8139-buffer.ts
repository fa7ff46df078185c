/** The receive buffer of the RTL8139, and which packets come into it. Spec: RTL8139C+ datasheet 1.6, chapter 7. */
import type { DmaPort } from '../memory/dma-port.ts';
import { addressHash, frameChecksum } from '../net/ethernet-crc.ts';
import { isBroadcast, isMulticast, isSameMac, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import * as r from './rtl8139-registers.ts';

const HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
/** Where a buffer is so large, it always goes on at its start. */
const WRAPS_FROM = 65_536;

export interface BufferHost {
  readonly regs: r.Fields;
  readonly dma: DmaPort;
  readonly address: Uint8Array;
  readonly filter: Uint8Array;
}

/** How a packet is addressed to the card, as its header says; undefined: it is not. */
export function kindOf({ regs, address, filter }: BufferHost, packet: Packet): number | undefined {
  const to = packet.subarray(0, MAC_BYTES);
  const { RCR } = regs;
  if ((RCR & r.RCR_AAP) !== 0) return 0;
  if (isBroadcast(to)) return (RCR & r.RCR_AB) !== 0 ? r.RX_BROADCAST : undefined;
  if (isMulticast(to)) {
    const place = addressHash(to) >>> 26;
    const isChosen = (filter[place >> 3] & (1 << (place & 7))) !== 0;
    return (RCR & r.RCR_AM) !== 0 && isChosen ? r.RX_MULTICAST : undefined;
  }
  return isSameMac(address, to) && (RCR & r.RCR_APM) !== 0 ? r.RX_PHYSICAL : undefined;
}

/** Free bytes of the receive buffer; 0: all of them. */
export function roomOf({ CAPR, CBR }: r.Fields, sizeBytes: number): number {
  return (sizeBytes + CAPR - CBR) & (sizeBytes - 1);
}

/** False: there is no room for the packet. */
export function storeInBuffer(host: BufferHost, sizeBytes: number, frame: Packet, kind: number): boolean {
  const { regs } = host;
  const room = roomOf(regs, sizeBytes);
  const needed = (frame.length + HEADER_BYTES + CHECKSUM_BYTES + 3) & ~3;
  if (room !== 0 && needed >= room) return false;
  const whole = new Uint8Array(HEADER_BYTES + frame.length + CHECKSUM_BYTES);
  const view = new DataView(whole.buffer);
  view.setUint16(0, kind | r.RX_OK, true);
  view.setUint16(2, frame.length + CHECKSUM_BYTES, true);
  whole.set(frame, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + frame.length, frameChecksum(frame), true);
  append(host, sizeBytes, whole.subarray(0, HEADER_BYTES));
  append(host, sizeBytes, whole.subarray(HEADER_BYTES, HEADER_BYTES + frame.length));
  append(host, sizeBytes, whole.subarray(HEADER_BYTES + frame.length));
  regs.CBR = (regs.CBR + 3) & ~3 & (sizeBytes - 1);
  return true;
}

/** Goes on at the buffer's start where it ends, unless the driver left room behind it. */
function append({ regs, dma }: BufferHost, sizeBytes: number, part: Uint8Array): void {
  const end = regs.CBR + part.length;
  const over = end > sizeBytes ? end & (sizeBytes - 1) : 0;
  const staysWhole = sizeBytes < WRAPS_FROM && (regs.RCR & r.RCR_WRAP) !== 0;
  if (over === 0 || staysWhole) {
    dma.write(regs.RBSTART + regs.CBR, part);
    regs.CBR = end;
    return;
  }
  dma.write(regs.RBSTART + regs.CBR, part.subarray(0, part.length - over));
  dma.write(regs.RBSTART, part.subarray(part.length - over));
  regs.CBR = over;
}
