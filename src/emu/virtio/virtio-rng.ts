/**
 * Entropy device. Spec: virtio 1.2 §5.4.
 *
 * | queue | use |
 * |---|---|
 * | 0, 8 entries | buffers that the device fills with random bytes |
 *
 * It has neither features nor configuration.
 */
import { PORTION, type Portion } from '../core/bottom-half.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { EntropySource } from '../core/entropy.ts';
import { BOOLEAN, bigUnsigned, DEADLINE_NS, integer, record } from '../core/state-fields.ts';
import { scatter, segmentsLength } from '../memory/segments.ts';
import type { VirtioState, VirtioWiring } from './virtio-device.ts';
import { VIRTIO_CONFIG_S_DRIVER_OK, VirtioDevice } from './virtio-device.ts';

const VIRTIO_ID_RNG = 4;
const QUEUE_SIZE = 8;
const NS_PER_MS = 1_000_000;

/** Bytes of one answer: a hostile driver may ask for gigabytes, and the clock goes on with the rest. */
const ANSWER_BYTES = 65_536;

/** QEMU's properties of virtio-rng. */
export interface VirtioRngProperties {
  /** Bytes that the guest gets in a period. */
  readonly maxBytes: bigint;
  readonly periodMs: number;
}

export const VIRTIO_RNG_DEFAULTS: VirtioRngProperties = { maxBytes: 2n ** 63n - 1n, periodMs: 1 << 16 };

/** What the machine gives the device. */
export interface VirtioRngWiring extends VirtioWiring {
  readonly source: EntropySource;
}

export type VirtioRngState = VirtioState & {
  /** Bytes of the period that are left. */
  readonly quotaRemaining: bigint;
  /** The next request starts a period. */
  readonly activateTimer: boolean;
  /** End of the period, null when none runs. */
  readonly rateLimitNs: number | null;
  /** Bytes that were asked of the source and have not come yet. */
  readonly requestedBytes: number;
};

export class VirtioRng extends VirtioDevice<VirtioRngState> {
  readonly deviceId = VIRTIO_ID_RNG;
  readonly deviceFeatures = 0n;
  readonly legacyOnlyFeatures = 0n;
  readonly configLength = 0;
  readonly fields = record<VirtioRngState>({
    ...this.commonFields,
    quotaRemaining: bigUnsigned(64),
    activateTimer: BOOLEAN,
    rateLimitNs: DEADLINE_NS,
    requestedBytes: integer(0, ANSWER_BYTES),
  });
  readonly #properties: VirtioRngProperties;
  readonly #source: EntropySource;
  readonly #clock: Clock;
  readonly #rateLimit: Timer;
  /** Entropy comes asynchronously, when the machine's clock is looked at next: the same in every run with `-icount`. */
  readonly #arrival: Timer;
  readonly #s: {
    quotaRemaining: bigint;
    activateTimer: boolean;
    rateLimitNs: number | null;
    requestedBytes: number;
  };

  constructor(properties: VirtioRngProperties, wiring: VirtioRngWiring) {
    super(wiring, [QUEUE_SIZE]);
    const { clock, source } = wiring;
    this.#properties = properties;
    this.#source = source;
    this.#clock = clock;
    this.#rateLimit = clock.timer(() => this.#periodEnds());
    this.#arrival = clock.timer(() => this.#entropyArrives({ ...PORTION }));
    this.#s = {
      quotaRemaining: properties.maxBytes,
      activateTimer: true,
      rateLimitNs: null,
      requestedBytes: 0,
    };
  }

  readConfig(): Uint8Array {
    return new Uint8Array(0);
  }

  protected configWritten(): void {}

  abandon(): void {
    this.#s.requestedBytes = 0;
    this.#arrival.cancel();
    this.#rateLimit.cancel();
  }

  /** QEMU: the period and what is left of it go on through a reset of the device. */
  protected resetDevice(): void {
    this.#armRateLimit(this.#s.rateLimitNs);
  }

  protected saveDevice(common: VirtioState): VirtioRngState {
    return { ...common, ...this.#s };
  }

  protected restoreDevice({
    quotaRemaining,
    activateTimer,
    rateLimitNs,
    requestedBytes,
  }: VirtioRngState): void {
    Object.assign(this.#s, { quotaRemaining, activateTimer, requestedBytes });
    this.#armRateLimit(rateLimitNs);
    if (requestedBytes > 0) this.#arrival.arm(this.#clock.nowNs());
  }

  protected serveQueue(_index: number, portion: Portion): void {
    this.#process(portion);
  }

  /** QEMU: every write of the status is an occasion to look at the queue. */
  protected override statusChanged(): void {
    this.kick(0);
  }

  get #ready(): boolean {
    return this.queues[0].desc !== 0 && (this.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0 && this.active;
  }

  /** Asks the source for what the buffers hold and the period allows. */
  #process(portion: Portion): void {
    portion.requests--;
    if (!this.#ready) return;
    if (this.#s.activateTimer) {
      this.#armRateLimit(this.#clock.nowNs() + this.#properties.periodMs * NS_PER_MS);
      this.#s.activateTimer = false;
    }
    if (this.#s.requestedBytes > 0) return;
    const quota = this.#s.quotaRemaining;
    const limit = quota < BigInt(ANSWER_BYTES) ? Number(quota) : ANSWER_BYTES;
    const size = this.queues[0].writableBytes(limit, portion);
    if (this.trace.on) this.trace.event('virtio_rng_request', this, size, BigInt.asUintN(32, quota));
    if (size === 0) return;
    this.#s.requestedBytes = size;
    this.#arrival.arm(this.#clock.nowNs());
  }

  #armRateLimit(deadlineNs: number | null): void {
    this.#s.rateLimitNs = deadlineNs;
    if (deadlineNs === null) this.#rateLimit.cancel();
    else this.#rateLimit.arm(deadlineNs);
  }

  #periodEnds(): void {
    this.#s.rateLimitNs = null;
    this.#s.quotaRemaining = this.#properties.maxBytes;
    this.#process({ ...PORTION });
    this.#s.activateTimer = true;
  }

  #entropyArrives(portion: Portion): void {
    const size = this.#s.requestedBytes;
    this.#s.requestedBytes = 0;
    if (!this.#ready) return;
    const bytes = new Uint8Array(size);
    this.#source.random(bytes);
    this.#s.quotaRemaining -= BigInt(size);
    this.#give(bytes, portion);
    if (!this.queues[0].empty) this.#process({ ...PORTION });
  }

  #give(bytes: Uint8Array, portion: Portion): void {
    const queue = this.queues[0];
    for (let offset = 0; offset < bytes.length; ) {
      const chain = queue.take(portion);
      if (chain === undefined) break;
      if (this.trace.on) this.trace.event('virtio_rng_popped', this);
      const length = Math.min(segmentsLength(chain.in), bytes.length - offset);
      scatter(this.memory, chain.in, bytes.subarray(offset, offset + length));
      queue.push(chain.head, length);
      if (this.trace.on) this.trace.event('virtio_rng_pushed', this, length);
      offset += length;
    }
    this.interruptQueue(queue);
  }
}
