/**
 * Memory in blocks, which the guest plugs and unplugs as the user wants. Spec: virtio 1.2 §5.15.
 *
 * | queue | holds |
 * |---|---|
 * | 0, 128 entries | requests: plug blocks, unplug blocks, unplug all, tell the state of blocks |
 *
 * | configuration | |
 * |---|---|
 * | 0x00 block_size u64 | |
 * | 0x08 node_id u16 | with VIRTIO_MEM_F_ACPI_PXM |
 * | 0x10 addr u64 | where the region begins |
 * | 0x18 region_size u64 | |
 * | 0x20 usable_region_size u64 | how much of it requests may name |
 * | 0x28 plugged_size u64 | |
 * | 0x30 requested_size u64 | how much the user wants to be plugged |
 */
import type { Portion } from '../core/bottom-half.ts';
import { integer, record, type StateKind, typedArray, where } from '../core/state-fields.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { GuestRam } from '../memory/guest-ram.ts';
import { gather, scatter, segmentsLength } from '../memory/segments.ts';
import type { VirtioState, VirtioWiring } from './virtio-device.ts';
import { VirtioDevice } from './virtio-device.ts';
import type { Chain } from './virtqueue.ts';

const VIRTIO_ID_MEM = 24;
const QUEUE_SIZE = 128;

/** Spec: §5.15.3. */
export const VIRTIO_MEM_F_ACPI_PXM = 1n << 0n;
export const VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE = 1n << 1n;

const CONFIG_SIZE = 0x38;

/** Spec: §5.15.6: type u16, 6 bytes of padding, then address u64 and number of blocks u16. */
const REQUEST_SIZE = 24;
const REQUEST_ADDR = 8;
const REQUEST_BLOCKS = 16;
/** Type u16, 6 bytes of padding, state u16. */
const RESPONSE_SIZE = 10;
const RESPONSE_STATE = 8;

export const VIRTIO_MEM_REQ_PLUG = 0;
export const VIRTIO_MEM_REQ_UNPLUG = 1;
export const VIRTIO_MEM_REQ_UNPLUG_ALL = 2;
export const VIRTIO_MEM_REQ_STATE = 3;

export const VIRTIO_MEM_RESP_ACK = 0;
export const VIRTIO_MEM_RESP_NACK = 1;
export const VIRTIO_MEM_RESP_ERROR = 3;

export const VIRTIO_MEM_STATE_PLUGGED = 0;
export const VIRTIO_MEM_STATE_UNPLUGGED = 1;
export const VIRTIO_MEM_STATE_MIXED = 2;

/** QEMU: a guest may use so much more of the region than is wanted, since it cannot use each block; x86: twice its largest memory block. */
const USABLE_EXTENT = 256 << 20;

/** QEMU's properties of virtio-mem. */
export interface VirtioMemProperties {
  /** Where the region begins, a multiple of the block size. */
  readonly addr: Gpa;
  readonly node: number;
  /** A power of two, at least a chunk of the arena. */
  readonly blockBytes: number;
  /** Of the region, a multiple of the block size. */
  readonly sizeBytes: number;
  /** What the user wants at start, a multiple of the block size. */
  readonly requestedBytes: number;
  /** The guest must not touch what is not plugged. */
  readonly unpluggedInaccessible: boolean;
}

export interface VirtioMemWiring extends VirtioWiring {
  readonly ram: GuestRam;
  /** So much is plugged now. */
  readonly onSize: (pluggedBytes: number) => void;
}

export type VirtioMemState = VirtioState & {
  /** By block: 1 when it is plugged. */
  readonly blocks: Uint8Array;
  readonly usableBytes: number;
  readonly requestedBytes: number;
};

interface Answer {
  readonly type: number;
  readonly state?: number;
}

export class VirtioMem extends VirtioDevice<VirtioMemState> {
  readonly deviceId = VIRTIO_ID_MEM;
  readonly deviceFeatures: bigint;
  readonly legacyOnlyFeatures = 0n;
  readonly configLength = CONFIG_SIZE;
  readonly fields: StateKind<VirtioMemState>;
  readonly properties: VirtioMemProperties;
  readonly #ram: GuestRam;
  readonly #onSize: (pluggedBytes: number) => void;
  readonly #s: { blocks: Uint8Array; usableBytes: number; requestedBytes: number };

