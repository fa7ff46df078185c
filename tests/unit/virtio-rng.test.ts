/** virtio-rng-pci as its driver sees it. What is expected was read from QEMU 7.2 through qtest. */
import { describe, expect, it } from 'vitest';
import { PORTION } from '../../src/emu/core/bottom-half.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { VIRTIO_RNG_DEFAULTS, VirtioRng } from '../../src/emu/virtio/virtio-rng.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { LEGACY, MODERN, queueRig, RINGS } from '../support/virtio-queues.ts';

const DATA = 0x20000;
const MS = 1_000_000;

function rig(properties: { maxBytes?: bigint; periodMs?: number } = {}) {
  const asked: number[] = [];
  const settings = { ...VIRTIO_RNG_DEFAULTS, ...properties };
  const source = {
    random(target: Uint8Array) {
      asked.push(target.length);
      target.fill(asked.length);
    },
  };
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-rng-pci', transitionalDeviceId: 0x1005, classCode: 0x00ff00 },
        new VirtioRng(settings, { memory, trace: QUIET, clock, source }),
        { disableLegacy: false, disableModern: false, vectors: 2 },
        memory,
      ),
  );
  return { ...made, asked };
}

describe('registers', () => {
  it('config space', () => {
    const { card } = rig();
    card.reset();
    expect(configRows(card.config.bytes).filter((row) => /^(00|20|90)/.test(row))).toEqual([
      '00: f4 1a 05 10 00 00 10 00 00 00 ff 00 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 04 00',
      '90: 00 00 00 00 00 00 00 00 11 84 01 00 01 00 00 00',
    ]);
  });
  it('no feature and no configuration of its own, one queue of 8', () => {
    const { io, mmio, common } = rig();
    expect(io.read(LEGACY, 4)).toBe(0x79000000);
    const words = [0, 1].map((word) => {
      common(0, 4, word);
      return mmio.read(MODERN + 4, 4);
    });
    expect(words).toEqual([0x30000000, 0x101]);
    expect(mmio.read(MODERN + 0x2000, 4)).toBe(0xffffffff);
    expect([mmio.read(MODERN + 0x12, 2), mmio.read(MODERN + 0x18, 2)]).toEqual([1, 8]);
  });
});

describe('entropy', () => {
  it('comes with the clock, not during the notification, and fills the buffers in order', () => {
    const { start, postIn, kick, used, pass, bytes, messages } = rig();
    start([0]);
    postIn(0, DATA, 10);
    postIn(0, DATA + 0x100, 100);
    kick(0);
    expect(used(0)).toEqual([]);
    pass(0);
    expect(used(0)).toEqual([
      { head: 0, written: 10 },
      { head: 1, written: 100 },
    ]);
    expect(bytes(DATA + 0x100, 101)).toEqual(new Uint8Array([...new Array(100).fill(1), 0]));
    expect(messages).toEqual([[0xfee00000, 0x41]]);
  });
  it('max-bytes per period, by the clock of the machine', () => {
    const { start, postIn, kick, used, pass } = rig({ maxBytes: 16n, periodMs: 1000 });
    start([0]);
    postIn(0, DATA, 10);
    postIn(0, DATA + 0x100, 100);
    postIn(0, DATA + 0x200, 4);
    kick(0);
    pass(0);
    expect(used(0)).toEqual([
      { head: 0, written: 10 },
      { head: 1, written: 6 },
    ]);
    kick(0);
    pass(999 * MS);
    expect(used(0)).toEqual([]);
    pass(1 * MS);
    pass(0);
    expect(used(0)).toEqual([{ head: 2, written: 4 }]);
  });
  it('max-bytes=0 gives nothing', () => {
    const { start, postIn, kick, used, pass } = rig({ maxBytes: 0n, periodMs: 1 });
    start([0]);
    postIn(0, DATA, 10);
    kick(0);
    for (let n = 0; n < 5; n++) pass(MS);
    expect(used(0)).toEqual([]);
  });
  it('a buffer that the device may only read is given back empty, with the next that it may write', () => {
    const { start, postIn, postOut, kick, used, pass } = rig();
    start([0]);
    postOut(0, DATA, new Uint8Array(10));
    kick(0);
    pass(0);
    expect(used(0)).toEqual([]);
    postIn(0, DATA, 10);
    kick(0);
    pass(0);
    expect(used(0)).toEqual([
      { head: 0, written: 0 },
      { head: 1, written: 10 },
    ]);
  });
  it('is not looked for without end in buffers that cannot be filled', () => {
    const { start, post, kick, pass, card, used, common, setUp } = rig();
    start([0]);
    common(0x16, 2, 0);
    common(0x18, 2, 256);
    setUp(0);
    // Each of the 256 requests is the whole table.
    post(0, new Array(256).fill({ gpa: DATA, length: 1, write: false }));
    for (let n = 1; n < 256; n++) post(0, []);
    let walks = 0;
    const [queue] = card.device.queues;
    if (queue === undefined) throw new Error('no queue');
    const { chainAt } = queue;
    queue.chainAt = (head) => {
      walks++;
      return chainAt.call(queue, head);
    };
    for (let n = 0; n < 1000; n++) kick(0);
    expect(walks).toBe(PORTION.descriptors / 256);
    pass(1);
    expect(walks).toBe(2 * (PORTION.descriptors / 256));
    expect(used(0)).toEqual([]);
  });
  it('a large buffer is answered with a piece', () => {
    const { start, postIn, kick, used, pass, asked } = rig();
    start([0]);
    postIn(0, DATA, 0x80000);
    kick(0);
    pass(0);
    expect([used(0), asked]).toEqual([[{ head: 0, written: 65536 }], [65536]]);
  });
});

