/**
 * Traditional memory balloon. Spec: virtio 1.2 §5.5.
 *
 * | queue | holds |
 * |---|---|
 * | 0 inflate, 128 entries | lists of frames that the guest does not use any more |
 * | 1 deflate, 128 entries | lists of frames that it uses again |
 * | 2 statistics, 128 entries | one buffer with the guest's statistics, which the device keeps until it wants new ones |
 * | 3 reporting, 32 entries, with VIRTIO_BALLOON_F_REPORTING | buffers that are free memory, as long as the device has them |
 *
 * | configuration | |
 * |---|---|
 * | 0x00 num_pages u32 | pages that the guest should give up |
 * | 0x04 actual u32 | pages that it has given up; the driver writes it |
 * | 0x08 free_page_hint_cmd_id u32 | 0: not modelled |
 * | 0x0c poison_val u32 | what the guest fills free pages with; the driver writes it |
 *
 * Not modelled: VIRTIO_BALLOON_F_FREE_PAGE_HINT, which serves migration between hosts.
 */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import { type Clock, MAX_TIME_NS, type Timer } from '../core/clock.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import {
  bigUnsigned,
  DEADLINE_NS,
  DWORD,
  integer,
  list,
  nullable,
  record,
  type StateKind,
  where,
} from '../core/state-fields.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { BalloonDevice } from '../memory/balloon.ts';
import { PAGE_SIZE } from '../memory/guest-memory.ts';
import type { GuestRam } from '../memory/guest-ram.ts';
import { qemuRegionName } from '../memory/pc-ram.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import type { VirtioState, VirtioWiring } from './virtio-device.ts';
import { VirtioDevice } from './virtio-device.ts';
import { type Chain, VIRTQUEUE_MAX_SIZE, type Virtqueue } from './virtqueue.ts';

const VIRTIO_ID_BALLOON = 5;
export const INFLATE_QUEUE = 0;
export const DEFLATE_QUEUE = 1;
export const STATS_QUEUE = 2;
export const REPORTING_QUEUE = 3;
const QUEUE_SIZE = 128;
const REPORTING_QUEUE_SIZE = 32;

/** Spec: §5.5.3. */
export const VIRTIO_BALLOON_F_STATS_VQ = 1n << 1n;
export const VIRTIO_BALLOON_F_DEFLATE_ON_OOM = 1n << 2n;
export const VIRTIO_BALLOON_F_PAGE_POISON = 1n << 4n;
export const VIRTIO_BALLOON_F_REPORTING = 1n << 5n;

const CONFIG_ACTUAL = 4;
const CONFIG_POISON_VAL = 12;
const CONFIG_SIZE = 16;
/** Without VIRTIO_BALLOON_F_PAGE_POISON. */
const CONFIG_SIZE_SHORT = 8;

/** A frame number in a list. */
const PFN_SIZE = 4;
/** Frame numbers that are read at once. */
const PFN_BATCH = 256;

/** Spec: §5.5.6.3.1: by tag. The names are QEMU's. */
const STAT_NAMES = [
  'stat-swap-in',
  'stat-swap-out',
  'stat-major-faults',
  'stat-minor-faults',
  'stat-free-memory',
  'stat-total-memory',
  'stat-available-memory',
  'stat-disk-caches',
  'stat-htlb-pgalloc',
  'stat-htlb-pgfail',
] as const;
/** Tag u16, value u64. */
const STAT_SIZE = 10;
/** QEMU: what the guest has not said. */
const STAT_UNKNOWN = 2n ** 64n - 1n;
/** Of one buffer no more is read: the same tags may repeat in it without end. */
const STATS_MAX_BYTES = 4096;

/** Bytes of a report that are given back at once. */
const REPORT_STEP = 1 << 20;

const NS_PER_S = 1e9;
export const POLL_MAX_S = 0xffff_ffff;

/** QEMU's properties of virtio-balloon. */
export interface VirtioBalloonProperties {
  readonly deflateOnOom: boolean;
  readonly pagePoison: boolean;
  readonly freePageReporting: boolean;
  /** The configuration is as long with VIRTIO_BALLOON_F_PAGE_POISON as without. */
  readonly longConfig: boolean;
}

export interface VirtioBalloonWiring extends VirtioWiring {
  readonly ram: GuestRam;
  readonly events: MachineEvents;
  /** The time of day, in milliseconds since 1970. */
  readonly wallClockMs: () => number;
}

/** A request that a portion did not suffice for. */
type Paused = {
  readonly queue: number;
  readonly head: number;
  /** Bytes of its buffers that are done. */
  readonly doneBytes: number;
};

