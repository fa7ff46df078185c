/**
 * The split virtqueue, device side. Spec: virtio 1.2 §2.7.
 *
 * | ring | layout, little-endian |
 * |---|---|
 * | descriptor table | size × { address u64, length u32, flags u16, next u16 } |
 * | available | flags u16, idx u16, size × head u16, used_event u16 |
 * | used | flags u16, idx u16, size × { head u32, written u32 }, avail_event u16 |
 */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import { BOOLEAN, integer, record, WORD } from '../core/state-fields.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import { segmentsLength } from '../memory/segments.ts';

export const VIRTQUEUE_MAX_SIZE = 1024;
export const VIRTIO_NO_VECTOR = 0xffff;

const DESC_SIZE = 16;
const DESC_LENGTH = 8;
const DESC_FLAGS = 12;
const DESC_NEXT = 14;
export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;

const RING_IDX = 2;
const RING_ENTRIES = 4;
const USED_ENTRY_SIZE = 8;
const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;
const VIRTQ_USED_F_NO_NOTIFY = 1;

/** A request: the guest buffers that the device reads (`out`) and writes (`in`). */
export interface Chain {
  readonly head: number;
  readonly out: readonly Segment[];
  readonly in: readonly Segment[];
}

/** One entry of a descriptor table. */
export interface Descriptor {
  readonly gpa: number;
  readonly length: number;
  readonly flags: number;
}

/** A request as it stands in memory, whoever has it. */
export interface QueueElement {
  readonly head: number;
  /** In the order of the chain. */
  readonly descriptors: readonly Descriptor[];
  /** Where the chain would go on outside of its table; undefined: it does not. */
  readonly wrongNext: number | undefined;
  readonly availFlags: number;
  readonly availIndex: number;
  readonly usedFlags: number;
  readonly usedIndex: number;
}

export type VirtqueueState = {
  readonly size: number;
  readonly desc: number;
  readonly avail: number;
  readonly used: number;
  readonly lastAvail: number;
  readonly usedIndex: number;
  readonly signalledUsed: number;
  readonly signalledUsedValid: boolean;
  readonly inUse: number;
  readonly notification: boolean;
  readonly vector: number;
};

/** Where a ring may be said to be; whether there is RAM is seen when it is used. */
const ADDRESS = integer(0, 2 ** 64);

export const VIRTQUEUE_STATE = record<VirtqueueState>({
  size: integer(1, VIRTQUEUE_MAX_SIZE),
  desc: ADDRESS,
  avail: ADDRESS,
  used: ADDRESS,
  lastAvail: WORD,
  usedIndex: WORD,
  signalledUsed: WORD,
  signalledUsedValid: BOOLEAN,
  inUse: integer(0, VIRTQUEUE_MAX_SIZE),
  notification: BOOLEAN,
  vector: WORD,
});

/** What a queue needs of its device. */
export interface VirtqueueOwner {
  readonly memory: DmaPort;
  /** VIRTIO_F_EVENT_IDX was negotiated. */
  readonly eventIdx: boolean;
  /** VIRTIO_F_NOTIFY_ON_EMPTY was negotiated. */
  readonly notifyOnEmpty: boolean;
  /** The device may reach memory: it works, and is a bus master. */
  readonly active: boolean;
  /** The driver broke a rule: the device stops until it is reset. */
  fault(message: string): void;
}

export class Virtqueue {
  /** Entries at reset. */
  readonly defaultSize: number;
  readonly #owner: VirtqueueOwner;
  /** The driver's index as it was read last: what memory says by now is no part of the device's state. */
  #seenAvail: number | undefined;
  readonly #s: { -readonly [K in keyof VirtqueueState]: VirtqueueState[K] };

  constructor(owner: VirtqueueOwner, defaultSize: number) {
    this.#owner = owner;
    this.defaultSize = defaultSize;
    this.#s = { ...powerOn(defaultSize) };
  }

  get size(): number {
    return this.#s.size;
  }

  /** QEMU: any number from 1 to 1024, a power of two or not; others change nothing. */
  setSize(size: number): void {
    if (size > 0 && size <= VIRTQUEUE_MAX_SIZE) this.#s.size = size;
  }

  get vector(): number {
    return this.#s.vector;
  }

  setVector(vector: number): void {
    this.#s.vector = vector;
  }

