/** A guest driver for any virtio-pci card with any number of queues, written against the virtio specification only. */
import { assert } from '../../src/emu/core/assert.ts';
import type { EventQueue } from '../../src/emu/core/clock.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { PciDma } from '../../src/emu/pci/pci-dma.ts';
import type { VirtioDevice } from '../../src/emu/virtio/virtio-device.ts';
import type { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { pciRig } from './pci-rig.ts';

export const MODERN = 0x1_0000_0000;
export const LEGACY = 0xc000;
const MSIX = 0xfe00_0000;
/** Where the rings of queue 0 are; each queue has four pages. */
export const RINGS = 0x10_0000;
const RINGS_OF_QUEUE = 0x4000;
const RAM = 4 << 20;
/** Where the hole below 1 MiB begins. */
const LOW_RAM = 0xa0000;
const AVAIL = 0x1000;
const USED = 0x2000;

export const VERSION_1 = 0x1_0000_0000n;

export interface UsedEntry {
  readonly head: number;
  readonly written: number;
}

/**
 * @param make makes the card, which reaches memory through `dma`
 * @param rings where the rings of queue 0 are
 */
export function queueRig<V extends VirtioDevice>(
  make: (dma: PciDma, clock: EventQueue) => VirtioPci<V>,
  { memory = pcMemory(RAM), rings = RINGS }: { readonly memory?: GuestMemory; readonly rings?: number } = {},
) {
  const pci = pciRig(memory);
  const devfn = pciDevfn(2, 0);
  const card = make(new PciDma(), pci.clock);
  pci.bus.add(card, devfn);
  const map = () => {
    pci.configWrite(devfn, 0x10, 4, LEGACY);
    pci.configWrite(devfn, 0x14, 4, MSIX);
    pci.configWrite(devfn, 0x20, 4, 0);
    pci.configWrite(devfn, 0x24, 4, 1);
    pci.configWrite(devfn, 0x04, 2, 7);
  };
  map();
  const common = (at: number, size: 1 | 2 | 4, value: number) => pci.memory.write(MODERN + at, size, value);
  const posted: number[] = [];
  const seen: number[] = [];
  const base = (queue: number) => rings + queue * RINGS_OF_QUEUE;
  const size = (queue: number) => card.device.queues[queue]?.size ?? 1;

  /** Sets the device up as a modern driver does; configuration changes on vector 0, all queues on vector 1. */
  function start(queues: readonly number[], features = VERSION_1): void {
    common(0x14, 1, 0);
    common(0x14, 1, 3);
    for (const word of [0, 1]) {
      common(0x08, 4, word);
      common(0x0c, 4, Number((features >> BigInt(32 * word)) & 0xffffffffn));
    }
    common(0x14, 1, 0x0b);
    pci.configWrite(devfn, 0x9a, 2, 0x8000);
    for (const vector of [0, 1]) {
      pci.memory.write(MSIX + 16 * vector, 4, 0xfee0_0000);
      pci.memory.write(MSIX + 16 * vector + 8, 4, 0x40 + vector);
      pci.memory.write(MSIX + 16 * vector + 12, 4, 0);
    }
    common(0x10, 2, 0);
    for (const queue of queues) setUp(queue);
    common(0x14, 1, 0x0f);
  }

  function setUp(queue: number): void {
    const at = base(queue);
    memory.fill(at, RINGS_OF_QUEUE, 0);
    common(0x16, 2, queue);
    common(0x1a, 2, 1);
    for (const [register, gpa] of [
      [0x20, at],
      [0x28, at + AVAIL],
      [0x30, at + USED],
    ] as const) {
      common(register, 4, gpa % 2 ** 32);
      common(register + 4, 4, Math.floor(gpa / 2 ** 32));
    }
    common(0x1c, 2, 1);
    posted[queue] = 0;
    seen[queue] = 0;
  }

  /** Offers buffers as one request; the head's number follows from how many were posted. */
  function post(queue: number, buffers: readonly { gpa: number; length: number; write: boolean }[]): number {
    const at = base(queue);
    const count = posted[queue] ?? 0;
    const head = (count * buffers.length) % size(queue);
    for (const [i, { gpa, length, write }] of buffers.entries()) {
      const entry = at + 16 * (head + i);
      const last = i === buffers.length - 1;
      memory.writeU32(entry, gpa);
      memory.writeU32(entry + 4, 0);
      memory.writeU32(entry + 8, length);
      memory.writeU16(entry + 12, (write ? 2 : 0) | (last ? 0 : 1));
      memory.writeU16(entry + 14, head + i + 1);
    }
    offer(queue, head);
    return head;
  }

  /** Tells the device of the request that begins with the descriptor `head`. */
  function offer(queue: number, head: number): void {
    const avail = base(queue) + AVAIL;
    const count = posted[queue] ?? 0;
    memory.writeU16(avail + 4 + 2 * (count % size(queue)), head);
    posted[queue] = (count + 1) & 0xffff;
    memory.writeU16(avail + 2, posted[queue]);
  }

  /** What the device has given back since the last call. */
  function used(queue: number): UsedEntry[] {
    const at = base(queue) + USED;
    const entries: UsedEntry[] = [];
    for (let index = seen[queue] ?? 0; index !== memory.readU16(at + 2); index = (index + 1) & 0xffff) {
      const entry = at + 4 + 8 * (index % size(queue));
      entries.push({ head: memory.readU32(entry), written: memory.readU32(entry + 4) });
      seen[queue] = (index + 1) & 0xffff;
    }
    return entries;
  }

  const bytes = (gpa: number, length: number) => {
    const target = new Uint8Array(length);
    assert(memory.read(gpa, target), 'the driver reads RAM');
    return target;
  };

  const write = (gpa: number, source: Uint8Array) =>
    assert(memory.write(gpa, source), 'the driver writes RAM');

  /** Takes over memory and numbers of another driver, as the guest of a restored machine does. */
  function continueAs(other: { bytes: typeof bytes; numbers: { posted: number[]; seen: number[] } }): void {
    write(0, other.bytes(0, LOW_RAM));
    write(RINGS, other.bytes(RINGS, RAM - RINGS));
    posted.splice(0, posted.length, ...other.numbers.posted);
    seen.splice(0, seen.length, ...other.numbers.seen);
  }

  return {
    ...pci,
    mmio: pci.memory,
    memory,
    devfn,
    card,
    map,
    common,
    start,
    setUp,
    post,
    offer,
    used,
    kick: (queue: number) => pci.memory.write(MODERN + 0x3000 + 4 * queue, 2, queue),
    /** One buffer that the device reads. */
    postOut: (queue: number, gpa: number, source: Uint8Array) => {
      write(gpa, source);
      return post(queue, [{ gpa, length: source.length, write: false }]);
    },
    postIn: (queue: number, gpa: number, length: number) => post(queue, [{ gpa, length, write: true }]),
    bytes,
    continueAs,
    numbers: { posted, seen },
    deviceStatus: () => pci.memory.read(MODERN + 0x14, 1),
    /** Lets the clock move. */
    pass: (ns: number) => {
      pci.time.ns += ns;
      pci.clock.runDue();
    },
  };
}
