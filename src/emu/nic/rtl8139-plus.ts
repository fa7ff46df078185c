/** The rings of descriptors of the RTL8139C+. Spec: RTL8139C+ datasheet 1.6, chapter 9. */
import type { Portion } from '../core/bottom-half.ts';
import { bytes, integer, record } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Packet } from '../net/net-client.ts';
import { finishPacket } from './rtl8139-offload.ts';
import { CPCR_RXVLAN, RX_BROADCAST, RX_MULTICAST, RX_PHYSICAL } from './rtl8139-registers.ts';

const DESCRIPTOR_BYTES = 16;
/** Spec: a ring has 64 descriptors at most. */
const RING_ENTRIES = 64;
const PACKET_BYTES = 0x1_0000;
const LIMIT_32 = 2 ** 32;

const OWN = 0x8000_0000;
const EOR = 0x4000_0000;
const FS = 0x2000_0000;
const LS = 0x1000_0000;
const TX_SIZE = 0xffff;
/** Underrun, excessive and late collisions, a lost link. */
const TX_ERRORS = 0x02f0_0000;
const TX_TAGC = 0x0002_0000;
const RX_MAR = 0x0400_0000;
const RX_PAM = 0x0200_0000;
const RX_BAR = 0x0100_0000;
const RX_SIZE = 0x1fff;
const RX_TAVA = 0x0001_0000;
const TAG = 0xffff;
const ETHERTYPE_VLAN = 0x8100;
const VLAN_TAG_BYTES = 4;
const TYPE_AT = 12;
const SHORTEST_PACKET = 60;
const CHECKSUM_BYTES = 4;

export type PlusState = {
  readonly receiveAt: number;
  readonly transmitAt: number;
  /** What there is of the packet that is being put together. */
  readonly data: Uint8Array;
  readonly size: number;
};

export const PLUS_STATE = record<PlusState>({
  // QEMU: a receive ring ends only where a descriptor says so.
  receiveAt: integer(0, 0xffff_ffff),
  transmitAt: integer(0, RING_ENTRIES - 1),
  data: bytes(PACKET_BYTES),
  size: integer(0, PACKET_BYTES),
});

export interface PlusHost {
  readonly dma: DmaPort;
  readonly cpcr: number;
  readonly receiveRing: number;
  readonly transmitRing: number;
  transfer(packet: Packet): void;
}

export class Rtl8139Plus {
  readonly #host: PlusHost;
  readonly #s = { receiveAt: 0, transmitAt: 0, data: new Uint8Array(PACKET_BYTES), size: 0 };

  constructor(host: PlusHost) {
    this.#host = host;
  }