  /** Guest-physical address of the descriptor table; 0 while the driver has not set the queue up. */
  get desc(): number {
    return this.#s.desc;
  }

  /** Places the three rings; a fault when they do not all lie in RAM. */
  setRings(desc: number, avail: number, used: number): void {
    this.#s.desc = desc;
    this.#s.avail = avail;
    this.#s.used = used;
    if (desc !== 0) this.#ringsInRam();
  }

  /** What the device has seen of the driver's index. QEMU: shadow_avail_idx. */
  get seenAvail(): number {
    return this.#seenAvail ?? this.#s.lastAvail;
  }

  reset(): void {
    this.#seenAvail = undefined;
    Object.assign(this.#s, powerOn(this.defaultSize));
  }

  save(): VirtqueueState {
    return { ...this.#s };
  }

  restore(state: VirtqueueState): void {
    this.#seenAvail = undefined;
    Object.assign(this.#s, state);
  }

  /** True when the driver has nothing new; also when the rings cannot be read. */
  get empty(): boolean {
    return !this.#usable() || this.#availIndex() === this.#s.lastAvail;
  }

  /** The next request, or undefined when there is none or after a fault. */
  pop(): Chain | undefined {
    const { eventIdx } = this.#owner;
    if (this.empty) return undefined;
    const { size, lastAvail } = this.#s;
    if (this.#ahead() === undefined) return undefined;
    if (this.#s.inUse >= size) return this.#fault('Virtqueue size exceeded');
    const head = this.#headAt(lastAvail);
    if (head === undefined) return undefined;
    this.#s.lastAvail = (lastAvail + 1) & 0xffff;
    if (eventIdx && this.#s.notification) this.#setAvailEvent(this.#s.lastAvail);
    const chain = this.chainAt(head);
    if (chain !== undefined) this.#s.inUse++;
    return chain;
  }

  /** Gives the request back that `pop` gave last: the next `pop` gives it again. */
  unpop(): void {
    this.#s.inUse = Math.max(0, this.#s.inUse - 1);
    this.#s.lastAvail = (this.#s.lastAvail - 1) & 0xffff;
  }

  /** The next request, which is counted in `portion`; also undefined when that has no room for it. */
  take(portion: Portion): Chain | undefined {
    if (!hasRoom(portion)) return undefined;
    const chain = this.pop();
    if (chain === undefined) return undefined;
    portion.requests--;
    portion.descriptors -= descriptorsOf(chain);
    return chain;
  }

  /**
   * Bytes that the device may write into the requests that wait, counted up to `limit`. It takes none of them, but what it looks at
   * is counted in `portion`, and where that ends it looks no further.
   */
  writableBytes(limit: number, portion: Portion): number {
    const ahead = this.empty ? 0 : (this.#ahead() ?? 0);
    let bytes = 0;
    for (let n = 0; n < ahead && bytes < limit && hasRoom(portion); n++) {
      const head = this.#headAt((this.#s.lastAvail + n) & 0xffff);
      const chain = head === undefined ? undefined : this.chainAt(head);
      if (chain === undefined) return 0;
      bytes += segmentsLength(chain.in);
      portion.descriptors -= descriptorsOf(chain);
    }
    return Math.min(bytes, limit);
  }

  /** The request whose chain begins at descriptor `head`; undefined after a fault. */
  chainAt(head: number): Chain | undefined {
    if (!this.#usable() || head >= this.#s.size) return undefined;
    const { memory } = this.#owner;
    const at = this.#s.desc + head * DESC_SIZE;
    if ((memory.readU16(at + DESC_FLAGS) & VIRTQ_DESC_F_INDIRECT) === 0) {
      return this.#walk(head, this.#s.desc, this.#s.size, head, false);
    }
    const table = this.#address(at);
    const length = memory.readU32(at + DESC_LENGTH);
    if (length === 0 || length % DESC_SIZE !== 0)
      return this.#fault('Invalid size for indirect buffer table');
    if (!memory.isRam(table, length)) return this.#fault('Cannot map indirect buffer');
    return this.#walk(head, table, length / DESC_SIZE, 0, true);
  }

  /** The request in an entry of the available ring, by default the next one; undefined: there are no rings; a text: what is wrong. */
  element(index: number = this.#s.lastAvail): QueueElement | string | undefined {
    const { memory } = this.#owner;
    const { desc, avail, used, size } = this.#s;
    if (desc === 0) return undefined;
    const head = memory.readU16(avail + RING_ENTRIES + 2 * (index % size));
    // QEMU ends.
    if (head >= size) return `Guest says index ${head} is available`;
    const chain = this.#descriptorsFrom(head);
    if (typeof chain === 'string') return chain;
    return {
      ...{ head, ...chain },
      ...{ availFlags: memory.readU16(avail), availIndex: memory.readU16(avail + RING_IDX) },
      ...{ usedFlags: memory.readU16(used), usedIndex: memory.readU16(used + RING_IDX) },
    };
  }

  /** A chain as far as it can be followed. QEMU: it ends where it would leave its table, or was longer than that. */
  #descriptorsFrom(head: number): Pick<QueueElement, 'descriptors' | 'wrongNext'> | string {
    const { memory } = this.#owner;
    let table = this.#s.desc;
    let count = this.#s.size;
    let index = head;
    if ((memory.readU16(table + index * DESC_SIZE + DESC_FLAGS) & VIRTQ_DESC_F_INDIRECT) !== 0) {
      const entry = table + index * DESC_SIZE;
      const length = memory.readU32(entry + DESC_LENGTH);
      table = this.#address(entry);
      if (!memory.isRam(table, length)) return 'Cannot map indirect buffer';
      count = Math.floor(length / DESC_SIZE);
      index = 0;
    }
    const descriptors: Descriptor[] = [];
    while (descriptors.length < Math.min(count, VIRTQUEUE_MAX_SIZE)) {
      const at = table + index * DESC_SIZE;
      const flags = memory.readU16(at + DESC_FLAGS);
      descriptors.push({ gpa: this.#address(at), length: memory.readU32(at + DESC_LENGTH), flags });
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) break;
      index = memory.readU16(at + DESC_NEXT);
      if (index >= count) return { descriptors, wrongNext: index };
    }
    return { descriptors, wrongNext: undefined };
  }

  /** Gives a request back; `written` bytes of its `in` segments were filled. */
  push(head: number, written: number): void {
    this.#s.inUse = Math.max(0, this.#s.inUse - 1);
    if (!this.#usable()) return;
    const { memory } = this.#owner;
    const { used, usedIndex, size } = this.#s;
    const entry = used + RING_ENTRIES + USED_ENTRY_SIZE * (usedIndex % size);
    memory.writeU32(entry, head);
    memory.writeU32(entry + 4, written);
    const next = (usedIndex + 1) & 0xffff;
    memory.writeU16(used + RING_IDX, next);
    this.#s.usedIndex = next;
    // QEMU: after 2^16 requests without one the interrupt mark says nothing any more.
    if (next === this.#s.signalledUsed) this.#s.signalledUsedValid = false;
  }

  /** Asks the driver to kick, or not to bother. */
  setNotification(on: boolean): void {
    this.#s.notification = on;
    if (!this.#usable()) return;
    const { memory } = this.#owner;
    if (this.#owner.eventIdx) {
      if (on) this.#setAvailEvent(this.#availIndex());
      return;
    }
    const flags = memory.readU16(this.#s.used);
    const changed = on ? flags & ~VIRTQ_USED_F_NO_NOTIFY : flags | VIRTQ_USED_F_NO_NOTIFY;
    memory.writeU16(this.#s.used, changed);
  }

  /** True when the driver wants an interrupt for what was pushed since the last call. */
  takeInterrupt(): boolean {
    if (!this.#usable()) return false;
    const { eventIdx, notifyOnEmpty, memory } = this.#owner;
    const { avail, size, usedIndex, signalledUsed, signalledUsedValid } = this.#s;
    if (notifyOnEmpty && this.#s.inUse === 0 && this.empty) return true;
    if (!eventIdx) return (memory.readU16(avail) & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0;
    this.#s.signalledUsed = usedIndex;
    this.#s.signalledUsedValid = true;
    const usedEvent = memory.readU16(avail + RING_ENTRIES + 2 * size);
    // Spec: §2.7.7.2, with the wrap of 16-bit indices.
    const passed = ((usedIndex - usedEvent - 1) & 0xffff) < ((usedIndex - signalledUsed) & 0xffff);
    return !signalledUsedValid || passed;
  }

  /** Requests that wait; undefined after a fault. */
  #ahead(): number | undefined {
    const { size, lastAvail } = this.#s;
    const ahead = (this.#availIndex() - lastAvail) & 0xffff;
    if (ahead <= size) return ahead;
    return this.#fault(`Guest moved used index from ${lastAvail} to ${this.#availIndex()}`);
  }

  /** The head in entry `index` of the available ring; undefined after a fault. */
  #headAt(index: number): number | undefined {
    const { avail, size } = this.#s;
    const head = this.#owner.memory.readU16(avail + RING_ENTRIES + 2 * (index % size));
    return head < size ? head : this.#fault(`Guest says index ${head} is available`);
  }

  #walk(head: number, table: number, count: number, first: number, indirect: boolean): Chain | undefined {
    const { memory } = this.#owner;
    const segments: { out: Segment[]; in: Segment[] } = { out: [], in: [] };
    let index = first;
    for (let seen = 0; ; seen++) {
      if (seen >= count) return this.#fault('Looped descriptor');
      if (seen >= VIRTQUEUE_MAX_SIZE) return this.#fault('virtio: too many descriptors in indirect table');
      const at = table + index * DESC_SIZE;
      const flags = memory.readU16(at + DESC_FLAGS);
      // QEMU takes a table inside a table for a buffer. Spec: §2.7.5.3.1 forbids it, and so do we.
      if ((flags & VIRTQ_DESC_F_INDIRECT) !== 0 && (indirect || seen > 0)) {
        return this.#fault('Indirect descriptor inside a chain');
      }
      const error = this.#addSegment(segments, at, flags);
      if (error !== undefined) return this.#fault(error);
      if ((flags & VIRTQ_DESC_F_NEXT) === 0) return { head, ...segments };
      index = memory.readU16(at + DESC_NEXT);
      if (index >= count) return this.#fault(`Desc next is ${index}`);
    }
  }

  #addSegment(
    segments: { out: Segment[]; in: Segment[] },
    descriptor: number,
    flags: number,
  ): string | undefined {
    const length = this.#owner.memory.readU32(descriptor + DESC_LENGTH);
    const gpa = this.#address(descriptor);
    if (length === 0) return 'virtio: zero sized buffers are not allowed';
    if (!this.#owner.memory.isRam(gpa, length)) return 'virtio: bogus descriptor or out of resources';
    if ((flags & VIRTQ_DESC_F_WRITE) !== 0) segments.in.push({ gpa, length });
    else if (segments.in.length > 0) return 'Incorrect order for descriptors';
    else segments.out.push({ gpa, length });
    return undefined;
  }

  #address(descriptor: number): number {
    return this.#owner.memory.readU64(descriptor);
  }

  #availIndex(): number {
    this.#seenAvail = this.#owner.memory.readU16(this.#s.avail + RING_IDX);
    return this.#seenAvail;
  }

  #setAvailEvent(index: number): void {
    const { memory } = this.#owner;
    const at = this.#s.used + RING_ENTRIES + USED_ENTRY_SIZE * this.#s.size;
    memory.writeU16(at, index);
  }

  #usable(): boolean {
    return this.#s.desc !== 0 && this.#owner.active && this.#ringsInRam();
  }

  /** QEMU reads device memory as rings too; no driver does that, and here it is a fault. */
  #ringsInRam(): boolean {
    const { memory } = this.#owner;
    const { desc, avail, used, size } = this.#s;
    const inRam =
      memory.isRam(desc, DESC_SIZE * size) &&
      memory.isRam(avail, RING_ENTRIES + 2 * size + 2) &&
      memory.isRam(used, RING_ENTRIES + USED_ENTRY_SIZE * size + 2);
    if (!inRam) this.#owner.fault('Cannot map the rings');
    return inRam;
  }

  #fault(message: string): undefined {
    this.#owner.fault(message);
    return undefined;
  }
}

function descriptorsOf(chain: Chain): number {
  return chain.out.length + chain.in.length;
}

function powerOn(size: number): VirtqueueState {
  return {
    size,
    desc: 0,
    avail: 0,
    used: 0,
    lastAvail: 0,
    usedIndex: 0,
    signalledUsed: 0,
    signalledUsedValid: false,
    inUse: 0,
    notification: true,
    vector: VIRTIO_NO_VECTOR,
  };
}
