/** virtio-balloon-pci as its driver sees it, and what becomes of the memory. What QEMU 7.2 does was read through qtest. */
import { describe, expect, it } from 'vitest';
import { PORTION } from '../../src/emu/core/bottom-half.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import { QUIET, type Trace } from '../../src/emu/core/trace.ts';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import { Balloon } from '../../src/emu/memory/balloon.ts';
import { GuestMemory, PAGE_SIZE } from '../../src/emu/memory/guest-memory.ts';
import {
  DEFLATE_QUEUE,
  INFLATE_QUEUE,
  REPORTING_QUEUE,
  STATS_QUEUE,
  VIRTIO_BALLOON_F_PAGE_POISON,
  VirtioBalloon,
  type VirtioBalloonProperties,
  type VirtioBalloonState,
} from '../../src/emu/virtio/virtio-balloon.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { MODERN, queueRig, RINGS, VERSION_1 } from '../support/virtio-queues.ts';

const MIB = 1 << 20;
const RAM = 32 * MIB;
const LIST = 0x20_0000;
const CONFIG = MODERN + 0x2000;
/** Memory that the tests give away. */
const GIVEN = 8 * MIB;
const S = 1e9;
const UNKNOWN = 2n ** 64n - 1n;
const DEFAULTS: VirtioBalloonProperties = {
  deflateOnOom: false,
  pagePoison: true,
  freePageReporting: false,
  longConfig: false,
};
const ALL_QUEUES = [0, 1, 2, 3];

function rig(properties: Partial<VirtioBalloonProperties> = {}, trace: Trace = QUIET, vectors = 0) {
  const events: MachineEvent[] = [];
  const later: (() => void)[] = [];
  const machineEvents = new MachineEvents((_, callback) => later.push(callback));
  machineEvents.listen((event) => events.push(event));
  const ram = new GuestMemory(RAM / CHUNK_SIZE + 2);
  ram.add('ram', 0, RAM);
  ram.add('rom', RAM, 2 * PAGE_SIZE, { readOnly: true });
  // What the driver needs for itself has its chunks.
  for (const gpa of [RINGS, LIST]) ram.writeU8(gpa + MIB - 1, 1);
  const size = { bytes: RAM };
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-balloon-pci', transitionalDeviceId: 0x1002, classCode: 0x00ff00 },
        new VirtioBalloon(
          { ...DEFAULTS, ...properties },
          {
            memory,
            trace,
            clock,
            ram: {
              memory: ram,
              get sizeBytes() {
                return size.bytes;
              },
            },
            events: machineEvents,
            wallClockMs: () => 1_700_000_000_999,
          },
        ),
        { disableLegacy: false, disableModern: false, vectors },
        memory,
      ),
    { memory: ram },
  );
  const { memory, card, kick, postOut, pirqs } = made;
  const config = (at: number) => made.mmio.read(CONFIG + at, 4);
  const frames = (list: readonly number[]) => new Uint8Array(Uint32Array.from(list).buffer);
  return {
    ...made,
    config,
    setConfig: (at: number, value: number) => made.mmio.write(CONFIG + at, 4, value),
    balloon: card.device,
    events: () => events.splice(0).map((event) => JSON.stringify(event)),
    /** A second of the host's passes. */
    aSecond: () => {
      for (const callback of later.splice(0)) callback();
    },
    size,
    frames,
    give(queue: number, list: readonly number[], at = LIST) {
      postOut(queue, at, frames(list));
      kick(queue);
    },
    used: () => memory.arena.used / CHUNK_SIZE,
    usedEntries: made.used,
    intx: () => pirqs.some(({ level }) => level),
  };
}

const pagesOf = (gpa: number, count: number): number[] =>
  Array.from({ length: count }, (_, n) => gpa / PAGE_SIZE + n);