export type VirtioBalloonState = VirtioState & {
  readonly numPages: number;
  readonly actual: number;
  readonly poisonVal: number;
  readonly stats: readonly bigint[];
  /** When they came, in seconds since 1970; 0: never. */
  readonly statsUpdatedS: number;
  /** Head of the request with which the guest waits for the next question; null: there is none. */
  readonly statsHead: number | null;
  /** Seconds between two questions; 0: none is asked. */
  readonly pollIntervalS: number;
  readonly pollNs: number | null;
  readonly paused: Paused | null;
};

const HEAD = integer(0, VIRTQUEUE_MAX_SIZE - 1);

export class VirtioBalloon extends VirtioDevice<VirtioBalloonState> implements BalloonDevice {
  readonly deviceId = VIRTIO_ID_BALLOON;
  readonly deviceFeatures: bigint;
  readonly legacyOnlyFeatures = 0n;
  readonly configLength: number;
  readonly fields: StateKind<VirtioBalloonState>;
  readonly #ram: GuestRam;
  readonly #events: MachineEvents;
  readonly #wallClockMs: () => number;
  readonly #clock: Clock;
  readonly #poll: Timer;
  readonly #s = {
    numPages: 0,
    actual: 0,
    poisonVal: 0,
    stats: STAT_NAMES.map(() => STAT_UNKNOWN),
    statsUpdatedS: 0,
    statsHead: null as number | null,
    pollIntervalS: 0,
    pollNs: null as number | null,
    paused: null as Paused | null,
  };

  constructor(properties: VirtioBalloonProperties, wiring: VirtioBalloonWiring) {
    const { deflateOnOom, pagePoison, freePageReporting, longConfig } = properties;
    super(wiring, [QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE, ...(freePageReporting ? [REPORTING_QUEUE_SIZE] : [])]);
    this.deviceFeatures =
      VIRTIO_BALLOON_F_STATS_VQ |
      (deflateOnOom ? VIRTIO_BALLOON_F_DEFLATE_ON_OOM : 0n) |
      (pagePoison ? VIRTIO_BALLOON_F_PAGE_POISON : 0n) |
      (freePageReporting ? VIRTIO_BALLOON_F_REPORTING : 0n);
    this.configLength = pagePoison || longConfig ? CONFIG_SIZE : CONFIG_SIZE_SHORT;
    const fields = record<VirtioBalloonState>({
      ...this.commonFields,
      numPages: DWORD,
      actual: DWORD,
      poisonVal: DWORD,
      stats: list(bigUnsigned(64), STAT_NAMES.length),
      statsUpdatedS: integer(0, Number.MAX_SAFE_INTEGER),
      statsHead: nullable(HEAD),
      pollIntervalS: integer(0, POLL_MAX_S),
      pollNs: DEADLINE_NS,
      paused: nullable(
        where(
          record<Paused>({
            queue: integer(0, this.queues.length - 1),
            head: HEAD,
            doneBytes: integer(0, Number.MAX_SAFE_INTEGER),
          }),
          ({ queue }) => (queue === STATS_QUEUE ? 'is of a queue that is never paused' : undefined),
        ),
      ),
    });
    this.fields = where(fields, ({ pollIntervalS, pollNs }) =>
      pollIntervalS === 0 && pollNs !== null ? 'asks for statistics that nobody wants' : undefined,
    );
    this.#ram = wiring.ram;
    this.#events = wiring.events;
    this.#wallClockMs = wiring.wallClockMs;
    this.#clock = wiring.clock;
    this.#poll = wiring.clock.timer(() => this.#askForStats());
  }

  get actualBytes(): bigint {
    return BigInt.asUintN(64, BigInt(this.#ram.sizeBytes) - BigInt(this.#s.actual) * BigInt(PAGE_SIZE));
  }

  setTarget(bytes: number): void {
    const { sizeBytes } = this.#ram;
    const target = Math.min(bytes, sizeBytes);
    this.#s.numPages = Math.floor((sizeBytes - target) / PAGE_SIZE) >>> 0;
    this.notifyConfig();
    if (this.trace.on) this.trace.event('virtio_balloon_to_target', target, this.#s.numPages);
  }

  get pollIntervalS(): number {
    return this.#s.pollIntervalS;
  }

  /** @param seconds a whole number from 0, which ends the questions, to 2^32 - 1 */
  setPollInterval(seconds: number): void {
    const before = this.#s.pollIntervalS;
    if (seconds === before) return;
    this.#s.pollIntervalS = seconds;
    // QEMU: the first question is asked at once.
    if (seconds > 0) this.#pollIn(before === 0 ? 0 : seconds);
    else this.#armPoll(null);
  }

  /** As QEMU's property `guest-stats` shows them. */
  get guestStats(): JsonValue {
    const stats = Object.fromEntries(
      STAT_NAMES.map((name, tag) => [name, this.#s.stats[tag] ?? STAT_UNKNOWN]),
    );
    return { stats, 'last-update': this.#s.statsUpdatedS };
  }

  readConfig(): Uint8Array {
    const { numPages, actual } = this.#s;
    if (this.trace.on) this.trace.event('virtio_balloon_get_config', numPages, actual);
    return this.#configBytes();
  }

  #configBytes(): Uint8Array {
    const { numPages, actual, poisonVal } = this.#s;
    const bytes = new Uint8Array(this.configLength);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, numPages, true);
    view.setUint32(CONFIG_ACTUAL, actual, true);
    if (this.configLength === CONFIG_SIZE) view.setUint32(CONFIG_POISON_VAL, poisonVal, true);
    return bytes;
  }

  protected configWritten(offset: number, size: number, value: number): void {
    const bytes = this.#configBytes();
    for (let n = 0; n < size; n++) bytes[offset + n] = value >>> (8 * n);
    const view = new DataView(bytes.buffer);
    const before = this.#s.actual;
    this.#s.actual = view.getUint32(CONFIG_ACTUAL, true);
    // QEMU: a driver that knows nothing of the value has none.
    const isPoisoned = this.configLength === CONFIG_SIZE && this.has(VIRTIO_BALLOON_F_PAGE_POISON);
    this.#s.poisonVal = isPoisoned ? view.getUint32(CONFIG_POISON_VAL, true) : 0;
    if (this.#s.actual !== before) {
      this.#events.emit({ event: 'BALLOON_CHANGE', data: { actual: Number(this.actualBytes) } });
    }
    if (this.trace.on) this.trace.event('virtio_balloon_set_config', this.#s.actual, before);
  }

  abandon(): void {
    this.#s.paused = null;
    this.#s.statsHead = null;
    this.#poll.cancel();
  }

  /** QEMU: what the user wants, and what the guest has given, go on through a reset; so do the questions. */
  protected resetDevice(): void {
    this.#s.poisonVal = 0;
    this.#armPoll(this.#s.pollNs);
  }

  protected saveDevice(common: VirtioState): VirtioBalloonState {
    return { ...common, ...this.#s, stats: [...this.#s.stats] };
  }

  protected restoreDevice(state: VirtioBalloonState): void {
    const { numPages, actual, poisonVal, statsUpdatedS, statsHead, pollIntervalS, pollNs, paused } = state;
    const stats = [...state.stats];
    Object.assign(this.#s, { numPages, actual, poisonVal, stats, statsUpdatedS });
    Object.assign(this.#s, { statsHead, pollIntervalS, paused });
    this.#armPoll(pollNs);
  }

  /** The driver takes a queue back, with what the device had of it. */
  override resetQueue(index: number): void {
    super.resetQueue(index);
    if (index === STATS_QUEUE) this.#s.statsHead = null;
    if (this.#s.paused?.queue === index) this.#s.paused = null;
  }

  protected serveQueue(index: number, portion: Portion): void {
    const queue = this.queues[index];
    if (index === STATS_QUEUE) {
      for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
        this.#takeStats(queue, chain);
      }
      return;
    }
    for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
      if (!this.#goOn(index, chain, 0, portion)) return;
    }
  }

  protected override serveKept(portion: Portion): boolean {
    const { paused } = this.#s;
    if (paused === null || !hasRoom(portion)) return paused !== null;
    this.#s.paused = null;
    const chain = this.active ? this.queues[paused.queue].chainAt(paused.head) : undefined;
    if (chain === undefined) return false;
    portion.requests--;
    return !this.#goOn(paused.queue, chain, paused.doneBytes, portion);
  }

  /** Goes on with a request from byte `done` of its buffers. False: the portion did not suffice, and the rest of it is kept. */
  #goOn(index: number, chain: Chain, done: number, portion: Portion): boolean {
    const at =
      index === REPORTING_QUEUE
        ? this.#takeReport(chain.in, done, portion)
        : this.#takeFrames(index, chain.out, done, portion);
    if (at !== undefined) {
      this.#s.paused = { queue: index, head: chain.head, doneBytes: at };
      return false;
    }
    this.#answer(this.queues[index], chain.head);
    return true;
  }

  #answer(queue: Virtqueue, head: number): void {
    queue.push(head, 0);
    this.interruptQueue(queue);
  }

  /** A list of frame numbers; undefined when all of it is done, else where to go on. */
  #takeFrames(
    index: number,
    segments: readonly Segment[],
    done: number,
    portion: Portion,
  ): number | undefined {
    const end = segmentsLength(segments);
    const bytes = new Uint8Array(PFN_BATCH * PFN_SIZE);
    const view = new DataView(bytes.buffer);
    for (let at = done; at + PFN_SIZE <= end; ) {
      const batch = sliceSegments(segments, at, bytes.length);
      const length = segmentsLength(batch);
      gather(this.memory, batch, bytes);
      for (let n = 0; n + PFN_SIZE <= length; n += PFN_SIZE, at += PFN_SIZE) {
        if (!hasRoom(portion)) return at;
        portion.bytes -= this.#takeFrame(index, view.getUint32(n, true) * PAGE_SIZE);
      }
    }
    return undefined;
  }

  /** What it costs, in bytes. */
  #takeFrame(index: number, gpa: Gpa): number {
    const { memory } = this.#ram;
    const region = memory.find(gpa, PAGE_SIZE);
    const isRam = region !== undefined && !region.readOnly;
    if (this.trace.on) {
      if (isRam) this.trace.event('virtio_balloon_handle_output', qemuRegionName(region.name), gpa);
      else this.trace.event('virtio_balloon_bad_addr', gpa);
    }
    // A page that is used again needs nothing: it gets memory when it is written to.
    return PAGE_SIZE + (isRam && index === INFLATE_QUEUE ? memory.release(gpa, PAGE_SIZE) : 0);
  }

  /** Buffers of free memory; undefined when all of it is done, else where to go on. */
  #takeReport(segments: readonly Segment[], done: number, portion: Portion): number | undefined {
    let start = 0;
    for (const { gpa, length } of segments) {
      const isKept = this.#s.poisonVal !== 0 || !this.#mayGive(gpa, length);
      for (let at = Math.max(0, done - start); at < length && !isKept; ) {
        if (!hasRoom(portion)) return start + at;
        const step = Math.min(length - at, REPORT_STEP);
        portion.bytes -= this.#ram.memory.release(gpa + at, step);
        at += step;
      }
      start += length;
    }
    return undefined;
  }

  /** QEMU: whole pages of one piece of memory; the guest must not find zeros where it expects its own pattern. */
  #mayGive(gpa: Gpa, length: number): boolean {
    if (gpa % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0) return false;
    return this.#ram.memory.find(gpa, length)?.readOnly === false;
  }

  #takeStats(queue: Virtqueue, chain: Chain): void {
    // QEMU: a driver that keeps to the specification has only one.
    if (this.#s.statsHead !== null) this.#answer(queue, this.#s.statsHead);
    this.#s.statsHead = chain.head;
    this.#s.stats.fill(STAT_UNKNOWN);
    const length = Math.min(segmentsLength(chain.out), STATS_MAX_BYTES);
    const bytes = new Uint8Array(length);
    gather(this.memory, chain.out, bytes);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + STAT_SIZE <= length; at += STAT_SIZE) {
      const tag = view.getUint16(at, true);
      if (tag < STAT_NAMES.length) this.#s.stats[tag] = view.getBigUint64(at + 2, true);
    }
    this.#s.statsUpdatedS = Math.max(0, Math.floor(this.#wallClockMs() / 1000));
    if (this.#s.pollIntervalS > 0) this.#pollIn(this.#s.pollIntervalS);
  }

  #pollIn(seconds: number): void {
    this.#armPoll(Math.min(this.#clock.nowNs() + seconds * NS_PER_S, MAX_TIME_NS));
  }

  #armPoll(deadlineNs: number | null): void {
    this.#s.pollNs = deadlineNs;
    if (deadlineNs === null) this.#poll.cancel();
    else this.#poll.arm(deadlineNs);
  }

  /** Gives the guest its buffer back: that is the question for new statistics. */
  #askForStats(): void {
    const { statsHead, pollIntervalS } = this.#s;
    this.#armPoll(null);
    if (statsHead === null || !this.has(VIRTIO_BALLOON_F_STATS_VQ) || !this.active) {
      this.#pollIn(pollIntervalS);
      return;
    }
    this.#s.statsHead = null;
    this.#answer(this.queues[STATS_QUEUE], statsHead);
  }
}
