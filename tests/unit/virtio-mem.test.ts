/** virtio-mem-pci as its driver sees it, on a machine without a guest. What QEMU 7.2 does was read through qtest and its monitor. */
import { describe, expect, it } from 'vitest';
import { QUIET, type Trace } from '../../src/emu/core/trace.ts';
import { Machine, type MachineConfig, Monitor } from '../../src/emu/index.ts';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import {
  VIRTIO_MEM_REQ_PLUG,
  VIRTIO_MEM_REQ_STATE,
  VIRTIO_MEM_REQ_UNPLUG,
  VIRTIO_MEM_REQ_UNPLUG_ALL,
  VIRTIO_MEM_RESP_ACK,
  VIRTIO_MEM_RESP_ERROR,
  VIRTIO_MEM_RESP_NACK,
  VIRTIO_MEM_STATE_MIXED,
  VIRTIO_MEM_STATE_PLUGGED,
  VIRTIO_MEM_STATE_UNPLUGGED,
  VirtioMem,
  type VirtioMemProperties,
  type VirtioMemState,
} from '../../src/emu/virtio/virtio-mem.ts';
import { VirtioPci } from '../../src/emu/virtio/virtio-pci.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { MODERN, queueRig } from '../support/virtio-queues.ts';

const MIB = 1 << 20;
const BASE = 0x2_0000_0000;
const BLOCK = 2 * MIB;
const REQUEST = 0x2_0000;
const RESPONSE = 0x2_1000;
const DEFAULTS: VirtioMemProperties = {
  addr: BASE,
  node: 0,
  blockBytes: BLOCK,
  sizeBytes: 64 * MIB,
  requestedBytes: 0,
  unpluggedInaccessible: false,
};

function rig(properties: Partial<VirtioMemProperties> = {}, trace: Trace = QUIET, vectors = 0) {
  const settings = { ...DEFAULTS, ...properties };
  const sizes: number[] = [];
  const ram = new GuestMemory(160);
  ram.add('ram', 0, 4 * MIB);
  ram.add('vm0', settings.addr, settings.sizeBytes);
  const made = queueRig(
    (memory, clock) =>
      new VirtioPci(
        { type: 'virtio-mem-pci', transitionalDeviceId: 0, classCode: 0x00ff00 },
        new VirtioMem(settings, {
          memory,
          trace,
          clock,
          ram: { memory: ram, sizeBytes: 4 * MIB },
          onSize: (bytes) => void sizes.push(bytes / MIB),
        }),
        { disableLegacy: true, disableModern: false, vectors },
        memory,
      ),
    { memory: ram },
  );
  const { memory, post, kick, used, mmio, pirqs, card } = made;
  const write = (type: number, gpa: number, blocks: number) => {
    const bytes = new DataView(new ArrayBuffer(24));
    bytes.setUint16(0, type, true);
    bytes.setBigUint64(8, BigInt(gpa), true);
    bytes.setUint16(16, blocks, true);
    memory.write(REQUEST, new Uint8Array(bytes.buffer));
  };
  const config = (at: number) => mmio.read(MODERN + 0x2000 + at, 4);
  return {
    ...made,
    device: card.device,
    config,
    /** Usable, plugged and requested, in MiB. */
    sizes: () => [0x20, 0x28, 0x30].map((at) => config(at) / MIB),
    told: () => sizes.splice(0),
    intx: () => pirqs.some(({ level }) => level),
    held: () => memory.arena.used / CHUNK_SIZE,
    write,
    /** The answer to a request: type, and state. */
    ask(type: number, gpa = 0, blocks = 0): readonly number[] {
      write(type, gpa, blocks);
      memory.fill(RESPONSE, 10, 0xee);
      post(0, [
        { gpa: REQUEST, length: 24, write: false },
        { gpa: RESPONSE, length: 10, write: true },
      ]);
      kick(0);
      for (let n = 0; n < 4; n++) made.pass(1);
      expect(used(0).map(({ written }) => written)).toEqual([10]);
      return [memory.readU16(RESPONSE), memory.readU16(RESPONSE + 8)];
    },
  };
}