describe('registers', () => {
  it('config space: no MSI-X', () => {
    const { card } = rig();
    card.reset();
    expect(configRows(card.config.bytes).filter((row) => /^(00|10|20|30)/.test(row))).toEqual([
      '00: f4 1a 02 10 00 00 10 00 00 00 ff 00 00 00 00 00',
      '10: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 05 00',
      '30: 00 00 00 00 84 00 00 00 00 00 00 00 00 01 00 00',
    ]);
  });

  it.each<readonly [Partial<VirtioBalloonProperties>, number, number, number]>([
    [{}, 0x12, 3, 16],
    [{ pagePoison: false }, 0x02, 3, 8],
    [{ pagePoison: false, longConfig: true }, 0x02, 3, 16],
    [{ deflateOnOom: true, freePageReporting: true }, 0x36, 4, 16],
  ])('features and queues with %o', (properties, features, queues, length) => {
    const { common, mmio, card } = rig(properties);
    common(0, 4, 0);
    expect(mmio.read(MODERN + 4, 4) & 0xff).toBe(features);
    expect([mmio.read(MODERN + 0x12, 2), card.device.configLength]).toEqual([queues, length]);
    expect(card.device.queues.map(({ defaultSize }) => defaultSize)).toEqual(
      [128, 128, 128, 32].slice(0, queues),
    );
  });
});

describe('what the user wants', () => {
  it('is told by an interrupt; the guest says what it has', () => {
    const { balloon, start, config, setConfig, events, deviceStatus, mmio, intx } = rig();
    start(ALL_QUEUES);
    expect([config(0), config(4), balloon.actualBytes]).toEqual([0, 0, BigInt(RAM)]);
    expect(intx()).toBe(false);
    balloon.setTarget(RAM - 3 * MIB);
    expect([config(0), intx()]).toEqual([768, true]);
    // The configuration changed.
    expect([mmio.read(MODERN + 0x1000, 1), intx()]).toEqual([3, false]);
    setConfig(4, 256);
    setConfig(0, 5);
    expect([config(0), config(4), balloon.actualBytes]).toEqual([768, 256, BigInt(RAM - MIB)]);
    expect(events()).toEqual([`{"event":"BALLOON_CHANGE","data":{"actual":${RAM - MIB}}}`]);
    balloon.setTarget(2 * RAM);
    expect([config(0), deviceStatus()]).toEqual([0, 0x0f]);
  });

  it('counts DIMMs, and is not told without a driver', () => {
    const { balloon, size, config, intx } = rig();
    size.bytes = 2 * RAM;
    balloon.setTarget(1);
    expect([config(0), balloon.actualBytes, intx()]).toEqual([
      (2 * RAM) / PAGE_SIZE - 1,
      BigInt(2 * RAM),
      false,
    ]);
  });

  it('lasts through a reset, as does what the guest has given', () => {
    const { card, start, balloon, setConfig, config, map } = rig();
    start(ALL_QUEUES, VERSION_1 | VIRTIO_BALLOON_F_PAGE_POISON);
    balloon.setTarget(RAM - MIB);
    setConfig(4, 7);
    setConfig(12, 0xaaaaaaaa);
    expect([config(4), config(12)]).toEqual([7, 0xaaaaaaaa]);
    card.reset();
    map();
    expect([config(0), config(4), config(12)]).toEqual([256, 7, 0]);
  });

  it('a guest that says too much wraps round, and is told of once a second', () => {
    const { balloon, start, setConfig, events, aSecond } = rig();
    start(ALL_QUEUES);
    for (let n = 1; n < 1000; n++) setConfig(4, 0xffff_ff00 + (n & 0xff));
    expect(balloon.actualBytes).toBeGreaterThan(2n ** 63n);
    expect(events()).toHaveLength(1);
    aSecond();
    expect(events()).toHaveLength(1);
  });
});

describe('the one balloon', () => {
  it('refuses without a device, and a second device', () => {
    const balloon = new Balloon();
    expect(() => balloon.setTarget(0)).toThrow('No balloon device has been activated');
    const { balloon: device } = rig();
    balloon.connect(device);
    expect(() => balloon.checkFree()).toThrow('Only one balloon device is supported');
    expect(() => balloon.setTarget(0)).toThrow("Parameter 'target' expects a size");
    balloon.disconnect(device);
    expect(() => balloon.actualBytes).toThrow('No balloon device has been activated');
  });
});

