/** The split virtqueue against a correct and a hostile driver. Spec: virtio 1.2 §2.7. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import type { VirtqueueOwner } from '../../src/emu/virtio/virtqueue.ts';
import { VIRTQUEUE_MAX_SIZE, Virtqueue } from '../../src/emu/virtio/virtqueue.ts';

const RAM = 0x10000;
const DESC = 0x1000;
const AVAIL = 0x2000;
const USED = 0x3000;
const NEXT = 1;
const WRITE = 2;
const INDIRECT = 4;

type Row = readonly [gpa: number, length: number, flags: number, next: number];

function rig(options: { eventIdx?: boolean; notifyOnEmpty?: boolean; size?: number } = {}) {
  const memory = pcMemory(RAM);
  const faults: string[] = [];
  const owner: VirtqueueOwner & { active: boolean } = {
    memory,
    eventIdx: options.eventIdx ?? false,
    notifyOnEmpty: options.notifyOnEmpty ?? false,
    active: true,
    fault(message) {
      faults.push(message);
      this.active = false;
    },
  };
  const queue = new Virtqueue(owner, options.size ?? 8);
  queue.setRings(DESC, AVAIL, USED);
  const write = (index: number, [gpa, length, flags, next]: Row, table = DESC) => {
    memory.writeU64(table + 16 * index, gpa);
    memory.writeU32(table + 16 * index + 8, length);
    memory.writeU16(table + 16 * index + 12, flags);
    memory.writeU16(table + 16 * index + 14, next);
  };
  const chain = (...rows: Row[]) => {
    for (const [i, row] of rows.entries()) write(i, row);
  };
  let available = 0;
  const offer = (head: number) => {
    memory.writeU16(AVAIL + 4 + 2 * (available % queue.size), head);
    available = (available + 1) & 0xffff;
    memory.writeU16(AVAIL + 2, available);
  };
  return { memory, owner, queue, faults, write, chain, offer };
}

describe('a chain', () => {
  it('gives its buffers in order, readable before writable', () => {
    const { queue, chain, offer } = rig();
    chain([0x4000, 16, NEXT, 1], [0x5000, 32, NEXT | WRITE, 2], [0x6000, 1, WRITE, 0]);
    offer(0);
    expect(queue.pop()).toEqual({
      head: 0,
      out: [{ gpa: 0x4000, length: 16 }],
      in: [
        { gpa: 0x5000, length: 32 },
        { gpa: 0x6000, length: 1 },
      ],
    });
    expect([queue.pop(), queue.empty]).toEqual([undefined, true]);
  });
  it('may lie in an indirect table', () => {
    const { queue, chain, write, offer } = rig();
    chain([0x7000, 32, INDIRECT, 0]);
    write(0, [0x4000, 16, NEXT, 1], 0x7000);
    write(1, [0x5000, 1, WRITE, 0], 0x7000);
    offer(0);
    expect(queue.pop()).toEqual({
      head: 0,
      out: [{ gpa: 0x4000, length: 16 }],
      in: [{ gpa: 0x5000, length: 1 }],
    });
  });
  it('goes on through 2^16 and around rings of any size', () => {
    const { queue, memory, chain, offer } = rig({ size: 5 });
    chain([0x4000, 16, 0, 0]);
    const wrong: number[] = [];
    for (let i = 0; i < 70_000; i++) {
      offer(0);
      const popped = queue.pop()?.head;
      queue.push(0, i);
      const entry = USED + 4 + 8 * ((i & 0xffff) % 5);
      const written = memory.readU32(entry + 4);
      const index = memory.readU16(USED + 2);
      if (popped !== 0 || written !== i || index !== ((i + 1) & 0xffff)) wrong.push(i);
    }
    expect(wrong).toEqual([]);
  });
});

describe('a broken driver faults the device', () => {
  const rows: [string, Row[]][] = [
    ['Looped descriptor', [[0x4000, 16, NEXT, 0]]],
    ['Desc next is 8', [[0x4000, 16, NEXT, 8]]],
    ['virtio: zero sized buffers are not allowed', [[0x4000, 0, 0, 0]]],
    ['virtio: bogus descriptor or out of resources', [[RAM - 8, 16, 0, 0]]],
    ['virtio: bogus descriptor or out of resources', [[0x1_0000_4000, 16, 0, 0]]],
    [
      'Incorrect order for descriptors',
      [
        [0x4000, 16, NEXT | WRITE, 1],
        [0x5000, 16, 0, 0],
      ],
    ],
    ['Invalid size for indirect buffer table', [[0x4000, 24, INDIRECT, 0]]],
    ['Invalid size for indirect buffer table', [[0x4000, 0, INDIRECT, 0]]],
    ['Cannot map indirect buffer', [[RAM, 16, INDIRECT, 0]]],
    ['Indirect descriptor inside a chain', [[DESC, 16, INDIRECT, 0]]],
    [
      'Indirect descriptor inside a chain',
      [
        [0x4000, 16, NEXT, 1],
        [0x5000, 16, INDIRECT, 0],
      ],
    ],
  ];
  it.each(rows)('%s', (message, chainRows) => {
    const { queue, chain, offer, faults, owner } = rig();
    chain(...chainRows);
    offer(0);
    expect([queue.pop(), faults, owner.active]).toEqual([undefined, [message], false]);
  });
  it('an index that ran away, a head that is none, rings outside RAM', () => {
    const runaway = rig();
    runaway.memory.writeU16(AVAIL + 2, 9);
    expect([runaway.queue.pop(), runaway.faults]).toEqual([
      undefined,
      ['Guest moved used index from 0 to 9'],
    ]);
    const head = rig();
    head.offer(8);
    expect([head.queue.pop(), head.faults]).toEqual([undefined, ['Guest says index 8 is available']]);
    const rings = rig();
    rings.queue.setRings(DESC, RAM, USED);
    expect(rings.faults).toEqual(['Cannot map the rings']);
  });
  it('more requests in flight than the queue holds', () => {
    const { queue, chain, offer, faults } = rig();
    chain([0x4000, 16, 0, 0]);
    for (let i = 0; i < 9; i++) {
      offer(0);
      queue.pop();
    }
    expect(faults).toEqual(['Virtqueue size exceeded']);
  });
});

describe('notifications', () => {
  it('flags tell the driver whether to kick', () => {
    const { queue, memory } = rig();
    queue.setNotification(false);
    expect(memory.readU16(USED)).toBe(1);
    queue.setNotification(true);
    expect(memory.readU16(USED)).toBe(0);
  });
  it('avail_event follows when event indices are negotiated', () => {
    const { queue, memory, chain, offer } = rig({ eventIdx: true });
    chain([0x4000, 16, 0, 0]);
    offer(0);
    offer(0);
    queue.pop();
    expect(memory.readU16(USED + 4 + 8 * 8)).toBe(1);
    queue.setNotification(false);
    queue.pop();
    expect(memory.readU16(USED + 4 + 8 * 8)).toBe(1);
    queue.setNotification(true);
    expect(memory.readU16(USED + 4 + 8 * 8)).toBe(2);
  });
  it('NOTIFY_ON_EMPTY interrupts in spite of NO_INTERRUPT', () => {
    const { queue, memory, chain, offer } = rig({ notifyOnEmpty: true });
    chain([0x4000, 16, 0, 0]);
    memory.writeU16(AVAIL, 1);
    offer(0);
    queue.pop();
    expect(queue.takeInterrupt()).toBe(false);
    queue.push(0, 0);
    expect(queue.takeInterrupt()).toBe(true);
  });
  it('used_event asks for one interrupt when its index is passed, also across 2^16', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.integer({ min: 1, max: 8 }), fc.nat(20), (start, batch, ahead) => {
        const { queue, memory } = rig({ eventIdx: true });
        queue.restore({ ...queue.save(), usedIndex: start, signalledUsed: start, signalledUsedValid: true });
        memory.writeU16(AVAIL + 4 + 2 * 8, (start + ahead) & 0xffff);
        for (let i = 0; i < batch; i++) queue.push(0, 0);
        expect(queue.takeInterrupt()).toBe(ahead < batch);
      }),
    );
  });
});

describe('a hostile driver', () => {
  it('with any bytes in the rings gets buffers in RAM or a fault, and never an exception', () => {
    const bytes = fc.uint8Array({ minLength: 0x2200, maxLength: 0x2200 });
    const addresses = fc.record({
      desc: fc.integer({ min: 0, max: RAM + 64 }),
      avail: fc.integer({ min: 0, max: RAM + 64 }),
      used: fc.integer({ min: 0, max: RAM + 64 }),
      size: fc.integer({ min: 1, max: VIRTQUEUE_MAX_SIZE }),
    });
    fc.assert(
      fc.property(bytes, addresses, fc.boolean(), (noise, { desc, avail, used, size }, eventIdx) => {
        const { queue, memory, owner, faults } = rig({ eventIdx });
        memory.write(0x1000, noise);
        queue.setSize(size);
        queue.setRings(desc, avail, used);
        for (let i = 0; i < 4; i++) {
          queue.setNotification((i & 1) === 0);
          const chain = queue.pop();
          for (const { gpa, length } of [...(chain?.out ?? []), ...(chain?.in ?? [])]) {
            expect(memory.isRam(gpa, length)).toBe(true);
          }
          if (chain !== undefined) queue.push(chain.head, 1);
          queue.takeInterrupt();
        }
        expect(owner.active).toBe(faults.length === 0);
        expect(structuredClone(queue.save())).toEqual(queue.save());
      }),
      { numRuns: 300 },
    );
  });
  it('with plausible descriptors too', () => {
    const row = fc.tuple(
      fc.oneof(fc.integer({ min: 0x4000, max: 0x4fff }), fc.integer({ min: 0, max: 2 * RAM })),
      fc.oneof(fc.constant(16), fc.constant(32), fc.integer({ min: 0, max: RAM })),
      fc.nat(7),
      fc.nat(9),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 8, maxLength: 8 }), fc.nat(9), (table, head) => {
        const { queue, memory, chain, write, offer, owner, faults } = rig();
        chain(...table);
        for (const [i, indirect] of table.entries()) write(i, indirect, 0x4000);
        offer(head);
        const popped = queue.pop();
        const buffers = [...(popped?.out ?? []), ...(popped?.in ?? [])];
        for (const { gpa, length } of buffers) expect(memory.isRam(gpa, length)).toBe(true);
        expect(popped === undefined).toBe(faults.length === 1);
        expect(owner.active).toBe(popped !== undefined);
      }),
      { numRuns: 1000 },
    );
  });
});
