/** A ring of an 82574L's from which packets are sent. Spec: 82574 datasheet §7.2. What of it is done, and in what order, is QEMU's. */
import {
  BOTTOM_HALF_STATE,
  BottomHalf,
  type BottomHalfState,
  hasRoom,
  type Portion,
} from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import { BOOLEAN, DWORD, record } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Packet } from '../net/net-client.ts';
import { count, countSentSize, countTotalSent } from './e1000-statistics.ts';
import { TRANSMIT_STATE, Transmit, type TransmitHost, type TransmitState } from './e1000-transmit.ts';
import * as r from './e1000e-registers.ts';

const LIMIT_32 = 2 ** 32;
const ADDRESS_MASK = 0xffff_fff0;
const RING_STEP = 0x100;
const UPPER_AT = 12;

export type QueueState = {
  readonly transmit: TransmitState;
  readonly bottomHalf: BottomHalfState;
  /** Of the walk through the ring that goes on. */
  readonly causes: number;
  readonly mayWait: boolean;
};

export const QUEUE_STATE = record<QueueState>({
  ...{ transmit: TRANSMIT_STATE, bottomHalf: BOTTOM_HALF_STATE, causes: DWORD, mayWait: BOOLEAN },
});

export interface QueueHost {
  readonly mac: r.MacRegisters;
  readonly dma: DmaPort;
  /** Messages tell of causes one by one. */
  readonly hasMessages: boolean;
  send(packet: Packet): void;
  sentCauses(causes: number, mayWait: boolean): void;
}

export class E1000eQueue implements TransmitHost {
  readonly hasOneContext = true;
  readonly #host: QueueHost;
  readonly #queue: number;
  readonly #transmit: Transmit;
  readonly #bottomHalf: BottomHalf;
  #causes = 0;
  #mayWait = false;
  /** Packets that are sent now may order more to be sent. */
  #isSending = false;
  #portion: Portion | undefined;

  /** @param queue 0 or 1 */
  constructor(host: QueueHost, queue: number, clock: Clock) {
    this.#host = host;
    this.#queue = queue;
    this.#transmit = new Transmit(this);
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
  }

  reset(): void {
    this.#transmit.reset();
    this.#bottomHalf.reset();
    this.#causes = 0;
    this.#mayWait = false;
  }

  cancel(): void {
    this.#bottomHalf.cancel();
  }

  save(): QueueState {
    return {
      ...{ transmit: this.#transmit.save(), bottomHalf: this.#bottomHalf.save() },
      ...{ causes: this.#causes, mayWait: this.#mayWait },
    };
  }

  restore({ transmit, bottomHalf, causes, mayWait }: QueueState): void {
    this.#transmit.restore(transmit);
    this.#bottomHalf.restore(bottomHalf);
    this.#causes = causes;
    this.#mayWait = mayWait;
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

  sent(packet: Uint8Array): void {
    const { mac } = this.#host;
    if (this.#portion !== undefined) this.#portion.requests--;
    this.#host.send(packet);
    // QEMU: what is sent is counted with its tag, and without its checksum.
    countSentSize(mac, packet, packet.length);
    countTotalSent(mac, packet.length, 0);
  }

  cutCompleted(): void {
    count(this.#host.mac, r.TSCTC);
  }

  /** There may be something to send. */
  kick(): void {
    const { mac } = this.#host;
    const isEnabled = (mac[this.#at(r.TARC0)] & r.TARC_ENABLE) !== 0;
    if (this.#isSending || !isEnabled || (mac[r.TCTL >> 2] & r.TCTL_EN) === 0) return;
    this.#bottomHalf.kick();
  }

  #at(register: number): number {
    return (register + this.#queue * RING_STEP) >> 2;
  }

  get #isEmpty(): boolean {
    const { mac } = this.#host;
    const tail = mac[this.#at(r.TDT)];
    return mac[this.#at(r.TDH)] === tail || tail >= mac[this.#at(r.TDLEN)] / r.DESCRIPTOR_BYTES;
  }

  #serve(portion: Portion): boolean {
    const { mac } = this.#host;
    if ((mac[r.TCTL >> 2] & r.TCTL_EN) === 0) return false;
    this.#isSending = true;
    this.#portion = portion;
    while (!this.#isEmpty && hasRoom(portion)) this.#sendDescriptor(portion);
    this.#portion = undefined;
    this.#isSending = false;
    if (!this.#isEmpty) return true;
    const [causes, mayWait] = [this.#causes | r.ICR_TXQE, this.#mayWait];
    this.#causes = 0;
    this.#mayWait = false;
    this.#host.sentCauses(causes, mayWait);
    return false;
  }

  #sendDescriptor(portion: Portion): void {
    const { mac, dma } = this.#host;
    const base = this.#at(r.TDBAL);
    const head = this.#at(r.TDH);
    const at = mac[base + 1] * LIMIT_32 + ((mac[base] & ADDRESS_MASK) >>> 0) + mac[head] * r.DESCRIPTOR_BYTES;
    const bytes = new Uint8Array(r.DESCRIPTOR_BYTES);
    dma.read(at, bytes);
    const view = new DataView(bytes.buffer);
    const word = (n: number): number => view.getUint32(4 * n, true);
    const [lower, upper] = [word(2), word(3)];
    portion.descriptors--;
    portion.bytes -= this.#transmit.take({ first: word(0), second: word(1), lower, upper });
    if ((lower & r.TXD_CMD_RS) !== 0 || (mac[r.IVAR >> 2] & r.IVAR_EVERY_WRITE_BACK) !== 0) {
      this.#mayWait = (lower & r.TXD_CMD_IDE) !== 0;
      dma.writeU32(at + UPPER_AT, (upper | r.TXD_STAT_DD) >>> 0);
      const own = this.#queue === 0 ? r.ICR_TXQ0 : r.ICR_TXQ1;
      this.#causes |= this.#host.hasMessages ? own : r.ICR_TXDW;
    }
    const next = mac[head] + 1;
    mac[head] = next >= mac[this.#at(r.TDLEN)] / r.DESCRIPTOR_BYTES ? 0 : next;
  }
}