describe('pages', () => {
  it('that are given go back to the host as soon as a whole chunk is free, in any order', () => {
    const { start, give, used, memory, usedEntries, intx, mmio } = rig();
    start(ALL_QUEUES);
    memory.fill(GIVEN, 2 * MIB, 7);
    const before = used();
    const pages = pagesOf(GIVEN, 256).map((_, n, all) => all[(n * 149) % 256] ?? 0);
    give(INFLATE_QUEUE, pages.slice(0, 255));
    expect([used(), usedEntries(INFLATE_QUEUE)]).toEqual([before, [{ head: 0, written: 0 }]]);
    expect([intx(), mmio.read(MODERN + 0x1000, 1)]).toEqual([true, 1]);
    expect(memory.readU8((pages[255] ?? 0) * PAGE_SIZE)).toBe(7);
    give(INFLATE_QUEUE, pages.slice(255));
    expect([used(), memory.readU8(GIVEN), memory.readU8(GIVEN + MIB)]).toEqual([before - 1, 0, 7]);
    // And they are taken again, with a word or without.
    give(DEFLATE_QUEUE, pages.slice(0, 3));
    memory.writeU8(GIVEN + 5, 1);
    expect([used(), usedEntries(DEFLATE_QUEUE).length]).toEqual([before, 1]);
  });

  it('that the guest uses again are not lost, though it did not say so', () => {
    const { start, give, used, memory } = rig();
    start(ALL_QUEUES);
    memory.fill(GIVEN, MIB, 7);
    const before = used();
    give(INFLATE_QUEUE, pagesOf(GIVEN, 128));
    memory.writeU32(GIVEN + 0x1000, 0x1234);
    give(INFLATE_QUEUE, pagesOf(GIVEN + MIB / 2, 128));
    expect([used(), memory.readU32(GIVEN + 0x1000)]).toEqual([before, 0x1234]);
  });

  it('that are no RAM, or are a ROM, change nothing', () => {
    const seen: string[] = [];
    const trace = { ...QUIET, on: true, event: (...args: unknown[]) => void seen.push(args.join(' ')) };
    const { start, give, memory, usedEntries } = rig({}, trace);
    start(ALL_QUEUES);
    const rom = memory.find(RAM, 1);
    if (rom === undefined) throw new Error('no ROM');
    memory.load(rom, 0, new Uint8Array(PAGE_SIZE).fill(0x55));
    seen.length = 0;
    give(INFLATE_QUEUE, [RAM / PAGE_SIZE, 0xffff_ffff, 0x800, 0x10_0000]);
    expect(memory.readU8(RAM)).toBe(0x55);
    expect(usedEntries(INFLATE_QUEUE)).toHaveLength(1);
    expect(seen.filter((line) => line.startsWith('virtio_balloon'))).toEqual([
      `virtio_balloon_bad_addr ${RAM}`,
      `virtio_balloon_bad_addr ${0xffff_ffff * PAGE_SIZE}`,
      `virtio_balloon_handle_output ram ${0x80_0000}`,
      `virtio_balloon_bad_addr ${0x1_0000_0000}`,
    ]);
  });

  it('are listed in pieces, of which the last bytes may be no number', () => {
    const { start, memory, post, kick, usedEntries, frames } = rig();
    start(ALL_QUEUES);
    memory.fill(GIVEN, MIB, 7);
    memory.write(LIST, frames(pagesOf(GIVEN, 3)));
    post(INFLATE_QUEUE, [
      { gpa: LIST, length: 3, write: false },
      { gpa: LIST + 3, length: 6, write: false },
      { gpa: LIST + 9, length: 2, write: false },
      { gpa: LIST + 0x1000, length: 4, write: true },
    ]);
    kick(INFLATE_QUEUE);
    expect([0, 1, 2].map((page) => memory.readU8(GIVEN + page * PAGE_SIZE))).toEqual([0, 0, 7]);
    expect(usedEntries(INFLATE_QUEUE)).toHaveLength(1);
  });

  it('of a list without end are taken a portion at a time, over a snapshot too', () => {
    const endless = (r: ReturnType<typeof rig>) => {
      r.start(ALL_QUEUES);
      r.memory.fill(GIVEN, 16 * MIB, 7);
      r.memory.write(LIST, r.frames(pagesOf(GIVEN, 4096)));
      // The list four times: 64 MiB of pages.
      r.post(
        INFLATE_QUEUE,
        Array.from({ length: 4 }, () => ({ gpa: LIST, length: 4096 * 4, write: false })),
      );
      r.kick(INFLATE_QUEUE);
    };
    const one = rig();
    const before = one.used() + 16;
    endless(one);
    const freed = () => before - one.used();
    expect(freed()).toBeLessThan((PORTION.bytes / CHUNK_SIZE) as number);
    expect(one.usedEntries(INFLATE_QUEUE)).toEqual([]);
    const state = structuredClone(one.card.device.save()) as VirtioBalloonState;
    expect(state.paused).toMatchObject({ queue: INFLATE_QUEUE, head: 0 });
    const other = rig();
    other.start(ALL_QUEUES);
    const bytes = new Uint8Array(RAM);
    one.memory.read(0, bytes);
    other.memory.write(0, bytes);
    other.card.restore(structuredClone(one.card.save()));
    expect(other.card.save()).toEqual(one.card.save());
    for (const r of [one, other]) {
      let turns = 0;
      for (; r.usedEntries(INFLATE_QUEUE).length === 0 && turns < 100; turns++) r.pass(1);
      expect(turns).toBeGreaterThan(8);
      expect(r.memory.readU8(GIVEN + 16 * MIB - 1)).toBe(0);
    }
    expect(Buffer.compare(Buffer.from(one.bytes(0, RAM)), Buffer.from(other.bytes(0, RAM)))).toBe(0);
  });

  it('of a request that is under way are left alone after a reset of the queue', () => {
    const { start, memory, frames, post, kick, common, card, pass, usedEntries } = rig();
    start(ALL_QUEUES);
    memory.fill(GIVEN, 16 * MIB, 7);
    memory.write(LIST, frames(pagesOf(GIVEN, 4096)));
    post(INFLATE_QUEUE, [{ gpa: LIST, length: 4096 * 4, write: false }]);
    kick(INFLATE_QUEUE);
    common(0x16, 2, INFLATE_QUEUE);
    common(0x3a, 2, 1);
    card.device.resetQueue(INFLATE_QUEUE);
    for (let n = 0; n < 20; n++) pass(1);
    expect([memory.readU8(GIVEN + 15 * MIB), usedEntries(INFLATE_QUEUE)]).toEqual([7, []]);
  });
});