const ACK = [VIRTIO_MEM_RESP_ACK, 0];
const NACK = [VIRTIO_MEM_RESP_NACK, 0];
const ERROR = [VIRTIO_MEM_RESP_ERROR, 0];

describe('registers', () => {
  it('config space: the modern interface alone, no MSI-X', () => {
    const { card } = rig();
    card.reset();
    expect(configRows(card.config.bytes).filter((row) => /^(00|10|20|30)/.test(row))).toEqual([
      '00: f4 1a 58 10 00 00 10 00 01 00 ff 00 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '30: 00 00 00 00 84 00 00 00 00 00 00 00 00 01 00 00',
    ]);
  });

  it.each([
    [false, 1],
    [true, 3],
  ])('features with unplugged-inaccessible %s', (unpluggedInaccessible, features) => {
    const { common, mmio } = rig({ unpluggedInaccessible });
    common(0, 4, 0);
    expect(mmio.read(MODERN + 4, 4) & 0xff).toBe(features);
    expect([mmio.read(MODERN + 0x12, 2), mmio.read(MODERN + 0x18, 2)]).toEqual([1, 128]);
  });

  it('the configuration', () => {
    const { config, device } = rig({ requestedBytes: 8 * MIB });
    expect(device.configLength).toBe(56);
    expect(Array.from({ length: 14 }, (_, n) => config(4 * n))).toEqual([
      ...[BLOCK, 0, 0, 0, 0, 2, 64 * MIB, 0],
      ...[64 * MIB, 0, 0, 0, 8 * MIB, 0],
    ]);
  });
});

describe('what the user wants', () => {
  it('is told by an interrupt, and lets the guest use more of a large region, not less', () => {
    const { start, device, sizes, intx } = rig({ sizeBytes: 1024 * MIB });
    start([0]);
    expect([sizes(), intx()]).toEqual([[0, 0, 0], false]);
    device.setRequested(16 * MIB);
    expect([sizes(), intx()]).toEqual([[272, 0, 16], true]);
    device.setRequested(4 * MIB);
    expect(sizes()).toEqual([272, 0, 4]);
    device.setRequested(1000 * MIB);
    expect(sizes()).toEqual([1024, 0, 1000]);
  });
});

