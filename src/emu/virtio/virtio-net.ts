/**
 * Network card. Spec: virtio 1.2 §5.1. Its filter and its control queue are in `virtio-net-filter.ts` and `virtio-net-control.ts`.
 *
 * | queue | use |
 * |---|---|
 * | 0 | buffers for packets to the guest |
 * | 1 | packets from the guest |
 * | 2, 64 entries | requests about the card itself |
 *
 * | configuration | |
 * |---|---|
 * | 0x00 mac, 6 bytes | |
 * | 0x06 status u16 | VIRTIO_NET_S_LINK_UP, VIRTIO_NET_S_ANNOUNCE; with VIRTIO_NET_F_STATUS |
 * | 0x08 max_virtqueue_pairs u16 | 1; with VIRTIO_NET_F_MQ |
 * | 0x0a mtu u16 | with VIRTIO_NET_F_MTU |
 * | 0x0c speed u32, 0x10 duplex u8 | with VIRTIO_NET_F_SPEED_DUPLEX |
 *
 * Each packet has a header before it, of 10 bytes or, with mergeable buffers or VIRTIO_F_VERSION_1, of 12. QEMU: nothing in it asks for work
 * where the back end cannot do it, as with `user`: checksums and large packets are not offered.
 * Not modelled: more than one pair of queues, VIRTIO_NET_F_RSS, VIRTIO_NET_F_HASH_REPORT, failover.
 */
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import { BOOLEAN, bytes, record, type StateKind } from '../core/state-fields.ts';
import { gather, scatter, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { MAC_BYTES } from '../net/mac-address.ts';
import type { NetClient, NetEnd, Packet } from '../net/net-client.ts';
import type { RxFilter } from '../net/rx-filter.ts';
import {
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_F_VERSION_1,
  VirtioDevice,
  type VirtioState,
  type VirtioWiring,
} from './virtio-device.ts';
import { CONTROL_HEADER, type ControlledNic, control, VIRTIO_NET_OK } from './virtio-net-control.ts';
import { NET_FILTER_FIELDS, NetFilter, type NetFilterState } from './virtio-net-filter.ts';
import type { Chain } from './virtqueue.ts';

const VIRTIO_ID_NET = 1;
export const RX_QUEUE = 0;
export const TX_QUEUE = 1;
export const CONTROL_QUEUE = 2;
const CONTROL_QUEUE_SIZE = 64;

/** Spec: §5.1.3. */
export const VIRTIO_NET_F_CTRL_GUEST_OFFLOADS = 1n << 2n;
export const VIRTIO_NET_F_MTU = 1n << 3n;
export const VIRTIO_NET_F_MAC = 1n << 5n;
export const VIRTIO_NET_F_GSO = 1n << 6n;
export const VIRTIO_NET_F_MRG_RXBUF = 1n << 15n;
export const VIRTIO_NET_F_STATUS = 1n << 16n;
export const VIRTIO_NET_F_CTRL_VQ = 1n << 17n;
export const VIRTIO_NET_F_CTRL_RX = 1n << 18n;
export const VIRTIO_NET_F_CTRL_VLAN = 1n << 19n;
export const VIRTIO_NET_F_CTRL_RX_EXTRA = 1n << 20n;
export const VIRTIO_NET_F_GUEST_ANNOUNCE = 1n << 21n;
export const VIRTIO_NET_F_MQ = 1n << 22n;
export const VIRTIO_NET_F_CTRL_MAC_ADDR = 1n << 23n;
export const VIRTIO_NET_F_SPEED_DUPLEX = 1n << 63n;

const VIRTIO_NET_S_LINK_UP = 1;
const VIRTIO_NET_S_ANNOUNCE = 2;
const DUPLEX_UNKNOWN = 0xff;
const SPEED_UNKNOWN = 0xffff_ffff;

/** Ends of the fields that are there with a feature. QEMU: the configuration reaches to the last of them. */
const CONFIG_ENDS: readonly (readonly [feature: bigint, end: number])[] = [
  [VIRTIO_NET_F_MAC, 6],
  [VIRTIO_NET_F_STATUS, 8],
  [VIRTIO_NET_F_MQ, 10],
  [VIRTIO_NET_F_MTU, 12],
  [VIRTIO_NET_F_SPEED_DUPLEX, 17],
];
const CONFIG_BYTES = 17;

const HEADER = 10;
const HEADER_WITH_COUNT = 12;
const NUM_BUFFERS_AT = 10;
/** What no network takes, whoever sends it. */
const PACKET_MAX = 65_550;

/** QEMU's properties of virtio-net. */
export interface VirtioNetProperties {
  /** Offered, of those above. */
  readonly features: bigint;
  readonly mac: Uint8Array;
  readonly rxQueueSize: number;
  readonly txQueueSize: number;
  readonly mtu: number;
  /** Megabits a second; undefined: it is not told. */
  readonly speed: number | undefined;
  readonly duplex: 'half' | 'full' | undefined;
}

/** What the machine gives the card. */
export interface VirtioNetWiring extends VirtioWiring {
  /** Makes the card's end of the wire. */
  readonly connect: (card: VirtioNet) => NetClient;
  readonly events: MachineEvents;
  /** Of the card, as events name it; empty: it has none. */
  readonly id: string;
  readonly path: string;
}

export type VirtioNetState = VirtioState & {
  readonly mac: Uint8Array;
  readonly linkUp: boolean;
  /** The driver was asked to announce the card. */
  readonly announcing: boolean;
  readonly filter: NetFilterState;
};

export class VirtioNet extends VirtioDevice<VirtioNetState> implements NetEnd, ControlledNic {
  readonly deviceId = VIRTIO_ID_NET;
  readonly legacyOnlyFeatures = 0n;
  override readonly oldFeatures = VIRTIO_NET_F_GSO;
  readonly deviceFeatures: bigint;
  readonly configLength: number;
  readonly fields: StateKind<VirtioNetState> = record<VirtioNetState>({
    ...this.commonFields,
    mac: bytes(MAC_BYTES),
    linkUp: BOOLEAN,
    announcing: BOOLEAN,
    filter: record<NetFilterState>(NET_FILTER_FIELDS),
  });
  readonly filter = new NetFilter();
  readonly client: NetClient;
  readonly #properties: VirtioNetProperties;
  readonly #wiring: VirtioNetWiring;
  /** QEMU: a change of the filter is told once, until somebody has looked at it. */
  #tellsFilter = true;
  readonly #s: { mac: Uint8Array; announcing: boolean };

  constructor(properties: VirtioNetProperties, wiring: VirtioNetWiring) {
    super(wiring, [properties.rxQueueSize, properties.txQueueSize, CONTROL_QUEUE_SIZE]);
    this.#properties = properties;
    this.#wiring = wiring;
    this.deviceFeatures = properties.features;
    this.configLength = Math.max(
      ...CONFIG_ENDS.map(([feature, end]) => ((properties.features & feature) !== 0n ? end : 0)),
    );
    this.#s = { mac: properties.mac.slice(), announcing: false };
    this.client = wiring.connect(this);
  }

  get mac(): Uint8Array {
    return this.#s.mac;
  }

  /** What the card takes, for who asks. */
  get rxFilter(): RxFilter {
    this.#tellsFilter = true;
    return this.filter.describe(this.#s.mac, this.has(VIRTIO_NET_F_CTRL_VLAN));
  }

  get hasGuestOffloads(): boolean {
    return this.has(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
  }

  get hasPairs(): boolean {
    return this.has(VIRTIO_NET_F_MQ);
  }

  get canReceive(): boolean {
    return this.#isReady && this.queues[RX_QUEUE].desc !== 0;
  }

  setMac(mac: Uint8Array): void {
    this.#s.mac = mac.slice();
  }

  /** Asks the driver to tell its network where it is. */
  announce(): void {
    if (!this.has(VIRTIO_NET_F_GUEST_ANNOUNCE) || !this.has(VIRTIO_NET_F_CTRL_VQ) || !this.#isReady) return;
    this.#s.announcing = true;
    this.notifyConfig();
  }

  announced(): boolean {
    const { announcing } = this.#s;
    this.#s.announcing = false;
    return announcing;
  }

  linkChanged(): void {
    if (this.has(VIRTIO_NET_F_STATUS) || !this.has(VIRTIO_F_VERSION_1)) this.notifyConfig();
  }

  /** The wire takes packets again. */
  resume(): void {
    this.kick(TX_QUEUE);
  }

  receive(packet: Packet): boolean {
    return this.#receive(packet, { ...PORTION });
  }

  readConfig(): Uint8Array {
    const config = new Uint8Array(CONFIG_BYTES);
    const view = new DataView(config.buffer);
    const { mtu, speed = SPEED_UNKNOWN, duplex } = this.#properties;
    const link = this.client.linkDown ? 0 : VIRTIO_NET_S_LINK_UP;
    config.set(this.#s.mac);
    view.setUint16(6, link | (this.#s.announcing ? VIRTIO_NET_S_ANNOUNCE : 0), true);
    view.setUint16(8, 1, true);
    view.setUint16(10, mtu, true);
    view.setUint32(12, speed, true);
    config[16] = duplex === undefined ? DUPLEX_UNKNOWN : Number(duplex === 'full');
    return config.subarray(0, this.configLength);
  }

  /** QEMU: only a driver that has no other way may write the address. */
  protected configWritten(offset: number, size: number, value: number): void {
    if (this.has(VIRTIO_NET_F_CTRL_MAC_ADDR) || this.has(VIRTIO_F_VERSION_1)) return;
    for (let i = 0; i < size && offset + i < MAC_BYTES; i++) this.#s.mac[offset + i] = value >>> (8 * i);
  }

  abandon(): void {}

  protected resetDevice(): void {
    this.#s.mac = this.#properties.mac.slice();
    this.#s.announcing = false;
    this.filter.reset();
  }

  protected saveDevice(common: VirtioState): VirtioNetState {
    const { mac, announcing } = this.#s;
    return {
      ...common,
      mac: mac.slice(),
      announcing,
      linkUp: !this.client.linkDown,
      filter: this.filter.save(),
    };
  }

  protected restoreDevice({ mac, announcing, linkUp, filter }: VirtioNetState): void {
    this.#s.mac = mac.slice();
    this.#s.announcing = announcing;
    this.client.linkDown = !linkUp;
    this.filter.restore(filter);
  }

  /** QEMU: what waits for the card is looked at when the driver becomes ready. */
  protected override statusChanged(): void {
    if (this.canReceive) this.kick(RX_QUEUE);
  }

  protected serveQueue(index: number, portion: Portion): void {
    if (!this.#isReady) return;
    if (index === RX_QUEUE) this.#refilled(portion);
    else if (index === TX_QUEUE) this.#transmit(portion);
    else this.#control(portion);
  }

  get #isReady(): boolean {
    return (this.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0 && this.active;
  }

  get #headerLength(): number {
    return this.has(VIRTIO_NET_F_MRG_RXBUF) || this.has(VIRTIO_F_VERSION_1) ? HEADER_WITH_COUNT : HEADER;
  }

  #refilled(portion: Portion): void {
    portion.requests--;
    this.client.flush(() => {
      portion.requests--;
      return hasRoom(portion);
    });
  }

  #receive(packet: Packet, portion: Portion): boolean {
    if (!this.canReceive || !this.#hasBuffers(packet.length, portion)) return false;
    // What the filter does not take is no loss: it never was for this card.
    const isWanted = this.filter.takes(packet, this.#s.mac, this.has(VIRTIO_NET_F_CTRL_VLAN));
    if (!isWanted) return true;
    this.#fill(packet);
    return true;
  }

  /** The driver is asked to tell of new buffers only when there are none. */
  #hasBuffers(length: number, portion: Portion): boolean {
    if (this.#holds(length, portion)) {
      this.queues[RX_QUEUE].setNotification(false);
      return true;
    }
    this.queues[RX_QUEUE].setNotification(true);
    // It may have made one available meanwhile.
    return this.#holds(length, portion);
  }

  #holds(length: number, portion: Portion): boolean {
    const queue = this.queues[RX_QUEUE];
    if (!this.has(VIRTIO_NET_F_MRG_RXBUF)) return !queue.empty;
    const needed = this.#headerLength + length;
    return queue.writableBytes(needed, portion) >= needed;
  }

  #fill(packet: Packet): void {
    const queue = this.queues[RX_QUEUE];
    const isMergeable = this.has(VIRTIO_NET_F_MRG_RXBUF);
    const filled: { readonly chain: Chain; readonly written: number }[] = [];
    const header = new Uint8Array(this.#headerLength);
    for (let done = 0; done < packet.length || filled.length === 0; ) {
      const chain = queue.pop();
      if (chain === undefined) return;
      const skip = filled.length === 0 ? header.length : 0;
      const room = segmentsLength(chain.in) - skip;
      if (room <= 0) {
        this.fault('virtio-net receive queue contains no in buffers');
        return;
      }
      if (!isMergeable && room < packet.length) {
        // QEMU: a packet that no buffer holds is lost, the buffer is not.
        queue.unpop();
        this.client.dropped++;
        return;
      }
      const part = packet.subarray(done, done + room);
      scatter(this.memory, sliceSegments(chain.in, skip, part.length), part);
      filled.push({ chain, written: skip + part.length });
      done += part.length;
    }
    if (header.length > NUM_BUFFERS_AT) {
      new DataView(header.buffer).setUint16(NUM_BUFFERS_AT, filled.length, true);
    }
    scatter(this.memory, filled[0].chain.in, header);
    for (const { chain, written } of filled) queue.push(chain.head, written);
    this.interruptQueue(queue);
  }

  /** QEMU: the driver need not tell of more while there is something to do. */
  #transmit(portion: Portion): void {
    const queue = this.queues[TX_QUEUE];
    queue.setNotification(false);
    let isIdle = this.#transmitAll(portion);
    if (isIdle) queue.setNotification(true);
    // The driver may have offered one more before it saw that.
    if (isIdle && !queue.empty) isIdle = this.#transmitAll(portion);
  }

  /** True: there is nothing more to send, and the driver has to tell when there is. */
  #transmitAll(portion: Portion): boolean {
    const queue = this.queues[TX_QUEUE];
    let count = 0;
    for (;;) {
      const chain = queue.take(portion);
      if (chain === undefined) break;
      const length = segmentsLength(chain.out);
      if (length <= this.#headerLength) {
        this.fault('virtio-net header incorrect');
        return false;
      }
      // What is dropped anyway need not wait for who would take it.
      if (!this.client.isPeerReady && length - this.#headerLength <= PACKET_MAX) {
        queue.unpop();
        break;
      }
      this.#send(chain, length - this.#headerLength);
      portion.bytes -= Math.min(length, PACKET_MAX);
      queue.push(chain.head, 0);
      count++;
    }
    if (count > 0) this.interruptQueue(queue);
    return this.client.isPeerReady && hasRoom(portion);
  }

  #send({ out }: Chain, length: number): void {
    if (length > PACKET_MAX) {
      this.client.dropped++;
      return;
    }
    const packet = new Uint8Array(length);
    gather(this.memory, sliceSegments(out, this.#headerLength, length), packet);
    this.client.send(packet);
  }

  #control(portion: Portion): void {
    const queue = this.queues[CONTROL_QUEUE];
    let count = 0;
    for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
      if (segmentsLength(chain.in) < 1 || segmentsLength(chain.out) < CONTROL_HEADER) {
        this.fault('virtio-net ctrl missing headers');
        return;
      }
      const answer = control(this, this.memory, chain.out);
      if (answer === VIRTIO_NET_OK) this.#filterChanged();
      scatter(this.memory, chain.in, Uint8Array.of(answer));
      queue.push(chain.head, 1);
      count++;
    }
    if (count > 0) this.interruptQueue(queue);
  }

  #filterChanged(): void {
    if (!this.#tellsFilter) return;
    this.#tellsFilter = false;
    const { events, id, path } = this.#wiring;
    events.emit({ event: 'NIC_RX_FILTER_CHANGED', data: id === '' ? { path } : { name: id, path } });
  }
}