describe('free memory that is reported', () => {
  const report = (r: ReturnType<typeof rig>, ...buffers: readonly (readonly [number, number])[]) => {
    r.post(
      REPORTING_QUEUE,
      buffers.map(([gpa, length]) => ({ gpa, length, write: true })),
    );
    r.kick(REPORTING_QUEUE);
  };

  it('goes back to the host: whole pages of RAM', () => {
    const r = rig({ freePageReporting: true });
    r.start(ALL_QUEUES);
    r.memory.fill(GIVEN, 8 * MIB, 7);
    const before = r.used();
    report(r, [GIVEN, 4 * MIB], [GIVEN + 5 * MIB + 1, PAGE_SIZE], [GIVEN + 6 * MIB, 100]);
    expect([before - r.used(), r.usedEntries(REPORTING_QUEUE)]).toEqual([4, [{ head: 0, written: 0 }]]);
    expect([4, 5, 6].map((mib) => r.memory.readU8(GIVEN + mib * MIB + 4096))).toEqual([7, 7, 7]);
    report(r, [GIVEN + 4 * MIB, 2 * MIB]);
    expect(before - r.used()).toBe(6);
  });

  it('stays where the guest expects its own pattern in free pages', () => {
    const r = rig({ freePageReporting: true });
    r.start(ALL_QUEUES, VERSION_1 | VIRTIO_BALLOON_F_PAGE_POISON);
    r.memory.fill(GIVEN, MIB, 0xaa);
    r.setConfig(12, 0xaaaaaaaa);
    report(r, [GIVEN, MIB]);
    expect([r.memory.readU8(GIVEN), r.usedEntries(REPORTING_QUEUE).length]).toEqual([0xaa, 1]);
  });

  it('is taken a portion at a time', () => {
    const r = rig({ freePageReporting: true });
    r.start(ALL_QUEUES);
    r.memory.fill(GIVEN, 16 * MIB, 7);
    // All but the first page of each chunk: 16 MiB to clear.
    report(
      r,
      ...Array.from({ length: 16 }, (_, n) => [GIVEN + n * MIB + PAGE_SIZE, MIB - PAGE_SIZE] as const),
    );
    expect(r.usedEntries(REPORTING_QUEUE)).toEqual([]);
    expect(r.memory.readU8(GIVEN + 16 * MIB - 1)).toBe(7);
    for (let n = 0; n < 4; n++) r.pass(1);
    expect(r.usedEntries(REPORTING_QUEUE)).toHaveLength(1);
    for (let n = 0; n < 16; n++) {
      expect([r.memory.readU8(GIVEN + n * MIB), r.memory.readU8(GIVEN + (n + 1) * MIB - 1)]).toEqual([7, 0]);
    }
  });
});