  constructor(properties: VirtioMemProperties, wiring: VirtioMemWiring) {
    super(wiring, [QUEUE_SIZE]);
    const { blockBytes, sizeBytes, requestedBytes, unpluggedInaccessible } = properties;
    this.properties = properties;
    this.#ram = wiring.ram;
    this.#onSize = wiring.onSize;
    this.deviceFeatures =
      VIRTIO_MEM_F_ACPI_PXM | (unpluggedInaccessible ? VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE : 0n);
    const blocks = sizeBytes / blockBytes;
    const inBlocks = (bytes: number): string | undefined =>
      bytes % blockBytes === 0 ? undefined : 'is no multiple of a block';
    this.fields = record<VirtioMemState>({
      ...this.commonFields,
      blocks: where(typedArray(Uint8Array, blocks), (all) =>
        all.every((block) => block <= 1) ? undefined : 'has a block that is neither plugged nor unplugged',
      ),
      usableBytes: where(integer(0, sizeBytes), inBlocks),
      requestedBytes: where(integer(0, Number.MAX_SAFE_INTEGER), inBlocks),
    });
    this.#s = { blocks: new Uint8Array(blocks), usableBytes: 0, requestedBytes };
    this.#resizeUsable(requestedBytes);
  }

  get pluggedBytes(): number {
    return this.#s.blocks.reduce((sum, block) => sum + block, 0) * this.properties.blockBytes;
  }

  get requestedBytes(): number {
    return this.#s.requestedBytes;
  }

  /** @param bytes a multiple of the block size, no more than the region has */
  setRequested(bytes: number): void {
    // QEMU: what the guest may use shrinks when nothing is plugged any more.
    if (this.#usableFor(bytes) > this.#s.usableBytes) this.#resizeUsable(bytes);
    this.#s.requestedBytes = bytes;
    this.notifyConfig();
  }

  readConfig(): Uint8Array {
    const { addr, node, blockBytes, sizeBytes } = this.properties;
    const { usableBytes, requestedBytes } = this.#s;
    const bytes = new Uint8Array(CONFIG_SIZE);
    const view = new DataView(bytes.buffer);
    view.setUint16(8, node, true);
    for (const [at, value] of [
      [0x00, blockBytes],
      [0x10, addr],
      [0x18, sizeBytes],
      [0x20, usableBytes],
      [0x28, this.pluggedBytes],
      [0x30, requestedBytes],
    ] as const) {
      view.setBigUint64(at, BigInt(value), true);
    }
    return bytes;
  }

  protected configWritten(): void {}

  abandon(): void {}

  /** QEMU: what is plugged stays, the driver finds it again. */
  protected resetDevice(): void {}

  /** A machine that is reset has no memory but its own. */
  override powerOn(): void {
    super.powerOn();
    this.#unplugAll();
  }

  protected saveDevice(common: VirtioState): VirtioMemState {
    return { ...common, ...this.#s, blocks: this.#s.blocks.slice() };
  }

  protected restoreDevice({ blocks, usableBytes, requestedBytes }: VirtioMemState): void {
    Object.assign(this.#s, { blocks: blocks.slice(), usableBytes, requestedBytes });
  }

  protected serveQueue(index: number, portion: Portion): void {
    const queue = this.queues[index];
    for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
      const answer = this.#serveRequest(chain, portion);
      if (answer === undefined) return;
      const bytes = new Uint8Array(RESPONSE_SIZE);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, answer.type, true);
      view.setUint16(RESPONSE_STATE, answer.state ?? 0, true);
      if (this.trace.on) this.trace.event('virtio_mem_send_response', answer.type);
      scatter(this.memory, chain.in, bytes);
      queue.push(chain.head, RESPONSE_SIZE);
      this.interruptQueue(queue);
    }
  }

  /** Undefined after a fault of the driver's. */
  #serveRequest(chain: Chain, portion: Portion): Answer | undefined {
    if (segmentsLength(chain.out) < REQUEST_SIZE) return this.#violation('invalid request size');
    if (segmentsLength(chain.in) < RESPONSE_SIZE) return this.#violation('not enough space for response');
    const bytes = new Uint8Array(REQUEST_SIZE);
    gather(this.memory, chain.out, bytes);
    const view = new DataView(bytes.buffer);
    const gpa = Number(view.getBigUint64(REQUEST_ADDR, true));
    const blocks = view.getUint16(REQUEST_BLOCKS, true);
    const type = view.getUint16(0, true);
    switch (type) {
      case VIRTIO_MEM_REQ_PLUG:
        if (this.trace.on) this.trace.event('virtio_mem_plug_request', gpa, blocks);
        return { type: this.#plug(gpa, blocks) };
      case VIRTIO_MEM_REQ_UNPLUG:
        if (this.trace.on) this.trace.event('virtio_mem_unplug_request', gpa, blocks);
        return { type: this.#unplug(gpa, blocks, portion) };
      case VIRTIO_MEM_REQ_UNPLUG_ALL:
        if (this.trace.on) this.trace.event('virtio_mem_unplug_all_request');
        portion.bytes -= this.#unplugAll();
        return { type: VIRTIO_MEM_RESP_ACK };
      case VIRTIO_MEM_REQ_STATE:
        if (this.trace.on) this.trace.event('virtio_mem_state_request', gpa, blocks);
        return this.#tellState(gpa, blocks);
      default:
        return this.#violation(`unknown request type: ${type}`);
    }
  }

  #violation(what: string): undefined {
    this.fault(`virtio-mem protocol violation: ${what}`);
    return undefined;
  }

  #plug(gpa: Gpa, count: number): number {
    const range = this.#range(gpa, count);
    if (range === undefined) return VIRTIO_MEM_RESP_ERROR;
    const added = count * this.properties.blockBytes;
    if (this.pluggedBytes + added > this.#s.requestedBytes) return VIRTIO_MEM_RESP_NACK;
    if (range.includes(1)) return VIRTIO_MEM_RESP_ERROR;
    range.fill(1);
    this.#onSize(this.pluggedBytes);
    return VIRTIO_MEM_RESP_ACK;
  }

  #unplug(gpa: Gpa, count: number, portion: Portion): number {
    const range = this.#range(gpa, count);
    if (range === undefined || range.includes(0)) return VIRTIO_MEM_RESP_ERROR;
    range.fill(0);
    portion.bytes -= this.#ram.memory.release(gpa, count * this.properties.blockBytes);
    this.#onSize(this.pluggedBytes);
    return VIRTIO_MEM_RESP_ACK;
  }

