/** Block device. Spec: virtio 1.2 §5.2. */

import type { BlockBackend } from '../block/block-backend.ts';
import { BlockError } from '../block/block-backend.ts';
import type { IoErrorListener } from '../block/block-errors.ts';
import type { CountedKind, CountedRequest } from '../block/block-statistics.ts';
import { BlkTransfer, type BlockTransfer, RangeTransfer } from '../block/block-transfer.ts';
import { DriveGate } from '../block/drive-gate.ts';
import type { HeldRequest } from '../block/throttle-groups.ts';
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import { Budget } from '../core/budget.ts';
import { gather, scatter, segmentsLength, sliceSegments } from '../memory/segments.ts';
import type { VirtioBlkProperties } from './virtio-blk-config.ts';
import {
  BlkConfig,
  VIRTIO_BLK_F_CONFIG_WCE,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_SCSI,
  VIRTIO_BLK_SECTOR_SIZE,
  WCE_OFFSET,
} from './virtio-blk-config.ts';
import {
  dataOf,
  isData,
  isFlush,
  isWrite,
  type Order,
  rangeVerb,
  TYPE_MASK,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  type VirtioBlkState,
  virtioBlkFields,
} from './virtio-blk-request.ts';
import type { VirtioState, VirtioWiring } from './virtio-device.ts';
import { VIRTIO_CONFIG_S_DRIVER_OK, VirtioDevice } from './virtio-device.ts';
import type { Chain } from './virtqueue.ts';

const VIRTIO_ID_BLOCK = 2;

export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

const HEADER_SIZE = 16;
const ID_BYTES = 20;
const RANGE_SIZE = 16;
const RANGE_F_UNMAP = 1;

interface Request extends Order {
  range: Order['range'];
  /** Of a read, a write or a range that was begun. */
  transfer: BlockTransfer | undefined;
  /** Once it is counted. */
  counted: CountedRequest | undefined;
  /** While the drive's limits hold it back, or an error has it wait, and after that. */
  held: HeldRequest | undefined;
}

/** Copies of guest memory that wait for the back end: a driver may have a thousand requests of gigabytes under way. */
const PIECES_BYTES = 16 << 20;
/** In place of a status: the request goes on with the next portion. */
const PAUSED = -1;
/** In place of a status: the request goes on when the drive lets it. */
const HELD = -2;

/** What the device needs of the machine. */
export interface VirtioBlkWiring extends VirtioWiring {
  readonly onError?: IoErrorListener | undefined;
  /** The drive's counts and limits; absent: of the device alone. */
  readonly gate?: DriveGate | undefined;
}

export class VirtioBlk extends VirtioDevice<VirtioBlkState> {
  readonly deviceId = VIRTIO_ID_BLOCK;
  readonly legacyOnlyFeatures = VIRTIO_BLK_F_SCSI;
  readonly fields = virtioBlkFields(this.commonFields, this.queues);
  protected override readonly notifyEvent = 'virtio_notify_irqfd';
  readonly backend: BlockBackend;
  readonly #config: BlkConfig;
  readonly #onError: IoErrorListener;
  readonly #gate: DriveGate;
  readonly #inFlight = new Set<Request>();
  readonly #quiet: (() => void)[] = [];
  /** Called when a request is done, pauses, or is forgotten. */
  readonly #moved: (() => void)[] = [];
  readonly #pieces = new Budget(PIECES_BYTES);
  #paused: Request[] = [];
  #writeCache: boolean;

  constructor(properties: VirtioBlkProperties, backend: BlockBackend, wiring: VirtioBlkWiring) {
    super(wiring, new Array<number>(properties.numQueues).fill(properties.queueSize));
    this.backend = backend;
    this.#config = new BlkConfig(properties, backend);
    this.#onError = wiring.onError ?? (() => 'report');
    this.#gate = wiring.gate ?? new DriveGate(wiring.clock);
    this.#gate.onResize = () => this.notifyConfig();
    this.#gate.onDrain = () => (this.#inFlight.size === 0 ? undefined : this.#drain());
    this.#writeCache = properties.writeCache;
  }