describe('blocks', () => {
  it('are plugged as far as is wanted, and their memory goes when they are unplugged', () => {
    const { start, device, ask, sizes, told, memory, held } = rig();
    start([0]);
    expect(ask(VIRTIO_MEM_REQ_PLUG, BASE, 1)).toEqual(ERROR);
    device.setRequested(8 * MIB);
    expect(ask(VIRTIO_MEM_REQ_PLUG, BASE + 2 * BLOCK, 3)).toEqual(ACK);
    expect([sizes(), told()]).toEqual([[64, 6, 8], [6]]);
    expect(ask(VIRTIO_MEM_REQ_PLUG, BASE, 2)).toEqual(NACK);
    expect(ask(VIRTIO_MEM_REQ_PLUG, BASE + 4 * BLOCK, 1)).toEqual(ERROR);
    expect(ask(VIRTIO_MEM_REQ_PLUG, BASE, 1)).toEqual(ACK);
    const before = held();
    memory.fill(BASE, 5 * BLOCK, 7);
    expect(held() - before).toBe(10);
    expect(ask(VIRTIO_MEM_REQ_UNPLUG, BASE + BLOCK, 2)).toEqual(ERROR);
    told();
    expect(ask(VIRTIO_MEM_REQ_UNPLUG, BASE + 3 * BLOCK, 2)).toEqual(ACK);
    expect([held() - before, told(), sizes()]).toEqual([6, [4], [64, 4, 8]]);
    expect([memory.readU8(BASE + 3 * BLOCK), memory.readU8(BASE + 3 * BLOCK - 1)]).toEqual([0, 7]);
  });

  it('tell their state', () => {
    const { start, ask } = rig({ requestedBytes: 8 * MIB });
    start([0]);
    ask(VIRTIO_MEM_REQ_PLUG, BASE, 2);
    const state = (gpa: number, count: number) => ask(VIRTIO_MEM_REQ_STATE, gpa, count);
    expect(state(BASE, 2)).toEqual([VIRTIO_MEM_RESP_ACK, VIRTIO_MEM_STATE_PLUGGED]);
    expect(state(BASE + 2 * BLOCK, 30)).toEqual([VIRTIO_MEM_RESP_ACK, VIRTIO_MEM_STATE_UNPLUGGED]);
    expect(state(BASE + BLOCK, 2)).toEqual([VIRTIO_MEM_RESP_ACK, VIRTIO_MEM_STATE_MIXED]);
    expect(state(BASE + BLOCK, 32)).toEqual(ERROR);
  });

  it.each([
    ['no blocks', BASE, 0],
    ['not aligned', BASE + MIB, 1],
    ['below the region', BASE - BLOCK, 2],
    ['behind it', BASE + 64 * MIB, 1],
    ['over its end', BASE + 62 * MIB, 2],
    ['at the end of all addresses', 2 ** 64 - BLOCK, 0xffff],
    ['RAM', 0, 1],
  ])('that are no blocks of the region are refused: %s', (_, gpa, count) => {
    const { start, ask, told, memory } = rig({ requestedBytes: 64 * MIB });
    start([0]);
    memory.writeU8(0x1234, 5);
    for (const type of [VIRTIO_MEM_REQ_PLUG, VIRTIO_MEM_REQ_UNPLUG, VIRTIO_MEM_REQ_STATE]) {
      expect(ask(type, gpa, count)).toEqual(ERROR);
    }
    expect([told(), memory.readU8(0x1234)]).toEqual([[], 5]);
  });

  it('are all unplugged at once, and what may be used follows what is wanted', () => {
    const { start, ask, device, told, sizes, memory, held } = rig({
      sizeBytes: 1024 * MIB,
      requestedBytes: 64 * MIB,
    });
    start([0]);
    ask(VIRTIO_MEM_REQ_PLUG, BASE + 64 * MIB, 32);
    memory.fill(BASE + 64 * MIB, 64 * MIB, 7);
    const before = held();
    device.setRequested(2 * MIB);
    expect([told(), sizes()]).toEqual([[64], [320, 64, 2]]);
    expect(ask(VIRTIO_MEM_REQ_UNPLUG_ALL)).toEqual(ACK);
    expect([told(), sizes(), before - held()]).toEqual([[0], [258, 0, 2], 64]);
    device.setRequested(0);
    expect(ask(VIRTIO_MEM_REQ_UNPLUG_ALL)).toEqual(ACK);
    expect([told(), sizes()]).toEqual([[], [0, 0, 0]]);
  });

  it('stay plugged when the driver resets the device, and go when the machine is reset', () => {
    const { start, ask, card, common, memory, sizes, map, device } = rig({ requestedBytes: 8 * MIB });
    start([0]);
    ask(VIRTIO_MEM_REQ_PLUG, BASE, 4);
    memory.writeU8(BASE, 7);
    common(0x14, 1, 0);
    expect([sizes(), memory.readU8(BASE)]).toEqual([[64, 8, 8], 7]);
    device.setRequested(4 * MIB);
    card.reset();
    map();
    expect([sizes(), memory.readU8(BASE)]).toEqual([[64, 0, 4], 0]);
  });
});