  /** What it costs, in bytes. */
  #unplugAll(): number {
    const { addr, sizeBytes } = this.properties;
    let work = 0;
    if (this.#s.blocks.includes(1)) {
      this.#s.blocks.fill(0);
      work = this.#ram.memory.release(addr, sizeBytes);
      this.#onSize(0);
    }
    if (this.trace.on) this.trace.event('virtio_mem_unplugged_all');
    this.#resizeUsable(this.#s.requestedBytes);
    return work;
  }

  #tellState(gpa: Gpa, count: number): Answer {
    const range = this.#range(gpa, count);
    if (range === undefined) return { type: VIRTIO_MEM_RESP_ERROR };
    let state = VIRTIO_MEM_STATE_MIXED;
    if (!range.includes(0)) state = VIRTIO_MEM_STATE_PLUGGED;
    else if (!range.includes(1)) state = VIRTIO_MEM_STATE_UNPLUGGED;
    if (this.trace.on) this.trace.event('virtio_mem_state_response', state);
    return { type: VIRTIO_MEM_RESP_ACK, state };
  }

  /** The blocks that a request names; undefined when not all of them may be used. */
  #range(gpa: Gpa, count: number): Uint8Array | undefined {
    const { addr, blockBytes } = this.properties;
    const size = count * blockBytes;
    if (gpa % blockBytes !== 0 || size === 0) return undefined;
    if (gpa < addr || gpa + size > addr + this.#s.usableBytes) return undefined;
    const first = (gpa - addr) / blockBytes;
    return this.#s.blocks.subarray(first, first + count);
  }

  #usableFor(requestedBytes: number): number {
    const { blockBytes, sizeBytes } = this.properties;
    if (requestedBytes === 0) return 0;
    const wanted = Math.min(sizeBytes, requestedBytes + USABLE_EXTENT);
    return Math.ceil(wanted / blockBytes) * blockBytes;
  }

  #resizeUsable(requestedBytes: number): void {
    const bytes = this.#usableFor(requestedBytes);
    if (this.trace.on) this.trace.event('virtio_mem_resized_usable_region', this.#s.usableBytes, bytes);
    this.#s.usableBytes = bytes;
  }
}