describe('what comes too late', () => {
  const late = (end: (r: ReturnType<typeof rig>) => void) => {
    const r = rig({ maxBytes: 16n, periodMs: 10 });
    r.start([0]);
    r.postIn(0, DATA, 100);
    r.kick(0);
    end(r);
    for (let n = 0; n < 3; n++) r.pass(20 * MS);
    expect([r.used(0), r.bytes(DATA, 1)[0], r.messages]).toEqual([[], 0, []]);
  };
  it('after a device reset is dropped', () => late((r) => r.common(0x14, 1, 0)));
  it('after a machine reset is dropped', () => late((r) => r.card.reset()));
  it('after an unplug is dropped, in the next period too', () => late((r) => r.bus.remove(r.card)));
});

it('a snapshot between request and answer, and in the middle of a period, goes on', () => {
  const properties = { maxBytes: 16n, periodMs: 1000 };
  const first = rig(properties);
  first.start([0]);
  first.postIn(0, DATA, 10);
  first.postIn(0, DATA + 0x100, 20);
  first.kick(0);
  const saved = structuredClone(first.card.save());
  const second = rig(properties);
  second.continueAs(first);
  second.card.restore(saved);
  expect(second.card.save()).toEqual(saved);
  for (const r of [first, second]) r.pass(0);
  expect(second.used(0)).toEqual([
    { head: 0, written: 10 },
    { head: 1, written: 6 },
  ]);
  second.postIn(0, DATA + 0x200, 4);
  second.kick(0);
  second.pass(999 * MS);
  expect(second.used(0)).toEqual([]);
  second.pass(1 * MS);
  second.pass(0);
  expect(second.used(0)).toEqual([{ head: 2, written: 4 }]);
});

it.each([1, 2, 3])('a hostile guest cannot break it through registers and rings (seed %i)', (seed) => {
  const r = rig({ maxBytes: seed === 1 ? 2n ** 63n - 1n : 1000n, periodMs: 1 });
  const random = seeded(seed);
  const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
  const actions = [
    () => r.io.write(LEGACY + (random() & 0x1f), size(), random()),
    () => r.io.read(LEGACY + (random() & 0x1f), size()),
    () => r.mmio.write(MODERN + (random() & 0x303f), size(), random() & 0xff),
    () => r.configWrite(r.devfn, 0x40 + (random() & 0x7f), size(), random()),
    () => r.memory.writeU32(RINGS + (random() & 0x2ffc), random() & 0x3ff03ff),
    () => r.postIn(0, DATA + (random() & 0xfff), 1 + (random() & 0xffff)),
    () => r.kick(0),
    () => r.pass(random() & 0xfffff),
  ];
  for (let i = 0; i < 10_000; i++) {
    if (i % 40 === 0) {
      r.map();
      r.start([0], 0x1_3000_0000n);
    }
    actions[random() % actions.length]?.();
  }
  expect(r.asked.length, 'the device was reached').toBeGreaterThan(50);
  expect(Math.max(...r.asked)).toBeLessThanOrEqual(65536);
  expect(structuredClone(r.card.save())).toEqual(r.card.save());
  r.card.reset();
  r.map();
  r.pass(2 * MS);
  r.start([0]);
  r.postIn(0, DATA, 10);
  r.kick(0);
  r.pass(2 * MS);
  r.pass(0);
  expect(r.used(0)).toEqual([{ head: 0, written: 10 }]);
});

virtioPciContract('virtio-rng-pci', () => rig().card);