describe('a driver that breaks the rules', () => {
  it.each<readonly [string, number, number, number]>([
    ['a request that is too short', 0, 23, 10],
    ['no room for the answer', 0, 24, 9],
    ['a request that is none', 4, 24, 10],
  ])('has a device that needs a reset: %s', (_, type, out, room) => {
    const { start, write, post, kick, deviceStatus, used } = rig({ requestedBytes: 8 * MIB });
    start([0]);
    write(type, BASE, 1);
    post(0, [
      { gpa: REQUEST, length: out, write: false },
      { gpa: RESPONSE, length: room, write: true },
    ]);
    kick(0);
    expect([deviceStatus() & 0x40, used(0)]).toEqual([0x40, []]);
    start([0]);
    expect(deviceStatus()).toBe(0x0f);
  });

  it('gets a portion at a time, however often it plugs and unplugs', () => {
    const r = rig({ sizeBytes: 128 * MIB, requestedBytes: 128 * MIB });
    r.start([0]);
    r.write(VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0);
    const head = r.post(0, [
      { gpa: REQUEST, length: 24, write: false },
      { gpa: RESPONSE, length: 10, write: true },
    ]);
    for (let n = 0; n < 5; n++) {
      for (let m = 0; m < 100; m++) r.offer(0, head);
      r.kick(0);
      expect(r.used(0).length).toBeLessThanOrEqual(128);
    }
  });
});

describe('a state that no device has', () => {
  it.each<readonly [string, Partial<VirtioMemState>]>([
    ['a block that is half plugged', { blocks: new Uint8Array(32).fill(2) }],
    ['too few blocks', { blocks: new Uint8Array(31) }],
    ['more than the region may be used', { usableBytes: 66 * MIB }],
    ['half a block may be used', { usableBytes: MIB }],
    ['half a block is wanted', { requestedBytes: MIB }],
  ])('is refused: %s', (_, change) => {
    const { device } = rig();
    expect(device.fields.misfit(device.save())).toBeUndefined();
    expect(device.fields.misfit({ ...device.save(), ...change })).toBeDefined();
  });
});

it.each([1, 2, 3, 4])(
  'a hostile guest plugs no more than is wanted, and loses only its blocks (seed %i)',
  (seed) => {
    const r = rig({ sizeBytes: 96 * MIB, requestedBytes: 32 * MIB });
    const random = seeded(seed);
    const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
    r.memory.writeU32(0x3_0000, 0x5a5a5a5a);
    const actions = [
      () => r.mmio.write(MODERN + (random() & 0x303f), size(), random() & 0xff),
      () => r.mmio.read(MODERN + 0x2000 + (random() & 0x3f), size()),
      () => r.configWrite(r.devfn, 0x40 + (random() & 0x3f), size(), random()),
      () => r.memory.writeU32(0x10_0000 + (random() & 0x2ffc), random() & 0x3ff03ff),
      () => r.memory.writeU32(BASE + (random() % (96 * MIB - 4)), random()),
      () => r.device.setRequested((random() % 49) * BLOCK),
      () => {
        r.write(
          random() % 5 === 0 ? random() & 0xffff : random() & 3,
          BASE + (random() % 50) * BLOCK,
          random() & 7,
        );
        r.post(0, [
          { gpa: REQUEST, length: 24 - (random() % 50 === 0 ? 1 : 0), write: false },
          { gpa: RESPONSE, length: 10, write: true },
        ]);
        r.kick(0);
      },
      () => r.pass(random() & 0xfffff),
    ];
    let plugged = 0;
    for (let i = 0; i < 6000; i++) {
      if (i % 40 === 0) {
        r.map();
        r.start([0], 0x1_0000_0000n | BigInt(random() & 3));
      }
      const before = r.device.pluggedBytes;
      actions[random() % actions.length]?.();
      const now = r.device.pluggedBytes;
      if (now > before) {
        expect(now).toBeLessThanOrEqual(r.device.requestedBytes);
        plugged++;
      }
      if (i % 100 === 0) expect(r.card.vmstate.fields.misfit(structuredClone(r.card.save()))).toBeUndefined();
    }
    expect(plugged, 'the device was reached').toBeGreaterThan(20);
    expect(r.memory.readU32(0x3_0000)).toBe(0x5a5a5a5a);
  },
);

