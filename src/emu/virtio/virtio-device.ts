/** What every virtio device has whatever its transport: status, features, queues, configuration. Spec: virtio 1.2 §2. */
import {
  BOTTOM_HALF_STATE,
  BottomHalf,
  type BottomHalfState,
  hasRoom,
  type Portion,
} from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import {
  BOOLEAN,
  BYTE,
  bigUnsigned,
  integer,
  list,
  mask,
  type StateFields,
  type StateKind,
  WORD,
} from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { VirtqueueOwner, VirtqueueState } from './virtqueue.ts';
import { VIRTIO_NO_VECTOR, VIRTQUEUE_STATE, Virtqueue } from './virtqueue.ts';

/** Spec: §2.1. */
export const VIRTIO_CONFIG_S_ACKNOWLEDGE = 0x01;
export const VIRTIO_CONFIG_S_DRIVER = 0x02;
export const VIRTIO_CONFIG_S_DRIVER_OK = 0x04;
export const VIRTIO_CONFIG_S_FEATURES_OK = 0x08;
export const VIRTIO_CONFIG_S_NEEDS_RESET = 0x40;
export const VIRTIO_CONFIG_S_FAILED = 0x80;

/** Spec: §6. */
export const VIRTIO_F_NOTIFY_ON_EMPTY = 1n << 24n;
export const VIRTIO_F_ANY_LAYOUT = 1n << 27n;
export const VIRTIO_F_INDIRECT_DESC = 1n << 28n;
export const VIRTIO_F_EVENT_IDX = 1n << 29n;
/** QEMU: offered to legacy drivers only; who takes it is too old to be trusted with any feature. */
export const VIRTIO_F_BAD_FEATURE = 1n << 30n;
export const VIRTIO_F_VERSION_1 = 1n << 32n;
export const VIRTIO_F_RING_RESET = 1n << 40n;

/** Spec: §4.1.4.5. */
export const VIRTIO_ISR_QUEUE = 0x1;
export const VIRTIO_ISR_CONFIG = 0x2;

/** How a device reaches its driver. */
export interface VirtioTransport {
  /** Interrupts through MSI-X vector `vector`, or through INTx# as the ISR status says. */
  interrupt(vector: number): void;
  /** The device may read and write guest memory. */
  readonly busMaster: boolean;
}

export type VirtioState = {
  readonly status: number;
  readonly isr: number;
  readonly driverFeatures: bigint;
  readonly queueSelect: number;
  readonly configVector: number;
  readonly generation: number;
  readonly broken: boolean;
  readonly queues: readonly VirtqueueState[];
  /** Numbers of queues that may have more requests. */
  readonly pending: readonly number[];
  readonly bottomHalf: BottomHalfState;
};

/** What every device needs of the machine. */
export interface VirtioWiring {
  readonly memory: DmaPort;
  readonly trace: Trace;
  readonly clock: Clock;
}

