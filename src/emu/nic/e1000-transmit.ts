/**
 * Packets as the descriptors of the 8254x family have them: pieces are put together, large ones are cut into segments, checksums and VLAN
 * tags filled in. Spec: 8254x SDM §3.3 to §3.5.
 */
import { BOOLEAN, BYTE, bytes, integer, record, WORD } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { putChecksum } from '../net/internet-checksum.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import * as r from './e1000-registers.ts';

/** QEMU: longer packets are cut off. */
const PACKET_BYTES = 0x1_0000;
const HEADER_BYTES = 256;
const VLAN_TAG_BYTES = 4;
/** In headers of IPv4, IPv6, TCP and UDP. */
const IPV4_LENGTH_AT = 2;
const IPV4_ID_AT = 4;
const IPV6_LENGTH_AT = 4;
const TCP_SEQUENCE_AT = 4;
const TCP_FLAGS_AT = 13;
const TCP_FIN_PSH = 0x09;
const UDP_LENGTH_AT = 4;
const LENGTH_20_BITS = 0xf_ffff;
const LENGTH_16_BITS = 0xffff;

/** What a context descriptor says. */
export type TxContext = {
  readonly ipStart: number;
  readonly ipChecksumAt: number;
  readonly ipEnd: number;
  readonly start: number;
  readonly checksumAt: number;
  readonly end: number;
  readonly payload: number;
  readonly headerLength: number;
  readonly segment: number;
  readonly isIpv4: boolean;
  readonly isTcp: boolean;
};

const TX_CONTEXT = record<TxContext>({
  ...{ ipStart: BYTE, ipChecksumAt: BYTE, ipEnd: WORD, start: BYTE, checksumAt: BYTE, end: WORD },
  ...{ payload: integer(0, LENGTH_20_BITS), headerLength: BYTE, segment: WORD },
  ...{ isIpv4: BOOLEAN, isTcp: BOOLEAN },
});

const NO_CONTEXT: TxContext = {
  ...{ ipStart: 0, ipChecksumAt: 0, ipEnd: 0, start: 0, checksumAt: 0, end: 0, payload: 0 },
  ...{ headerLength: 0, segment: 0, isIpv4: false, isTcp: false },
};

export type TransmitState = {
  /** Of packets that are sent as they are, and of those that are cut. */
  readonly plain: TxContext;
  readonly large: TxContext;
  /** What there is of the packet that is being put together. */
  readonly data: Uint8Array;
  readonly size: number;
  readonly header: Uint8Array;
  /** Segments that the packet was cut into so far. */
  readonly segments: number;
  readonly isLarge: boolean;
  /** Checksums that are wanted, as the descriptor has them. */
  readonly sums: number;
  readonly hasTag: boolean;
  readonly tag: number;
};

export const TRANSMIT_STATE = record<TransmitState>({
  plain: TX_CONTEXT,
  large: TX_CONTEXT,
  data: bytes(PACKET_BYTES),
  size: integer(0, PACKET_BYTES),
  header: bytes(HEADER_BYTES),
  segments: integer(0, PACKET_BYTES),
  isLarge: BOOLEAN,
  sums: BYTE,
  hasTag: BOOLEAN,
  tag: WORD,
});

function idle(): { -readonly [K in keyof TransmitState]: TransmitState[K] } {
  return {
    ...{ plain: NO_CONTEXT, large: NO_CONTEXT, data: new Uint8Array(PACKET_BYTES), size: 0 },
    ...{ header: new Uint8Array(HEADER_BYTES), segments: 0, isLarge: false, sums: 0, hasTag: false, tag: 0 },
  };
}

/** A descriptor, whichever of its kinds it is. */
export interface TxDescriptor {
  /** Two dwords, which are the buffer's address where there is one. */
  readonly first: number;
  readonly second: number;
  /** Command and length. */
  readonly lower: number;
  /** Status, options, and what belongs to them. */
  readonly upper: number;
}

export interface TransmitHost {
  readonly dma: DmaPort;
  /** Tags are put into frames. */
  readonly addsTags: boolean;
  readonly vlanType: number;
  /** There is one context for packets of both kinds. */
  readonly hasOneContext: boolean;
  /** @param size without the tag */
  sent(packet: Uint8Array, size: number): void;
  /** The last segment of a large packet is ready. */
  cutCompleted(): void;
}

export class Transmit {
  readonly #host: TransmitHost;
  readonly #s = idle();

  constructor(host: TransmitHost) {
    this.#host = host;
  }