describe('statistics', () => {
  const stats = (pairs: readonly (readonly [number, bigint])[]): Uint8Array => {
    const bytes = new Uint8Array(10 * pairs.length + 3);
    const view = new DataView(bytes.buffer);
    for (const [n, [tag, value]] of pairs.entries()) {
      view.setUint16(10 * n, tag, true);
      view.setBigUint64(10 * n + 2, value, true);
    }
    return bytes;
  };
  const shown = (r: ReturnType<typeof rig>) =>
    r.balloon.guestStats as { stats: Record<string, bigint>; 'last-update': number };

  it('are asked for by the clock, and kept until the guest says others', () => {
    const r = rig();
    r.start(ALL_QUEUES, VERSION_1 | 2n);
    expect(shown(r)['last-update']).toBe(0);
    r.postOut(
      STATS_QUEUE,
      LIST,
      stats([
        [4, 1000n],
        [5, 2n ** 40n],
        [99, 5n],
      ]),
    );
    r.kick(STATS_QUEUE);
    expect(r.usedEntries(STATS_QUEUE)).toEqual([]);
    expect(shown(r)).toMatchObject({
      stats: { 'stat-free-memory': 1000n, 'stat-total-memory': 2n ** 40n, 'stat-swap-in': UNKNOWN },
      'last-update': 1_700_000_000,
    });
    r.pass(100 * S);
    expect(r.usedEntries(STATS_QUEUE)).toEqual([]);
    r.balloon.setPollInterval(2);
    r.pass(0);
    expect(r.usedEntries(STATS_QUEUE)).toEqual([{ head: 0, written: 0 }]);
    r.pass(10 * S);
    expect(r.usedEntries(STATS_QUEUE)).toEqual([]);
    r.postOut(STATS_QUEUE, LIST, stats([[0, 5n]]));
    r.kick(STATS_QUEUE);
    expect(shown(r).stats).toMatchObject({ 'stat-free-memory': UNKNOWN, 'stat-swap-in': 5n });
    r.pass(2 * S - 1);
    expect(r.usedEntries(STATS_QUEUE)).toEqual([]);
    r.pass(1);
    expect(r.usedEntries(STATS_QUEUE)).toHaveLength(1);
    r.balloon.setPollInterval(0);
    expect(r.clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('a second buffer sends the first one back', () => {
    const r = rig();
    r.start(ALL_QUEUES, VERSION_1 | 2n);
    for (const value of [1n, 2n]) {
      r.postOut(STATS_QUEUE, LIST, stats([[0, value]]));
      r.kick(STATS_QUEUE);
    }
    expect([r.usedEntries(STATS_QUEUE), shown(r).stats['stat-swap-in']]).toEqual([
      [{ head: 0, written: 0 }],
      2n,
    ]);
  });

  it('of megabytes are read as far as a page', () => {
    const r = rig();
    r.start(ALL_QUEUES, VERSION_1 | 2n);
    r.postOut(STATS_QUEUE, GIVEN, stats(Array.from({ length: 100_000 }, (_, n) => [0, BigInt(n)] as const)));
    r.kick(STATS_QUEUE);
    expect(shown(r).stats['stat-swap-in']).toBe(408n);
  });

  it('wait for a guest that has no buffer; the longest time is one of the clock', () => {
    const r = rig();
    r.balloon.setPollInterval(1);
    for (let n = 0; n < 5; n++) r.pass(S);
    r.balloon.setPollInterval(0xffff_ffff);
    expect(r.clock.nextDeadlineNs()).toBe(Number.MAX_SAFE_INTEGER);
    expect(r.card.vmstate.fields.misfit(r.card.save())).toBeUndefined();
  });

  it('are in a snapshot, with the question that is due', () => {
    const one = rig();
    one.start(ALL_QUEUES, VERSION_1 | 2n);
    one.balloon.setPollInterval(5);
    one.pass(0);
    one.postOut(STATS_QUEUE, LIST, stats([[3, 9n]]));
    one.kick(STATS_QUEUE);
    one.pass(3 * S);
    const other = rig();
    other.pass(3 * S);
    other.start(ALL_QUEUES, VERSION_1 | 2n);
    const bytes = new Uint8Array(RAM);
    one.memory.read(0, bytes);
    other.memory.write(0, bytes);
    other.card.restore(structuredClone(one.card.save()));
    expect(other.card.save()).toEqual(one.card.save());
    expect(other.balloon.guestStats).toEqual(one.balloon.guestStats);
    other.pass(2 * S);
    expect(other.usedEntries(STATS_QUEUE)).toEqual([{ head: 0, written: 0 }]);
  });

  it('are not asked for after an unplug', () => {
    const r = rig();
    r.balloon.setPollInterval(1);
    r.bus.remove(r.card);
    expect(r.clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a state that no device has', () => {
  it.each<readonly [string, Partial<VirtioBalloonState>]>([
    ['a question that nobody asked', { pollNs: 5 }],
    ['a paused request of the statistics', { paused: { queue: STATS_QUEUE, head: 0, doneBytes: 0 } }],
    ['a queue that is not there', { paused: { queue: REPORTING_QUEUE, head: 0, doneBytes: 0 } }],
    ['too few statistics', { stats: [] }],
    ['a head that no queue has', { statsHead: 1024 }],
  ])('is refused: %s', (_, change) => {
    const { device } = rig().card;
    expect(device.fields.misfit(device.save())).toBeUndefined();
    expect(device.fields.misfit({ ...device.save(), ...change })).toBeDefined();
  });
});

it.each([1, 2, 3, 4])('a hostile guest loses only what it gives (seed %i)', (seed) => {
  const r = rig({ freePageReporting: true, deflateOnOom: seed % 2 === 0 });
  const random = seeded(seed);
  const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
  // Everything from here on is never named: it must stay as it is.
  const kept = 24 * MIB;
  r.memory.fill(kept, 2 * MIB, 0x5a);
  const page = () => (GIVEN + (random() % (8 * MIB))) / PAGE_SIZE;
  const actions = [
    () => r.mmio.write(MODERN + (random() & 0x303f), size(), random() & 0xff),
    () => r.mmio.write(CONFIG + (random() & 0x1f), size(), random()),
    () => r.mmio.read(CONFIG + (random() & 0x1f), size()),
    () => r.configWrite(r.devfn, 0x40 + (random() & 0x3f), size(), random()),
    () => r.memory.writeU32(0x10_0000 + (random() & 0xfffc), random() & 0x3ff03ff),
    () =>
      r.give(
        random() & 1,
        Array.from({ length: random() & 0xff }, () => (random() & 7 ? page() : random())),
      ),
    () => r.postOut(STATS_QUEUE, LIST, Uint8Array.from({ length: random() & 0xff || 1 }, random)),
    () => r.postIn(REPORTING_QUEUE, GIVEN + (random() & 0x7f_f000), 1 + (random() & 0x3f_ffff)),
    () => r.memory.writeU32(GIVEN + (random() % (8 * MIB - 4)), random()),
    () => r.kick(random() & 3),
    () => r.balloon.setTarget(1 + (random() % RAM)),
    () => r.balloon.setPollInterval(random() & 3),
    () => r.pass(random() & 0xfffff),
  ];
  for (let i = 0; i < 4000; i++) {
    if (i % 40 === 0) {
      r.map();
      r.start(ALL_QUEUES, 0x1_0000_0000n | BigInt(random() & 0x3e));
    }
    actions[random() % actions.length]?.();
    if (i % 100 === 0) expect(r.card.vmstate.fields.misfit(structuredClone(r.card.save()))).toBeUndefined();
  }
  expect(r.bytes(kept, 2 * MIB).every((byte) => byte === 0x5a)).toBe(true);
  r.card.reset();
  r.map();
  r.pass(1e9);
  r.start(ALL_QUEUES);
  r.memory.fill(GIVEN, MIB, 7);
  const before = r.used();
  r.give(INFLATE_QUEUE, pagesOf(GIVEN, 256));
  r.pass(1e6);
  expect([before - r.used(), r.usedEntries(INFLATE_QUEUE).length]).toEqual([1, 1]);
});

/** QEMU's has no MSI-X; with it, all parts of a card are there to be checked. */
virtioPciContract('virtio-balloon-pci', () => rig({}, QUIET, 2).card);