/** QEMU's has no MSI-X; with it, all parts of a card are there to be checked. */
virtioPciContract('virtio-mem-pci', () => rig({}, QUIET, 2).card);

describe('on a machine', () => {
  const WINDOW = 0x1_0000_0000;

  function machineRig(config: Partial<MachineConfig> = {}) {
    const dimms = { slots: 2, maxBytes: 136 * MIB };
    const machine = new Machine({ memoryBytes: 8 * MIB, dimms, ...config }, host());
    return { machine, ...watch(machine) };
  }

  function host() {
    return { monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() };
  }

  function watch(machine: Machine) {
    const monitor = new Monitor({ machine });
    const seen: string[] = [];
    machine.events.listen((event) => seen.push(JSON.stringify(event)));
    const hmp = (line: string) => monitor.execute(line);
    return {
      hmp,
      events: () => seen.splice(0),
      async done(...lines: readonly string[]) {
        for (const line of lines) expect(await hmp(line), line).toBe('');
      },
      device(id: string): VirtioMem {
        const [card] = machine.devices.tree.find(id)?.hardware.sections ?? [];
        if (!(card instanceof VirtioPci) || !(card.device instanceof VirtioMem)) throw new Error(`no ${id}`);
        return card.device;
      },
    };
  }

  const MEM = [
    'object_add memory-backend-ram,id=m,size=64M',
    'device_add virtio-mem-pci,id=v,memdev=m,requested-size=16M',
  ];

  /** As a driver does that has no queue. */
  function plugged(device: VirtioMem, blocks: readonly number[]): void {
    const state = device.save();
    const all = state.blocks.slice();
    for (const block of blocks) all[block] = 1;
    device.restore({ ...state, blocks: all });
  }

  it('without slots is enough room', async () => {
    const { done, machine, hmp } = machineRig({ dimms: { slots: 0, maxBytes: 136 * MIB } });
    await done(...MEM);
    expect([machine.memory.isRam(WINDOW, 64 * MIB), await hmp('info memory_size_summary')]).toEqual([
      true,
      `base memory: ${8 * MIB}\nplugged memory: 0\n`,
    ]);
  });

  it('of the command line is there from the start', async () => {
    const { done, machine, hmp } = machineRig({ coldPlug: true });
    machine.completeNuma();
    await done(...MEM, 'device_add virtio-balloon-pci,guest-stats-polling-interval=3');
    machine.devices.machineReady();
    expect(machine.board.ports.read(0xafe0, 1)).toBe(0);
    expect(await hmp('info memory-devices')).toContain(`requested-size: ${16 * MIB}\n`);
    expect(await hmp('qom-get v hotplugged')).toBe('false\n');
    expect(await hmp('qom-get /machine/peripheral-anon/device[0] guest-stats-polling-interval')).toBe('3\n');
    expect(await hmp('device_del v')).toBe('Error: virtio based memory devices cannot be unplugged.\n');
  });

  it('shares the room with DIMMs, and is no memory of a balloon', async () => {
    const { done, machine, hmp, device } = machineRig();
    await done(...MEM, 'object_add memory-backend-ram,id=d,size=32M', 'device_add pc-dimm,memdev=d,id=d');
    await done('device_add virtio-balloon-pci,id=b');
    plugged(device('v'), [0, 1, 2]);
    expect(await hmp('info memory_size_summary')).toBe(
      `base memory: ${8 * MIB}\nplugged memory: ${38 * MIB}\n`,
    );
    expect(await hmp('info balloon')).toBe('balloon: actual=40\n');
    expect(machine.inspect.memory.devices().map(({ addr }) => addr)).toEqual([WINDOW, WINDOW + 64 * MIB]);
    await done('object_add memory-backend-ram,id=e,size=34M');
    expect(await hmp('device_add virtio-mem-pci,memdev=e')).toContain(
      'Error: not enough space, currently 0x6000000',
    );
  });

  it('that fails to be made has taken nothing', async () => {
    const { done, machine, hmp } = machineRig();
    await done('object_add memory-backend-ram,id=m,size=64M', 'device_add virtio-rng-pci,addr=5,id=r');
    for (const more of ['requested-size=3M', 'node=1', 'addr=5', 'memaddr=1']) {
      expect(await hmp(`device_add virtio-mem-pci,id=v,memdev=m,${more}`), more).toMatch(/^Error: /);
      expect(machine.memory.isRam(WINDOW, 1)).toBe(false);
    }
    await done('object_del m');
  });

  it('is unplugged by no user; a guest that ejects its slot loses the memory', async () => {
    const { done, machine, hmp, events, device } = machineRig();
    const used = machine.memory.arena.used;
    await done(...MEM);
    plugged(device('v'), [0]);
    machine.memory.writeU32(WINDOW, 7);
    expect(await hmp('device_del v')).toBe('Error: virtio based memory devices cannot be unplugged.\n');
    expect(await hmp('object_del m')).toBe("Error: object 'm' is in use, can not be deleted\n");
    const slot = 2;
    expect(events()).toEqual([]);
    machine.board.ports.write(0xae08, 4, 1 << slot);
    expect(events().at(-1)).toBe(
      '{"event":"DEVICE_DELETED","data":{"device":"v","path":"/machine/peripheral/v"}}',
    );
    expect([machine.memory.isRam(WINDOW, 1), machine.memory.arena.used]).toEqual([false, used]);
    expect(await hmp('info memory-devices')).toBe('');
    await done('object_del m');
  });

  it('has its blocks taken by a reset, with an event', async () => {
    const { done, machine, events, device, hmp } = machineRig();
    await done(...MEM);
    plugged(device('v'), [0, 5]);
    machine.memory.writeU32(WINDOW, 7);
    events();
    machine.reset();
    expect(events()[0]).toBe(
      '{"event":"MEMORY_DEVICE_SIZE_CHANGE","data":{"size":0,"qom-path":"/machine/peripheral/v","id":"v"}}',
    );
    expect([
      machine.memory.readU32(WINDOW),
      await hmp('qom-get v size'),
      await hmp('qom-get v requested-size'),
    ]).toEqual([0, '0\n', `${16 * MIB}\n`]);
  });

  it('is in a snapshot, with the memory of its plugged blocks', async () => {
    const one = machineRig();
    await one.done(...MEM, 'qom-set v requested-size 32M');
    plugged(one.device('v'), [1, 31]);
    one.machine.memory.writeU32(WINDOW + BLOCK, 0xa);
    one.machine.memory.writeU32(WINDOW + 64 * MIB - 4, 0xb);
    const again = await machineOf(await snapshotBytes(one.machine), host());
    expect(await everything(again)).toEqual(await everything(one.machine));
    const other = watch(again);
    for (const line of [
      'info memory-devices',
      'info memory_size_summary',
      'qom-get v size',
      'qom-get v requested-size',
    ]) {
      expect(await other.hmp(line), line).toBe(await one.hmp(line));
    }
    expect([again.memory.readU32(WINDOW + BLOCK), again.memory.readU32(WINDOW + 64 * MIB - 4)]).toEqual([
      0xa, 0xb,
    ]);
    expect(again.memory.arena.used).toBe(one.machine.memory.arena.used);
    await other.done('qom-set v requested-size 0');
    again.reset();
    expect([await other.hmp('qom-get v size'), again.memory.readU32(WINDOW + BLOCK)]).toEqual(['0\n', 0]);
  });
});