  get deviceFeatures(): bigint {
    return this.#config.features(this.#writeCache);
  }

  get configLength(): number {
    return this.#config.length;
  }

  readConfig(): Uint8Array {
    return this.#config.bytes(this.#writeCache);
  }

  /** Resolves when no request is in flight: the disk then holds all that the guest was told. */
  quiesce(): Promise<void> {
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#quiet.push(resolve);
    });
  }

  /** Carries out, beyond limits and portions, the requests that are in flight now. */
  async #drain(): Promise<void> {
    const wanted = new Set(this.#inFlight);
    const held = new Set(this.#gate.takeHeld());
    for (const request of wanted)
      if (request.held !== undefined && held.has(request.held)) this.#carryOut(request);
    const isUnderWay = (request: Request): boolean =>
      this.#inFlight.has(request) && !this.#gate.isKept(request.held);
    while ([...wanted].some(isUnderWay)) {
      const paused = this.#paused.filter((request) => wanted.has(request));
      this.#paused = this.#paused.filter((request) => !wanted.has(request));
      for (const request of paused) this.#carryOut(request);
      await new Promise<void>((resolve) => {
        this.#moved.push(resolve);
      });
    }
  }

  #carryOut(request: Request): void {
    const all = { ...PORTION, bytes: Number.POSITIVE_INFINITY };
    void this.#finish(request, this.#step(request, all));
  }

  abandon(): void {
    this.#inFlight.clear();
    this.#paused = [];
    this.#gate.withdraw(() => false);
    this.#becomeQuiet();
  }

  override resetQueue(index: number): void {
    for (const request of this.#inFlight) if (request.queueIndex === index) this.#inFlight.delete(request);
    this.#paused = this.#paused.filter(({ queueIndex }) => queueIndex !== index);
    const wanted = new Set([...this.#inFlight].map(({ held }) => held));
    this.#gate.withdraw((request) => wanted.has(request));
    this.#becomeQuiet();
    super.resetQueue(index);
  }

  protected configWritten(offset: number, size: number, value: number): void {
    if (offset > WCE_OFFSET || offset + size <= WCE_OFFSET) return;
    this.#writeCache = ((value >>> (8 * (WCE_OFFSET - offset))) & 0xff) !== 0;
  }

  /** QEMU: a driver that can neither switch nor flush the cache gets none. */
  protected override statusChanged(status: number): void {
    if ((status & VIRTIO_CONFIG_S_DRIVER_OK) === 0 || this.has(VIRTIO_BLK_F_CONFIG_WCE)) return;
    this.#writeCache = this.has(VIRTIO_BLK_F_FLUSH);
  }

  protected resetDevice(): void {
    this.#writeCache = this.#config.properties.writeCache;
  }

  protected saveDevice(common: VirtioState): VirtioBlkState {
    const kept = [...this.#inFlight].filter(({ held }) => this.#gate.isKept(held));
    const paused = [...this.#paused, ...kept];
    const inFlight = [...this.#inFlight]
      .filter((request) => !paused.includes(request))
      .map(({ queueIndex, head }) => [queueIndex, head] as const);
    return {
      ...common,
      writeCache: this.#writeCache,
      inFlight,
      paused: paused.map(({ transfer, counted: _counted, held: _held, ...order }) => ({
        ...order,
        doneBytes: transfer?.done ?? 0,
      })),
    };
  }

  /** Guest memory must be restored before: requests that were in flight are read from it and done again. */
  protected restoreDevice(state: VirtioBlkState): void {
    const { writeCache, inFlight, paused } = state;
    this.#writeCache = writeCache;
    for (const { doneBytes, ...order } of paused) {
      const transfer = isFlush(order) ? undefined : this.#transferOf(order, doneBytes);
      const counted = this.#gate.statistics.begin(kindOf(order), transfer?.total ?? 0);
      const request: Request = { ...order, transfer, counted, held: undefined };
      this.#inFlight.add(request);
      this.#paused.push(request);
    }
    // Requests whose errors have stopped the machine waited for no portion.
    if (paused.length > 0) void Promise.resolve().then(() => this.scheduleKept());
    const portion = { ...PORTION };
    for (const [queueIndex, head] of inFlight) {
      const chain = this.queues[queueIndex]?.chainAt(head);
      const request = chain && this.#parse(queueIndex, chain);
      if (request === undefined) continue;
      this.#inFlight.add(request);
      void Promise.resolve().then(() => this.#finish(request, this.#perform(request, portion)));
    }
  }

  protected override serveKept(portion: Portion): boolean {
    for (const request of this.#paused.splice(0)) {
      if (!hasRoom(portion)) this.#paused.push(request);
      else if (this.#begun(request, this.#step(request, portion))) {
        this.interruptQueue(this.queues[request.queueIndex]);
        this.#becomeQuiet();
      }
    }
    return this.#paused.length > 0;
  }

  /** Interrupts for requests that are done already. */
  protected serveQueue(index: number, portion: Portion): void {
    const queue = this.queues[index];
    let pushed = false;
    let drained = false;
    while (!drained && hasRoom(portion)) {
      queue.setNotification(false);
      for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
        if (this.#accept(index, chain, portion)) pushed = true;
      }
      if (hasRoom(portion)) {
        queue.setNotification(true);
        drained = queue.empty;
      }
    }
    if (pushed) this.interruptQueue(queue);
  }

  /** Starts a request; true when it is complete at once. */
  #accept(index: number, chain: Chain, portion: Portion): boolean {
    const request = this.#parse(index, chain);
    if (request === undefined) return false;
    this.#inFlight.add(request);
    return this.#begun(request, this.#perform(request, portion));
  }

  /** A request was begun, or goes on; true when it is complete at once. */
  #begun(request: Request, status: number | Promise<number>): boolean {
    if (typeof status !== 'number') void this.#finish(request, status);
    else if (status === HELD) return false;
    else if (status === PAUSED) this.#paused.push(request);
    else {
      this.#inFlight.delete(request);
      this.#push(request, status);
      return true;
    }
    return false;
  }

  #parse(queueIndex: number, { head, out, in: input }: Chain): Request | undefined {
    const last = input.at(-1);
    if (out.length === 0 || last === undefined) {
      this.fault('virtio-blk missing headers');
      return undefined;
    }
    const outBytes = segmentsLength(out);
    if (outBytes < HEADER_SIZE) {
      this.fault('virtio-blk request outhdr too short');
      return undefined;
    }
    const header = new Uint8Array(HEADER_SIZE);
    gather(this.memory, out, header);
    const view = new DataView(header.buffer);
    const written = segmentsLength(input);
    return {
      queueIndex,
      head,
      type: view.getUint32(0, true),
      sector: view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32,
      out: sliceSegments(out, HEADER_SIZE, outBytes - HEADER_SIZE),
      in: sliceSegments(input, 0, written - 1),
      range: null,
      statusGpa: last.gpa + last.length - 1,
      written,
      transfer: undefined,
      counted: undefined,
      held: undefined,
    };
  }

  /** The status, or the promise of it. */
  #perform(request: Request, portion: Portion): number | Promise<number> {
    switch (request.type & TYPE_MASK) {
      case VIRTIO_BLK_T_IN:
        return this.#readWrite(request, portion);
      case VIRTIO_BLK_T_FLUSH:
        request.counted = this.#gate.statistics.begin('flush', 0);
        return this.#flush();
      case VIRTIO_BLK_T_GET_ID:
        return this.#getId(request);
      case VIRTIO_BLK_T_DISCARD & TYPE_MASK:
        return this.#range(request, this.#config.properties.maxDiscardSectors, portion);
      case VIRTIO_BLK_T_WRITE_ZEROES & TYPE_MASK:
        return this.#range(request, this.#config.properties.maxWriteZeroesSectors, portion);
      default:
        return VIRTIO_BLK_S_UNSUPP;
    }
  }

  #readWrite(request: Request, portion: Portion): number | Promise<number> {
    if (this.trace.on) {
      const name = isWrite(request) ? 'virtio_blk_handle_write' : 'virtio_blk_handle_read';
      const sectors = segmentsLength(dataOf(request)) / VIRTIO_BLK_SECTOR_SIZE;
      this.trace.event(name, this, request, request.sector, sectors);
    }
    request.transfer = this.#transferOf(request, 0);
    if (!this.#config.inRange(request.transfer)) return this.#refused(kindOf(request), VIRTIO_BLK_S_IOERR);
    return this.#begin(request, request.transfer, portion);
  }

  #flush(): Promise<number> {
    return this.backend.flush().then(() => VIRTIO_BLK_S_OK);
  }

  /** Counts a request that is never begun. */
  #refused(kind: CountedKind, status: number): number {
    this.#gate.statistics.refuse(kind);
    return status;
  }

  /** The request goes now, or when the drive's limits allow it. QEMU: a discard has none. */
  #begin(request: Request, transfer: BlockTransfer, portion: Portion): number | Promise<number> {
    const kind = kindOf(request);
    request.counted = this.#gate.statistics.begin(kind, transfer.total);
    if (kind !== 'read' && kind !== 'write') return this.#step(request, portion);
    const held: HeldRequest = { bytes: transfer.total, go: () => this.#goOn(request) };
    if (this.#gate.admit(kind, held)) return this.#step(request, portion);
    request.held = held;
    return HELD;
  }

  #goOn(request: Request): void {
    if (!this.#inFlight.has(request)) return;
    this.#paused.push(request);
    this.scheduleKept();
  }

  #transferOf(order: Order, doneBytes: number): BlockTransfer {
    if (order.range !== null) {
      const { offset, bytes } = order.range;
      return new RangeTransfer(this.backend, rangeVerb(order), offset, bytes, doneBytes);
    }
    const direction = isWrite(order) ? 'write' : 'read';
    const offset = order.sector * VIRTIO_BLK_SECTOR_SIZE;
    return new BlkTransfer(this.memory, this.backend, direction, dataOf(order), offset, doneBytes);
  }

  /** As much of a request as the portion allows. */
  #step(request: Request, portion: Portion): number | Promise<number> {
    const { transfer } = request;
    if (isFlush(request)) return this.#flush();
    // The size may have changed since the last step.
    if (transfer === undefined || !this.#config.inRange(transfer)) return VIRTIO_BLK_S_IOERR;
    const { end, cost } = transfer.step(portion.bytes);
    portion.bytes -= cost;
    const status = end === transfer.total ? VIRTIO_BLK_S_OK : PAUSED;
    const flush = isData(request) && isWrite(request) && status !== PAUSED && !this.#writeCache;
    if (this.#trySync(transfer, end)) return flush ? this.backend.flush().then(() => status) : status;
    return transfer
      .async(end, () => this.#inFlight.has(request), this.#pieces)
      .then(() => (flush ? this.backend.flush() : undefined))
      .then(() => status);
  }

  /** An error is left to the asynchronous path, which reports it. */
  #trySync(transfer: BlockTransfer, end: number): boolean {
    try {
      return transfer.sync(end);
    } catch (error) {
      if (error instanceof BlockError) return false;
      throw error;
    }
  }

  #getId(request: Request): number {
    const id = new Uint8Array(ID_BYTES);
    id.set(new TextEncoder().encode(this.#config.properties.serial).subarray(0, ID_BYTES));
    scatter(this.memory, request.in, id);
    return VIRTIO_BLK_S_OK;
  }

  /** DISCARD and WRITE_ZEROES; QEMU: one range per request. */
  #range(request: Request, maxSectors: number, portion: Portion): number | Promise<number> {
    const length = segmentsLength(request.out);
    if (length < RANGE_SIZE) {
      this.fault('virtio-blk discard/write_zeroes header too short');
      return VIRTIO_BLK_S_IOERR;
    }
    if ((request.type & VIRTIO_BLK_T_OUT) === 0 || length > RANGE_SIZE) return VIRTIO_BLK_S_UNSUPP;
    const range = new Uint8Array(RANGE_SIZE);
    gather(this.memory, request.out, range);
    const view = new DataView(range.buffer);
    const sector = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
    const sectors = view.getUint32(8, true);
    const flags = view.getUint32(12, true);
    const zeroes = rangeVerb(request) === 'writeZeroes';
    // QEMU: of those that it refuses only writes of zeros are counted.
    const refused = (status: number): number => (zeroes ? this.#refused('write', status) : status);
    // Spec: §5.2.6.2: unknown flags, and UNMAP with a discard, are not supported.
    if ((flags & ~(zeroes ? RANGE_F_UNMAP : 0)) !== 0) return refused(VIRTIO_BLK_S_UNSUPP);
    if (sectors > maxSectors) return refused(VIRTIO_BLK_S_IOERR);
    request.range = { offset: sector * VIRTIO_BLK_SECTOR_SIZE, bytes: sectors * VIRTIO_BLK_SECTOR_SIZE };
    request.transfer = this.#transferOf(request, 0);
    if (!this.#config.inRange(request.transfer)) return refused(VIRTIO_BLK_S_IOERR);
    return this.#begin(request, request.transfer, portion);
  }

  async #finish(request: Request, pending: number | Promise<number>): Promise<void> {
    let status = VIRTIO_BLK_S_IOERR;
    try {
      status = await pending;
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      if (this.#inFlight.has(request)) status = this.#ioError(request, error);
    }
    if (status === HELD) return;
    if (status === PAUSED && this.#inFlight.has(request)) {
      this.#paused.push(request);
      this.scheduleKept();
      this.#tellMoved();
      return;
    }
    // A reset, an unplug or a restore has forgotten the request: nobody waits for it.
    if (!this.#inFlight.delete(request)) return;
    this.#push(request, status);
    const queue = this.queues[request.queueIndex];
    this.interruptQueue(queue);
    this.#becomeQuiet();
  }

  /** What the drive's policy makes of an error. */
  #ioError(request: Request, error: BlockError): number {
    const reading = (request.type & (TYPE_MASK | VIRTIO_BLK_T_OUT)) === VIRTIO_BLK_T_IN;
    if (this.trace.on) this.trace.event('virtio_blk_rw_complete', this, request, -error.errno);
    const action = this.#onError(reading ? 'read' : 'write', error);
    if (action !== 'stop') return action === 'ignore' ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
    request.held = { bytes: 0, go: () => this.#goOn(request) };
    this.#gate.keep(request.held);
    this.#tellMoved();
    return HELD;
  }

  #push(request: Request, status: number): void {
    const isDone = status === VIRTIO_BLK_S_OK && (request.type & TYPE_MASK) === VIRTIO_BLK_T_IN;
    if (isDone && this.trace.on) this.trace.event('virtio_blk_rw_complete', this, request, 0);
    if (this.trace.on) this.trace.event('virtio_blk_req_complete', this, request, status);
    if (request.counted !== undefined) {
      this.#gate.statistics.end(request.counted, status === VIRTIO_BLK_S_OK);
    }
    this.memory.writeU8(request.statusGpa, status);
    this.queues[request.queueIndex]?.push(request.head, request.written);
  }

  #tellMoved(): void {
    for (const resolve of this.#moved.splice(0)) resolve();
  }

  #becomeQuiet(): void {
    this.#tellMoved();
    if (this.#inFlight.size > 0) return;
    for (const resolve of this.#quiet.splice(0)) resolve();
  }
}

/** What a request counts as. */
function kindOf(order: Order): CountedKind {
  if (isFlush(order)) return 'flush';
  if (!isData(order)) return rangeVerb(order) === 'discard' ? 'unmap' : 'write';
  return isWrite(order) ? 'write' : 'read';
}
