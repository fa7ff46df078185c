/**
 * How an 82574L receives: which packets it takes, into which of two rings, in descriptors of three kinds.
 * Spec: 82574 datasheet §7.1. What of it is done, and in what order, is QEMU's.
 */
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { isBroadcast, isMulticast, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import {
  hasVlanTag,
  isOfGroup,
  isOversized,
  isOwnAddress,
  padded,
  takesVlan,
  vlanTagOf,
  withoutTag,
} from './e1000-filter.ts';
import { bufferSizeOf } from './e1000-rings.ts';
import { count, countReceived, FCS_BYTES } from './e1000-statistics.ts';
import {
  factsOf,
  isAcknowledgement,
  isHeaderSumRight,
  isTransportSumRight,
  type PacketFacts,
} from './e1000e-packet.ts';
import * as r from './e1000e-registers.ts';
import { type RssResult, rssOf } from './e1000e-rss.ts';

const LIMIT_32 = 2 ** 32;
const ADDRESS_MASK = 0xffff_fff0;
/** Between the registers of one ring and those of the other. */
const RING_STEP = 0x100;
const SPLIT_BYTES = 32;
const SPLIT_BUFFERS = 4;
/** As many as a ring has at most. */
const USED_MAX = 65_536;
/** Kinds of packets in a descriptor, with IPv4 and with IPv6. */
const TYPE_IP: Readonly<Record<number, number>> = { 4: 1, 6: 5 };
const TYPE_TRANSPORT: Readonly<Record<number, number>> = { 4: 2, 6: 6 };

export interface ReceiveHost {
  readonly mac: r.MacRegisters;
  readonly dma: DmaPort;
  readonly trace: Trace;
  /** Messages tell of causes one by one. */
  readonly hasMessages: boolean;
  received(causes: number): void;
}

function hasBuffer(descriptor: Uint8Array): boolean {
  return descriptor.subarray(0, 8).some((byte) => byte !== 0);
}

/** A packet on its way into a ring. */
interface Arrival {
  readonly packet: Packet;
  readonly facts: PacketFacts;
  readonly rss: RssResult | undefined;
  readonly tag: number | undefined;
  /** With the checksum, where the card takes it. */
  readonly total: number;
  /** Bytes of headers that go into a buffer of their own; 0: none. */
  readonly split: number;
}

export class E1000eReceive {
  readonly #host: ReceiveHost;

  constructor(host: ReceiveHost) {
    this.#host = host;
  }

  /** One of the rings has room. */
  get hasRoom(): boolean {
    return [0, 1].some((queue) => this.#length(queue) > 0 && this.#hasBuffers(queue, 1));
  }

  /** False: there is no room for it now. */
  take(arrived: Packet): boolean {
    const { mac, trace } = this.#host;
    let packet = padded(arrived);
    if (packet !== arrived) count(mac, r.RUC);
    if (isOversized(mac, packet.length, trace) || !this.#wants(packet)) return true;
    const vlanType = mac[r.VET >> 2] & 0xffff;
    let tag: number | undefined;
    if ((mac[r.CTRL >> 2] & r.CTRL_VME) !== 0 && hasVlanTag(packet, vlanType, trace)) {
      tag = vlanTagOf(packet);
      packet = withoutTag(packet);
    }
    const facts = factsOf(packet);
    const rss = rssOf(mac, packet, facts);
    const queue = rss?.queue ?? 0;
    const total = packet.length + ((mac[r.RCTL >> 2] & r.RCTL_SECRC) === 0 ? FCS_BYTES : 0);
    if (!this.#hasBuffers(queue, total)) {
      this.#host.received(r.ICR_RXO);
      return false;
    }
    this.#store(queue, { packet, facts, rss, tag, total, split: this.#splitAt(packet, facts) });
    countReceived(mac, packet.length, total);
    // QEMU: what the table of groups let in is counted twice.
    if (isBroadcast(packet.subarray(0, MAC_BYTES))) count(mac, r.BPRC);
    else if (isMulticast(packet)) count(mac, r.MPRC);
    this.#host.received(this.#causes(packet, facts, queue, total));
    return true;
  }

  #wants(packet: Packet): boolean {
    const { mac, trace } = this.#host;
    const rctl = mac[r.RCTL >> 2];
    if (!takesVlan(mac, packet, mac[r.VET >> 2] & 0xffff, trace)) return false;
    const to = packet.subarray(0, MAC_BYTES);
    const all = isBroadcast(to) ? r.RCTL_BAM : isMulticast(to) ? r.RCTL_MPE : r.RCTL_UPE;
    if ((rctl & all) !== 0) return true;
    return isOwnAddress(mac, to, trace) || isOfGroup(mac, to, trace);
  }

  #causes(packet: Packet, facts: PacketFacts, queue: number, total: number): number {
    const { mac, hasMessages } = this.#host;
    const rfctl = mac[r.RFCTL >> 2];
    let causes = total < mac[r.RSRPD >> 2] ? r.ICR_SRPD : 0;
    if (
      (rfctl & r.RFCTL_ACK_DIS) === 0 &&
      isAcknowledgement(packet, facts, (rfctl & r.RFCTL_ACK_DATA_DIS) !== 0)
    ) {
      causes |= r.ICR_ACK;
    }
    if (hasMessages) return causes | (queue === 0 ? r.ICR_RXQ0 : r.ICR_RXQ1);
    return causes | r.ICR_RXT0 | (this.#isLow(queue) ? r.ICR_RXDMT0 : 0);
  }

  get #isExtended(): boolean {
    return (this.#host.mac[r.RFCTL >> 2] & r.RFCTL_EXTEN) !== 0;
  }

  get #isSplit(): boolean {
    return this.#isExtended && (this.#host.mac[r.RCTL >> 2] & r.RCTL_DTYP) === r.RCTL_DTYP_PS;
  }

  /** Of the buffers of a descriptor, in their order. */
  get #bufferSizes(): readonly number[] {
    const { mac } = this.#host;
    const rctl = mac[r.RCTL >> 2];
    if ((rctl & r.RCTL_DTYP) === r.RCTL_DTYP_PS) {
      const sizes = mac[r.PSRCTL >> 2];
      const kilobytes = [8, 16, 24].map((shift) => 1024 * ((sizes >>> shift) & 0x3f));
      return [128 * (sizes & 0x7f), ...kilobytes];
    }
    const flexible = (rctl >>> r.RCTL_FLXBUF_SHIFT) & r.RCTL_FLXBUF;
    return [flexible === 0 ? bufferSizeOf(rctl) : 1024 * flexible];
  }

  #register(queue: number, register: number): number {
    return (register + queue * RING_STEP) >> 2;
  }

  /** Units of 16 bytes in a ring. */
  #length(queue: number): number {
    return this.#host.mac[this.#register(queue, r.RDLEN)] / r.DESCRIPTOR_BYTES;
  }

  #free(queue: number): number {
    const { mac } = this.#host;
    const [head, tail] = [mac[this.#register(queue, r.RDH)], mac[this.#register(queue, r.RDT)]];
    return head <= tail ? tail - head : this.#length(queue) + tail - head;
  }

  #isEmpty(queue: number): boolean {
    const { mac } = this.#host;
    const tail = mac[this.#register(queue, r.RDT)];
    return mac[this.#register(queue, r.RDH)] === tail || tail >= this.#length(queue);
  }

  #hasBuffers(queue: number, total: number): boolean {
    const size = this.#bufferSizes.reduce((sum, one) => sum + one, 0);
    const descriptors = Math.floor(this.#free(queue) / (this.#isSplit ? 2 : 1));
    return total <= descriptors * size;
  }

  /** So few buffers are left that the driver wants to know. */
  #isLow(queue: number): boolean {
    const shift = ((this.#host.mac[r.RCTL >> 2] >>> r.RCTL_RDMTS_SHIFT) & 3) + 1;
    return this.#free(queue) === this.#length(queue) >>> shift;
  }

  #splitAt(packet: Packet, facts: PacketFacts): number {
    if (!this.#isSplit || facts.version === undefined) return 0;
    const { isFragment, data, payload } = facts;
    if (isFragment && (this.#host.mac[r.RFCTL >> 2] & r.RFCTL_IPFRSP_DIS) !== 0) return 0;
    const header = isFragment ? payload : data;
    return header > this.#bufferSizes[0] || header > packet.length ? 0 : header;
  }

  /** There is room for it. */
  #store(queue: number, arrival: Arrival): void {
    const { mac, dma } = this.#host;
    const sizes = this.#bufferSizes;
    const whole = sizes.reduce((sum, one) => sum + one, 0);
    const bytes = new Uint8Array(this.#isSplit ? SPLIT_BYTES : r.DESCRIPTOR_BYTES);
    for (let done = 0, used = 0; done < arrival.total && used < USED_MAX; used++) {
      if (this.#isEmpty(queue) || whole === 0) return;
      const at = this.#head(queue);
      dma.read(at, bytes);
      // QEMU: the checksum has a descriptor of its own.
      const part = done < arrival.packet.length ? arrival.packet.length : arrival.total;
      // Spec: §7.1.4: a descriptor without a buffer is used up, and takes nothing.
      const end = hasBuffer(bytes) ? Math.min(done + whole, part) : done;
      const lengths = this.#fill(bytes, arrival, done, end);
      this.#describe(bytes, arrival, end >= arrival.total, lengths);
      dma.write(at, bytes);
      done = end;
      const head = this.#register(queue, r.RDH);
      const next = mac[head] + bytes.length / r.DESCRIPTOR_BYTES;
      mac[head] = next >= this.#length(queue) ? 0 : next;
    }
  }

  #head(queue: number): number {
    const { mac } = this.#host;
    const base = this.#register(queue, r.RDBAL);
    const low = (mac[base] & ADDRESS_MASK) >>> 0;
    return mac[base + 1] * LIMIT_32 + low + mac[this.#register(queue, r.RDH)] * r.DESCRIPTOR_BYTES;
  }

  /** Fills the buffers of a descriptor; the bytes in each. QEMU: what stands for the checksum is zeros. */
  #fill(descriptor: Uint8Array, arrival: Arrival, done: number, end: number): readonly number[] {
    const { dma } = this.#host;
    const { packet, split } = arrival;
    const sizes = this.#bufferSizes;
    const view = new DataView(descriptor.buffer);
    const address = (n: number): number =>
      view.getUint32(8 * n, true) + view.getUint32(8 * n + 4, true) * LIMIT_32;
    const written = sizes.map(() => 0);
    if (end === done) return written;
    let from = done;
    const put = (buffer: number, size: number): void => {
      const piece = new Uint8Array(size);
      if (from < packet.length) piece.set(packet.subarray(from, Math.min(from + size, packet.length)));
      dma.write(address(buffer) + written[buffer], piece);
      written[buffer] += size;
      from += size;
    };
    if (split > 0 && done === 0) put(0, split);
    for (
      let buffer = split > 0 && done < packet.length ? 1 : 0;
      buffer < sizes.length && from < end;
      buffer++
    ) {
      const size = Math.min(sizes[buffer], end - from);
      if (size > 0 && address(buffer) !== 0) put(buffer, size);
    }
    return written;
  }

  #describe(bytes: Uint8Array, arrival: Arrival, isLast: boolean, lengths: readonly number[]): void {
    const view = new DataView(bytes.buffer);
    const status = isLast ? this.#status(arrival) : r.RXD_STAT_DD;
    const tag = isLast ? (arrival.tag ?? 0) : 0;
    if (!this.#isExtended) {
      view.setUint16(8, lengths[0], true);
      view.setUint16(10, 0, true);
      view.setUint8(12, status & 0xff);
      view.setUint8(13, status >>> 24);
      view.setUint16(14, tag, true);
      return;
    }
    bytes.fill(0);
    if (isLast) this.#identify(view, arrival);
    view.setUint32(8, status, true);
    view.setUint16(12, lengths[0], true);
    view.setUint16(14, tag, true);
    if (!this.#isSplit) return;
    const { split } = arrival;
    view.setUint16(16, split === 0 ? 0 : split | r.RXD_HEADER_SPLIT, true);
    for (let n = 1; n < SPLIT_BUFFERS; n++) view.setUint16(16 + 2 * n, lengths[n] ?? 0, true);
  }

  /** A hash, or the packet's number. */
  #identify(view: DataView, { packet, facts, rss }: Arrival): void {
    if ((this.#host.mac[r.RXCSUM >> 2] & r.RXCSUM_PCSD) !== 0) {
      if (rss === undefined) return;
      view.setUint32(0, rss.type | (rss.queue << 8), true);
      view.setUint32(4, rss.hash, true);
    } else if (facts.version === 4) {
      view.setUint16(4, (packet[facts.network + 4] << 8) | packet[facts.network + 5], true);
    }
  }

  /** Of a packet's last descriptor. */
  #status({ packet, facts, tag }: Arrival): number {
    const { mac } = this.#host;
    const rfctl = mac[r.RFCTL >> 2];
    const { version, transport } = facts;
    let status = r.RXD_STAT_DD | r.RXD_STAT_EOP | (tag === undefined ? 0 : r.RXD_STAT_VP);
    if ((mac[r.RXCSUM >> 2] & r.RXCSUM_PCSD) === 0 && version === 4) status |= r.RXD_STAT_IPIDV;
    if (isAcknowledgement(packet, facts, (rfctl & r.RFCTL_ACK_DATA_DIS) !== 0)) status |= r.RXD_STAT_ACK;
    const isHidden = version === 6 && (rfctl & r.RFCTL_IPV6_DIS) !== 0;
    if (version !== undefined && !isHidden) {
      status |= (transport === undefined ? TYPE_IP : TYPE_TRANSPORT)[version] << r.RXD_TYPE_SHIFT;
    }
    if (version === 6 && (rfctl & r.RFCTL_IPV6_XSUM_DIS) !== 0) return status >>> 0;
    return (status | this.#sums(packet, facts)) >>> 0;
  }

  #sums(packet: Packet, facts: PacketFacts): number {
    const rxcsum = this.#host.mac[r.RXCSUM >> 2];
    let status = 0;
    if (facts.version === 4 && (rxcsum & r.RXCSUM_IPOFL) !== 0) {
      status |= r.RXD_STAT_IPCS | (isHeaderSumRight(packet, facts) ? 0 : r.RXD_ERROR_IPE);
    }
    if ((rxcsum & r.RXCSUM_TUOFL) === 0) return status;
    const isRight = isTransportSumRight(packet, facts);
    if (isRight === undefined) return status;
    if (facts.transport === 'udp') status |= r.RXD_STAT_UDPCS;
    return status | r.RXD_STAT_TCPCS | (isRight ? 0 : r.RXD_ERROR_TCPE);
  }
}