  reset(): void {
    Object.assign(this.#s, idle());
  }

  save(): TransmitState {
    return { ...this.#s, data: this.#s.data.slice(), header: this.#s.header.slice() };
  }

  restore(state: TransmitState): void {
    Object.assign(this.#s, state, { data: state.data.slice(), header: state.header.slice() });
  }

  /** Does what a descriptor asks for; the bytes that it read. */
  take(descriptor: TxDescriptor): number {
    const s = this.#s;
    const { first, second, lower, upper } = descriptor;
    const kind = lower & (r.TXD_CMD_DEXT | r.TXD_DTYP_D);
    if (kind === r.TXD_CMD_DEXT) {
      this.#setContext(descriptor);
      return 0;
    }
    if (kind === (r.TXD_CMD_DEXT | r.TXD_DTYP_D)) {
      // QEMU: the first descriptor of a packet says which checksums it wants.
      if (s.size === 0) s.sums = (upper >>> 8) & 0xff;
      s.isLarge = (lower & r.TXD_CMD_TSE) !== 0;
    } else {
      // Not modelled: the one checksum that a legacy descriptor can ask for, which QEMU does not do either.
      s.isLarge = false;
    }
    const isLast = (lower & r.TXD_CMD_EOP) !== 0;
    if (this.#host.addsTags && (lower & r.TXD_CMD_VLE) !== 0 && (s.isLarge || isLast)) {
      s.hasTag = true;
      s.tag = upper >>> 16;
    }
    const at = first + second * 2 ** 32;
    const read = s.isLarge ? this.#cut(at, lower & LENGTH_16_BITS) : this.#append(at, lower & LENGTH_16_BITS);
    if (isLast) this.#end();
    return read;
  }

  #setContext({ first, second, lower, upper }: TxDescriptor): void {
    const context: TxContext = {
      ipStart: first & 0xff,
      ipChecksumAt: (first >>> 8) & 0xff,
      ipEnd: first >>> 16,
      start: second & 0xff,
      checksumAt: (second >>> 8) & 0xff,
      end: second >>> 16,
      payload: lower & LENGTH_20_BITS,
      headerLength: (upper >>> 8) & 0xff,
      segment: upper >>> 16,
      isIpv4: (lower & r.TXD_CMD_IP) !== 0,
      isTcp: (lower & r.TXD_CMD_TCP) !== 0,
    };
    const isForLarge = (lower & r.TXD_CMD_TSE) !== 0;
    if (!isForLarge || this.#host.hasOneContext) this.#s.plain = context;
    if (!isForLarge && !this.#host.hasOneContext) return;
    this.#s.large = context;
    this.#s.segments = 0;
  }

  #append(address: number, length: number): number {
    const s = this.#s;
    const size = Math.min(length, PACKET_BYTES - s.size);
    this.#host.dma.read(address, s.data.subarray(s.size, s.size + size));
    s.size += size;
    return size;
  }

  /** Each segment is sent when it is complete. */
  #cut(address: number, length: number): number {
    const s = this.#s;
    const { headerLength, segment } = s.large;
    const whole = headerLength + segment;
    let read = 0;
    while (read < length && s.size < whole) {
      const size = Math.min(length - read, whole - s.size, PACKET_BYTES - s.size);
      if (size === 0) break;
      this.#host.dma.read(address + read, s.data.subarray(s.size, s.size + size));
      const end = s.size + size;
      if (end >= headerLength && s.size < headerLength) s.header.set(s.data.subarray(0, headerLength));
      s.size = end;
      read += size;
      if (end !== whole) continue;
      this.#send();
      s.data.set(s.header.subarray(0, headerLength));
      s.size = headerLength;
    }
    return read;
  }

  #end(): void {
    const s = this.#s;
    if (!s.isLarge || s.size >= s.large.headerLength) this.#send();
    Object.assign(s, { segments: 0, sums: 0, hasTag: false, size: 0, isLarge: false });
  }

  #send(): void {
    const s = this.#s;
    const context = s.isLarge ? s.large : s.plain;
    if (s.isLarge) this.#patchSegment(context);
    const packet = s.data.subarray(0, s.size);
    if ((s.sums & r.TXD_POPTS_TXSM) !== 0) {
      putChecksum(packet, context.checksumAt, context.start, context.end);
    }
    if ((s.sums & r.TXD_POPTS_IXSM) !== 0) {
      putChecksum(packet, context.ipChecksumAt, context.ipStart, context.ipEnd);
    }
    this.#host.sent(s.hasTag ? this.#tagged(packet) : packet.slice(), s.size);
  }

  #tagged(packet: Uint8Array): Uint8Array {
    const tagged = new Uint8Array(packet.length + VLAN_TAG_BYTES);
    const end = 2 * MAC_BYTES;
    tagged.set(packet.subarray(0, end));
    new DataView(tagged.buffer).setUint16(end, this.#host.vlanType);
    new DataView(tagged.buffer).setUint16(end + 2, this.#s.tag);
    tagged.set(packet.subarray(end), end + VLAN_TAG_BYTES);
    return tagged;
  }

  /** What differs from segment to segment. Spec: §3.5.6 and the table of §3.5.9. */
  #patchSegment(context: TxContext): void {
    const s = this.#s;
    const { ipStart, start, segment, payload } = context;
    const view = new DataView(s.data.buffer);
    const add = (at: number, value: number): void => view.setUint16(at, view.getUint16(at) + value);
    if (context.isIpv4) {
      view.setUint16(ipStart + IPV4_LENGTH_AT, s.size - ipStart);
      add(ipStart + IPV4_ID_AT, s.segments);
    } else {
      view.setUint16(ipStart + IPV6_LENGTH_AT, s.size - ipStart);
    }
    const length = s.size - start;
    const done = s.segments * segment;
    if (context.isTcp) {
      view.setUint32(start + TCP_SEQUENCE_AT, view.getUint32(start + TCP_SEQUENCE_AT) + done);
      if (payload - done > segment) s.data[start + TCP_FLAGS_AT] &= ~TCP_FIN_PSH;
      else if (s.segments > 0) this.#host.cutCompleted();
    } else {
      view.setUint16(start + UDP_LENGTH_AT, length);
    }
    if ((s.sums & r.TXD_POPTS_TXSM) !== 0) {
      // The driver's sum of the pseudo header is without a length.
      const sum = view.getUint16(context.checksumAt) + length;
      view.setUint16(context.checksumAt, (sum >>> 16) + (sum & 0xffff));
    }
    s.segments = Math.min(s.segments + 1, PACKET_BYTES);
  }
}