  reset(): void {
    Object.assign(this.#s, { receiveAt: 0, transmitAt: 0, size: 0 });
    this.#s.data.fill(0);
  }

  save(): PlusState {
    return { ...this.#s, data: this.#s.data.slice() };
  }

  restore(state: PlusState): void {
    Object.assign(this.#s, state, { data: state.data.slice() });
  }

  receiverEnabled(): void {
    this.#s.receiveAt = 0;
  }

  transmitterEnabled(): void {
    this.#s.transmitAt = 0;
  }

  /**
   * False: there is no room for the packet.
   * @param packet at least as long as one must be
   * @param kind how it is addressed
   * @param checksum QEMU: of the packet before it was made longer
   */
  store(packet: Packet, kind: number, checksum: number): boolean {
    const { dma, cpcr, receiveRing } = this.#host;
    const at = receiveRing + DESCRIPTOR_BYTES * this.#s.receiveAt;
    const { words } = this.#descriptor(at);
    if ((words[0] & OWN) === 0) return false;
    const isTagged = ((packet[TYPE_AT] << 8) | packet[TYPE_AT + 1]) === ETHERTYPE_VLAN;
    const isStripped = (cpcr & CPCR_RXVLAN) !== 0 && isTagged;
    const frame = isStripped ? withoutTag(packet) : packet;
    if (frame.length + CHECKSUM_BYTES > (words[0] & RX_SIZE)) return false;
    // The driver reads the tag's bytes in the order in which they are in the packet.
    const tag = packet[TYPE_AT + 2] | (packet[TYPE_AT + 3] << 8);
    const second = isStripped ? (words[1] & ~TAG) | RX_TAVA | tag : words[1] & ~RX_TAVA;
    const address = words[2] + words[3] * LIMIT_32;
    dma.write(address, frame);
    dma.writeU32(address + frame.length, checksum);
    const matched =
      ((kind & RX_BROADCAST) === 0 ? 0 : RX_BAR) |
      ((kind & RX_MULTICAST) === 0 ? 0 : RX_MAR) |
      ((kind & RX_PHYSICAL) === 0 ? 0 : RX_PAM);
    const first = (words[0] & ~(OWN | RX_SIZE)) | FS | LS | matched | (frame.length + CHECKSUM_BYTES);
    dma.writeU32(at, first >>> 0);
    dma.writeU32(at + 4, second >>> 0);
    this.#s.receiveAt = (words[0] & EOR) !== 0 ? 0 : (this.#s.receiveAt + 1) >>> 0;
    return true;
  }

  /**
   * Takes the next descriptor of the driver's. Undefined: there is none; true: a packet is complete.
   * @param portion counts what is done
   */
  transmitOne(portion: Portion): boolean | undefined {
    const { dma, transmitRing } = this.#host;
    const s = this.#s;
    const at = transmitRing + DESCRIPTOR_BYTES * s.transmitAt;
    const { words } = this.#descriptor(at);
    portion.descriptors--;
    if ((words[0] & OWN) === 0) return undefined;
    if ((words[0] & FS) !== 0) s.size = 0;
    // QEMU: what is longer than any packet is cut off.
    const size = Math.min(words[0] & TX_SIZE, PACKET_BYTES - s.size);
    dma.read(words[2] + words[3] * LIMIT_32, s.data.subarray(s.size, s.size + size));
    s.size += size;
    portion.bytes -= size;
    s.transmitAt = (words[0] & EOR) !== 0 ? 0 : (s.transmitAt + 1) % RING_ENTRIES;
    dma.writeU32(at, (words[0] & ~(OWN | TX_ERRORS)) >>> 0);
    if ((words[0] & LS) === 0) return false;
    const packet = s.data.slice(0, s.size);
    s.size = 0;
    const tag = (words[1] & TX_TAGC) === 0 ? undefined : words[1] & TAG;
    finishPacket(packet, words[0], (ready) => {
      portion.requests--;
      this.#host.transfer(tag === undefined ? ready : withTag(ready, tag));
    });
    return true;
  }

  #descriptor(at: number): { readonly words: Uint32Array } {
    const raw = new Uint8Array(DESCRIPTOR_BYTES);
    this.#host.dma.read(at, raw);
    const view = new DataView(raw.buffer);
    return { words: Uint32Array.from({ length: 4 }, (_, n) => view.getUint32(4 * n, true)) };
  }
}

/** At least as long as a packet must be. */
function withoutTag(packet: Packet): Packet {
  const bare = new Uint8Array(Math.max(packet.length - VLAN_TAG_BYTES, SHORTEST_PACKET));
  bare.set(packet.subarray(0, TYPE_AT));
  bare.set(packet.subarray(TYPE_AT + VLAN_TAG_BYTES), TYPE_AT);
  return bare;
}

function withTag(packet: Packet, tag: number): Packet {
  if (packet.length < TYPE_AT) return packet;
  const tagged = new Uint8Array(packet.length + VLAN_TAG_BYTES);
  tagged.set(packet.subarray(0, TYPE_AT));
  tagged.set([ETHERTYPE_VLAN >> 8, ETHERTYPE_VLAN & 0xff, tag & 0xff, tag >> 8], TYPE_AT);
  tagged.set(packet.subarray(TYPE_AT), TYPE_AT + VLAN_TAG_BYTES);
  return tagged;
}
