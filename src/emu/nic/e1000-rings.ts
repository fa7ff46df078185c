/** Both rings of descriptors of the 8254x family. Spec: 8254x SDM §3.2 and §3.3. */
import {
  BOTTOM_HALF_STATE,
  BottomHalf,
  type BottomHalfState,
  hasRoom,
  type Portion,
} from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import { integer, nullable, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Packet } from '../net/net-client.ts';
import { hasVlanTag, isOversized, padded, takesPacket, vlanTagOf, withoutTag } from './e1000-filter.ts';
import * as r from './e1000-registers.ts';
import { count, countReceived, countSent, countTotalSent, FCS_BYTES } from './e1000-statistics.ts';
import { TRANSMIT_STATE, Transmit, type TransmitHost, type TransmitState } from './e1000-transmit.ts';

const LIMIT_32 = 2 ** 32;
const ADDRESS_MASK = 0xffff_fff0;
const UPPER_AT = 12;
const STATUS_AT = 12;
/** As many as Linux's ring has at most. */
const USED_MAX = 4096;
/** Spec: §13.4.22: sizes of a buffer by BSIZE, without BSEX and with it. */
const BUFFER_SIZES = [2048, 1024, 512, 256] as const;
const LARGE_BUFFER_SIZES = [2048, 16_384, 8192, 4096] as const;

export interface RingsHost {
  readonly mac: r.MacRegisters;
  readonly dma: DmaPort;
  readonly trace: Trace;
  readonly canReceive: boolean;
  /** What is sent comes back. */
  readonly isLoopback: boolean;
  send(packet: Packet): void;
  receive(packet: Packet): boolean;
  raise(causes: number): void;
  /** The interrupt of this descriptor may wait. */
  delaySent(): void;
}

export type RingsState = {
  readonly transmit: TransmitState;
  /** The head with which the walk of the transmit ring began that goes on; null: none does. */
  readonly start: number | null;
  readonly bottomHalf: BottomHalfState;
};

export const RINGS_STATE = record<RingsState>({
  transmit: TRANSMIT_STATE,
  start: nullable(integer(0, 0xffff)),
  bottomHalf: BOTTOM_HALF_STATE,
});

export class E1000Rings implements TransmitHost {
  readonly hasOneContext = false;
  readonly #host: RingsHost;
  readonly #transmit: Transmit;
  readonly #bottomHalf: BottomHalf;
  #start: number | null = null;
  /** Packets that are sent now may order more to be sent. */
  #isSending = false;
  #portion: Portion | undefined;

  constructor(host: RingsHost, clock: Clock) {
    this.#host = host;
    this.#transmit = new Transmit(this);
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
  }

  reset(): void {
    this.#transmit.reset();
    this.#start = null;
    this.#bottomHalf.reset();
  }

  cancel(): void {
    this.#bottomHalf.cancel();
  }

  save(): RingsState {
    return {
      transmit: this.#transmit.save(),
      start: this.#start,
      bottomHalf: this.#bottomHalf.save(),
    };
  }

  restore({ transmit, start, bottomHalf }: RingsState): void {
    this.#transmit.restore(transmit);
    this.#start = start;
    this.#bottomHalf.restore(bottomHalf);
  }

  get dma(): DmaPort {
    return this.#host.dma;
  }