export abstract class VirtioDevice<S extends VirtioState = VirtioState> implements VirtqueueOwner {
  /** Spec: §5. */
  abstract readonly deviceId: number;
  /** Offered features without those of the transport. */
  abstract readonly deviceFeatures: bigint;
  /** What is offered on top by a transport without the modern interface. */
  abstract readonly legacyOnlyFeatures: bigint;
  /** Those of `deviceFeatures` that a modern driver is not shown. */
  readonly oldFeatures: bigint = 0n;
  /** Bytes of device-specific configuration. */
  abstract readonly configLength: number;
  /** What its state may hold; a card has it inside its own. */
  abstract readonly fields: StateKind<S>;
  readonly memory: DmaPort;
  readonly queues: readonly Virtqueue[];
  /** What QEMU calls an interrupt for a queue of this device. */
  protected readonly notifyEvent: 'virtio_notify' | 'virtio_notify_irqfd' = 'virtio_notify';
  eventIdx = false;
  notifyOnEmpty = false;
  readonly trace: Trace;
  #transport: VirtioTransport | undefined;
  readonly #bottomHalf: BottomHalf;
  readonly #pending = new Set<number>();
  /** Queues are being served. */
  #serving = false;
  readonly #s = {
    status: 0,
    isr: 0,
    driverFeatures: 0n,
    queueSelect: 0,
    configVector: VIRTIO_NO_VECTOR,
    generation: 0,
    broken: false,
  };

  constructor({ memory, trace, clock }: VirtioWiring, queueSizes: readonly number[]) {
    this.memory = memory;
    this.trace = trace;
    this.queues = queueSizes.map((size) => new Virtqueue(this, size));
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
  }

  /** Those of the state that every virtio device has. */
  protected get commonFields(): StateFields<VirtioState> {
    return {
      status: BYTE,
      isr: mask(VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG),
      driverFeatures: bigUnsigned(64),
      queueSelect: WORD,
      configVector: WORD,
      generation: BYTE,
      broken: BOOLEAN,
      queues: list(VIRTQUEUE_STATE, this.queues.length),
      pending: list(integer(0, this.queues.length - 1), { max: this.queues.length }),
      bottomHalf: BOTTOM_HALF_STATE,
    };
  }

  /**
   * Serves queue number `index` as far as `portion` allows, in which all that is done is counted: requests and descriptors by
   * `Virtqueue.take`, bytes by the device. A queue for which it did not suffice comes again from the clock.
   */
  protected abstract serveQueue(index: number, portion: Portion): void;
  /** Device-specific configuration as the driver reads it now. */
  abstract readConfig(): Uint8Array;
  /** The driver wrote `size` bytes at `offset`, all inside the configuration. */
  protected abstract configWritten(offset: number, size: number, value: number): void;
  /** Forgets all requests in flight: their completions must not touch the guest any more. */
  abstract abandon(): void;
  /** Drops the device's own state for a reset, after `abandon`. */
  protected abstract resetDevice(): void;
  protected abstract saveDevice(common: VirtioState): S;
  protected abstract restoreDevice(state: S): void;

  connect(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  get active(): boolean {
    return !this.#s.broken && (this.#transport?.busMaster ?? false);
  }

  /** The driver broke a rule: the device does nothing until it is reset. */
  get isBroken(): boolean {
    return this.#s.broken;
  }

  get status(): number {
    return this.#s.status;
  }

  setStatus(value: number): void {
    this.reportStatus(value);
    this.#s.status = value;
    this.statusChanged(value);
  }

  /** The driver, or what it did, gives the device this status. */
  reportStatus(value: number): void {
    if (this.trace.on) this.trace.event('virtio_set_status', this, value);
  }

  get driverFeatures(): bigint {
    return this.#s.driverFeatures;
  }

  has(feature: bigint): boolean {
    return (this.#s.driverFeatures & feature) !== 0n;
  }

  /** QEMU: features that were not offered are dropped in silence; after FEATURES_OK nothing changes. */
  negotiate(wanted: bigint, offered: bigint): void {
    if ((this.#s.status & VIRTIO_CONFIG_S_FEATURES_OK) !== 0) return;
    this.#s.driverFeatures = wanted & offered;
    this.#followFeatures();
  }

  get queueSelect(): number {
    return this.#s.queueSelect;
  }

  selectQueue(index: number): void {
    this.#s.queueSelect = index;
  }

  get selectedQueue(): Virtqueue | undefined {
    return this.queues[this.#s.queueSelect];
  }

  get configVector(): number {
    return this.#s.configVector;
  }

  setConfigVector(vector: number): void {
    this.#s.configVector = vector;
  }

  get generation(): number {
    return this.#s.generation;
  }

  get isr(): number {
    return this.#s.isr;
  }

  /** Reads and clears the ISR status. */
  takeIsr(): number {
    const { isr } = this.#s;
    this.#s.isr = 0;
    return isr;
  }

  /** The driver wrote queue number `index` into a notification register. */
  notify(index: number): void {
    const queue = this.queues[index];
    if (queue === undefined || queue.desc === 0 || !this.active) return;
    if (this.trace.on) this.trace.event('virtio_queue_notify', this, index, queue);
    this.kick(index);
  }

  /** There may be something to do for queue number `index`: it is served now, as far as the portion allows, and then from the clock. */
  kick(index: number): void {
    this.#pending.add(index);
    // The turn that is under way comes to it.
    if (!this.#serving) this.#bottomHalf.kick();
  }

  /** The driver is ready, and may have made requests before. */
  kickAll(): void {
    for (const [index, queue] of this.queues.entries()) {
      if (queue.desc === 0) continue;
      if (this.trace.on) this.trace.event('virtio_queue_notify', this, index, queue);
      this.kick(index);
    }
  }

  /** The driver resets one queue (VIRTIO_F_RING_RESET). */
  resetQueue(index: number): void {
    this.#pending.delete(index);
    this.queues[index]?.reset();
  }

  /** The driver wrote to the device-specific configuration. */
  writeConfig(offset: number, size: number, value: number): void {
    if (offset + size <= this.configLength) this.configWritten(offset, size, value);
  }

  /** The device-specific configuration changed. */
  notifyConfig(): void {
    if ((this.#s.status & VIRTIO_CONFIG_S_DRIVER_OK) === 0) return;
    this.#s.isr |= VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG;
    this.#s.generation = (this.#s.generation + 1) & 0xff;
    this.#transport?.interrupt(this.#s.configVector);
  }

  fault(message: string): void {
    this.trace.guestError(`virtio: ${message}`);
    this.#s.broken = true;
    if (!this.has(VIRTIO_F_VERSION_1)) return;
    this.#s.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    this.notifyConfig();
  }

  /** The machine is reset, or the device's power comes. */
  powerOn(): void {
    this.reset();
    this.#bottomHalf.reset();
  }

  /**
   * The driver resets the device. QEMU: the configuration generation goes on counting. So does what the driver has used of the
   * portion: else a reset would give it another.
   */
  reset(): void {
    this.reportStatus(0);
    this.#forget();
    Object.assign(this.#s, {
      status: 0,
      isr: 0,
      driverFeatures: 0n,
      queueSelect: 0,
      configVector: VIRTIO_NO_VECTOR,
      broken: false,
    });
    for (const queue of this.queues) queue.reset();
    this.#followFeatures();
    this.resetDevice();
  }

  save(): S {
    return this.saveDevice({
      ...this.#s,
      queues: this.queues.map((queue) => queue.save()),
      pending: [...this.#pending],
      bottomHalf: this.#bottomHalf.save(),
    });
  }

  restore(state: S): void {
    const { status, isr, driverFeatures, queueSelect, configVector, generation, broken, queues } = state;
    this.#forget();
    Object.assign(this.#s, { status, isr, driverFeatures, queueSelect, configVector, generation, broken });
    for (const [i, queue] of this.queues.entries()) queue.restore(queues[i]);
    this.#followFeatures();
    for (const index of state.pending) if (index in this.queues) this.#pending.add(index);
    this.#bottomHalf.restore(state.bottomHalf);
    this.restoreDevice(state);
  }

  /** For devices that keep requests for the next portion: they go on before the queues are looked at. True when not all of them could. */
  protected serveKept(_portion: Portion): boolean {
    return false;
  }

  /** A kept request waits for the next portion. */
  protected scheduleKept(): void {
    this.#bottomHalf.schedule();
  }

  /** For devices that act on DRIVER_OK. */
  protected statusChanged(_status: number): void {}

  /** Interrupts for what was pushed to `queue`, when the driver wants that. */
  protected interruptQueue(queue: Virtqueue): void {
    if (!queue.takeInterrupt()) return;
    if (this.trace.on) this.trace.event(this.notifyEvent, this, queue);
    this.#s.isr |= VIRTIO_ISR_QUEUE;
    this.#transport?.interrupt(queue.vector);
  }

  #forget(): void {
    this.#pending.clear();
    this.#bottomHalf.cancel();
    this.abandon();
  }

  /** Does a portion of what the driver asked for; true when there is more. */
  #serve(portion: Portion): boolean {
    this.#serving = true;
    const kept = this.serveKept(portion);
    // What is kicked meanwhile is at the end of the set, and has its turn too.
    for (const index of this.#pending) {
      if (!hasRoom(portion)) break;
      this.#pending.delete(index);
      if (this.active) this.serveQueue(index, portion);
      if (!hasRoom(portion)) this.#pending.add(index);
    }
    this.#serving = false;
    return kept || this.#pending.size > 0;
  }

  #followFeatures(): void {
    this.eventIdx = this.has(VIRTIO_F_EVENT_IDX);
    this.notifyOnEmpty = this.has(VIRTIO_F_NOTIFY_ON_EMPTY);
  }
}