  get addsTags(): boolean {
    return (this.#host.mac[r.CTRL >> 2] & r.CTRL_VME) !== 0;
  }

  get vlanType(): number {
    return this.#host.mac[r.VET >> 2] & 0xffff;
  }

  sent(packet: Uint8Array, size: number): void {
    const { mac } = this.#host;
    if (this.#portion !== undefined) this.#portion.requests--;
    if (!this.#host.isLoopback) this.#host.send(packet);
    else if (this.#host.canReceive) this.#host.receive(packet);
    countSent(mac, packet);
    countTotalSent(mac, size);
  }

  cutCompleted(): void {
    count(this.#host.mac, r.TSCTC);
  }

  /** There may be something to send. */
  transmit(): void {
    if (this.#isSending || (this.#host.mac[r.TCTL >> 2] & r.TCTL_EN) === 0) return;
    this.#bottomHalf.kick();
  }

  #serve(portion: Portion): boolean {
    const { mac } = this.#host;
    if ((mac[r.TCTL >> 2] & r.TCTL_EN) === 0) {
      this.#start = null;
      return false;
    }
    this.#isSending = true;
    this.#portion = portion;
    const causes = this.#walk(portion);
    this.#portion = undefined;
    this.#isSending = false;
    this.#host.raise(causes);
    return this.#start !== null;
  }

  /** Goes through the ring from its head to its tail, once around at most; the causes of an interrupt. */
  #walk(portion: Portion): number {
    const { mac } = this.#host;
    let causes = 0;
    this.#start ??= mac[r.TDH >> 2];
    while (mac[r.TDH >> 2] !== mac[r.TDT >> 2]) {
      if (!hasRoom(portion)) return causes;
      causes |= this.#sendDescriptor(portion);
      const next = mac[r.TDH >> 2] + 1;
      mac[r.TDH >> 2] = next * r.DESCRIPTOR_BYTES >= mac[r.TDLEN >> 2] ? 0 : next & 0xffff;
      // A ring that the driver has shortened may not have its start any more.
      if (mac[r.TDH >> 2] === this.#start) break;
      if (this.#start >= mac[r.TDLEN >> 2] / r.DESCRIPTOR_BYTES) break;
    }
    this.#start = null;
    return causes | r.ICR_TXQE;
  }

  #sendDescriptor(portion: Portion): number {
    const { mac, dma } = this.#host;
    const at = ringEntry(mac, r.TDBAL, mac[r.TDH >> 2]);
    const bytes = new Uint8Array(r.DESCRIPTOR_BYTES);
    dma.read(at, bytes);
    const view = new DataView(bytes.buffer);
    const word = (n: number): number => view.getUint32(4 * n, true);
    const [lower, upper] = [word(2), word(3)];
    if ((lower & r.TXD_CMD_IDE) !== 0) this.#host.delaySent();
    portion.descriptors--;
    portion.bytes -= this.#transmit.take({ first: word(0), second: word(1), lower, upper });
    if ((lower & (r.TXD_CMD_RS | r.TXD_CMD_RPS)) === 0) return 0;
    dma.writeU32(at + UPPER_AT, ((upper | r.TXD_STAT_DD) & ~r.TXD_STAT_ERRORS) >>> 0);
    return r.ICR_TXDW;
  }

  /** There is a descriptor for each piece of a packet of so many bytes. */
  hasBuffers(size: number): boolean {
    const { mac } = this.#host;
    const [head, tail] = [mac[r.RDH >> 2], mac[r.RDT >> 2]];
    const bufferSize = bufferSizeOf(mac[r.RCTL >> 2]);
    if (size <= bufferSize) return head !== tail;
    if (head === tail) return false;
    const ring = mac[r.RDLEN >> 2] / r.DESCRIPTOR_BYTES;
    const buffers = head < tail ? tail - head : ring + tail - head;
    return size <= buffers * bufferSize;
  }

  /** Puts a packet into the guest's buffers, when the card takes it. */
  store(packet: Packet): void {
    const { mac, trace } = this.#host;
    let frame = padded(packet);
    if (isOversized(mac, frame.length, trace) || !takesPacket(mac, frame, this.vlanType, trace)) return;
    let tag: number | undefined;
    if (this.addsTags && hasVlanTag(frame, this.vlanType, trace)) {
      tag = vlanTagOf(frame);
      frame = withoutTag(frame);
    }
    const total = frame.length + ((mac[r.RCTL >> 2] & r.RCTL_SECRC) === 0 ? FCS_BYTES : 0);
    if (!this.hasBuffers(total) || !this.#fill(frame, total, tag)) {
      count(mac, r.RNBC);
      count(mac, r.MPC);
      this.#host.raise(r.ICR_RXO);
      return;
    }
    countReceived(mac, frame.length, total);
    this.#host.raise(r.ICR_RXT0 | (this.#isLow ? r.ICR_RXDMT0 : 0));
  }

  /** There are so few buffers left that the driver wants to know. */
  get #isLow(): boolean {
    const { mac } = this.#host;
    const ring = mac[r.RDLEN >> 2];
    const [head, tail] = [mac[r.RDH >> 2], mac[r.RDT >> 2]];
    const left = (tail < head ? tail + ring / r.DESCRIPTOR_BYTES : tail) - head;
    const shift = ((mac[r.RCTL >> 2] >>> r.RCTL_RDMTS_SHIFT) & 3) + 1;
    return left * r.DESCRIPTOR_BYTES <= ring >>> shift;
  }

  /** False: the ring ended before the packet did. */
  #fill(frame: Packet, total: number, tag: number | undefined): boolean {
    const { mac } = this.#host;
    const start = mac[r.RDH >> 2];
    for (let done = 0, used = 0; done < total; used++) {
      // QEMU goes through any number of descriptors without a buffer, for each packet.
      if (used === USED_MAX) return false;
      done += this.#fillBuffer(frame, done, total, tag);
      const next = mac[r.RDH >> 2] + 1;
      mac[r.RDH >> 2] = next * r.DESCRIPTOR_BYTES >= mac[r.RDLEN >> 2] ? 0 : next & 0xffff;
      if (mac[r.RDH >> 2] === start) return false;
      if (start >= mac[r.RDLEN >> 2] / r.DESCRIPTOR_BYTES) return false;
    }
    return true;
  }

  /** Uses up the descriptor at the ring's head; the bytes that it took. */
  #fillBuffer(frame: Packet, done: number, total: number, tag: number | undefined): number {
    const { mac, dma } = this.#host;
    const at = ringEntry(mac, r.RDBAL, mac[r.RDH >> 2]);
    const descriptor = new Uint8Array(r.DESCRIPTOR_BYTES);
    const view = new DataView(descriptor.buffer);
    dma.read(at, descriptor);
    view.setUint16(14, tag ?? 0, true);
    let status = descriptor[STATUS_AT] & ~r.RXD_STAT_DD;
    const address = view.getUint32(0, true) + view.getUint32(4, true) * LIMIT_32;
    // Spec: §3.2.3: a descriptor without a buffer is used up, and takes nothing.
    const size = address === 0 ? 0 : Math.min(total - done, bufferSizeOf(mac[r.RCTL >> 2]));
    if (size > 0) {
      if (done < frame.length) dma.write(address, frame.subarray(done, done + size));
      view.setUint16(8, size, true);
      const isLast = done + size >= total;
      status = isLast ? status | r.RXD_STAT_EOP | r.RXD_STAT_IXSM : status & ~r.RXD_STAT_EOP;
    }
    descriptor[STATUS_AT] = status;
    dma.write(at, descriptor);
    dma.writeU8(at + STATUS_AT, status | r.RXD_STAT_DD | (tag === undefined ? 0 : r.RXD_STAT_VP));
    return size;
  }
}

/** Where a descriptor is. @param base the register with the low half of the ring's address */
function ringEntry(mac: r.MacRegisters, base: number, index: number): number {
  const low = (mac[base >> 2] & ADDRESS_MASK) >>> 0;
  return mac[(base >> 2) + 1] * LIMIT_32 + low + index * r.DESCRIPTOR_BYTES;
}

export function bufferSizeOf(rctl: number): number {
  const sizes = (rctl & r.RCTL_BSEX) === 0 ? BUFFER_SIZES : LARGE_BUFFER_SIZES;
  return sizes[(rctl >>> r.RCTL_BSIZE_SHIFT) & 3];
}
