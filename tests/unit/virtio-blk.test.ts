/** virtio-blk-pci as its driver sees it. Register values were read from QEMU 7.2 through qtest. */

import { describe, expect, it } from 'vitest';
import { BlockError } from '../../src/emu/block/block-backend.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { PciHardware } from '../../src/emu/pci/pci-hardware.ts';
import { withDefaults } from '../../src/emu/qdev/properties.ts';
import { Services } from '../../src/emu/qdev/services.ts';
import { Values } from '../../src/emu/qdev/values.ts';
import { VirtioBlk } from '../../src/emu/virtio/virtio-blk.ts';
import { VIRTIO_BLK_DEFAULTS } from '../../src/emu/virtio/virtio-blk-config.ts';
import { VIRTIO_BLK_DEVICE, VIRTIO_BLK_PCI } from '../../src/emu/virtio/virtio-blk-pci-type.ts';
import { checkVirtioPciProperties } from '../../src/emu/virtio/virtio-pci.ts';
import { realizeVirtioPci, virtioPciSettings } from '../../src/emu/virtio/virtio-pci-type.ts';
import { bytesAt } from '../support/memory.ts';
import { configRows, seeded } from '../support/pci-rig.ts';
import { virtioPciContract } from '../support/virtio-contract.ts';
import { settle, TestDisk, virtioRig } from '../support/virtio-driver.ts';
import { LEGACY, MODERN } from '../support/virtio-queues.ts';

const DISK = 64 << 20;
const T_IN = 0;
const T_OUT = 1;
const T_FLUSH = 4;
const T_GET_ID = 8;
const T_DISCARD = 11;
const T_WRITE_ZEROES = 13;
const DATA = 0x20000;

const rig = (properties = {}, options = {}) => {
  const disk = new TestDisk(1 << 20, options);
  for (let i = 0; i < disk.bytes.length; i += 512) disk.bytes.fill((i / 512) & 0xff, i, i + 512);
  return { disk, ...virtioRig(properties, disk) };
};

function powerOn(properties = {}) {
  const { card } = virtioRig(properties, new TestDisk(DISK));
  card.reset();
  return card;
}

describe('config space', () => {
  it('is a transitional device by default', () => {
    expect(configRows(powerOn().config.bytes)).toEqual([
      '00: f4 1a 01 10 00 00 10 00 00 00 00 01 00 00 00 00',
      '10: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 02 00',
      '30: 00 00 00 00 98 00 00 00 00 00 00 00 00 01 00 00',
      '40: 09 00 10 01 04 00 00 00 00 00 00 00 00 10 00 00',
      '50: 09 40 10 03 04 00 00 00 00 10 00 00 00 10 00 00',
      '60: 09 50 10 04 04 00 00 00 00 20 00 00 00 10 00 00',
      '70: 09 60 14 02 04 00 00 00 00 30 00 00 00 10 00 00',
      '80: 04 00 00 00 09 70 14 05 00 00 00 00 00 00 00 00',
      '90: 00 00 00 00 00 00 00 00 11 84 01 00 01 00 00 00',
      'a0: 01 08 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
  it('disable-legacy', () => {
    expect(configRows(powerOn({ disableLegacy: true, vectors: 0 }).config.bytes).slice(0, 3)).toEqual([
      '00: f4 1a 42 10 00 00 10 00 01 00 00 01 00 00 00 00',
      '20: 0c 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '30: 00 00 00 00 84 00 00 00 00 00 00 00 00 01 00 00',
    ]);
  });
  it('disable-modern', () => {
    expect(configRows(powerOn({ disableModern: true }).config.bytes)).toEqual([
      '00: f4 1a 01 10 00 00 10 00 00 00 00 01 00 00 00 00',
      '10: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 02 00',
      '30: 00 00 00 00 40 00 00 00 00 00 00 00 00 01 00 00',
      '40: 11 00 01 00 01 00 00 00 01 08 00 00 00 00 00 00',
    ]);
    const both = { disableLegacy: true, disableModern: true, vectors: 2 };
    expect(checkVirtioPciProperties(both)?.message).toBe(
      'device cannot work as neither modern nor legacy mode is enabled',
    );
  });
});

describe('features and configuration', () => {
  const features = (properties: object) => virtioRig(properties, new TestDisk(DISK)).io.read(LEGACY, 4);
  it.each([
    [{}, 0x79006e54],
    [{ disableModern: true }, 0x71006ed4],
    [{ numQueues: 4 }, 0x79007e54],
    [{ configWce: false, writeCache: false }, 0x79006454],
    [{ discard: false, writeZeroes: false }, 0x79000e54],
    [{ configWce: false }, 0x79006654],
  ])('legacy features with %o', (properties, expected) => {
    expect(features(properties)).toBe(expected);
  });
  it('modern features', () => {
    const { common, mmio } = virtioRig({}, new TestDisk(DISK));
    const words = [0, 1, 2].map((word) => {
      common(0, 4, word);
      return mmio.read(MODERN + 4, 4);
    });
    expect(words).toEqual([0x30006e54, 0x101, 0]);
  });
  const configBytes = (properties: object) => {
    const { mmio } = virtioRig(properties, new TestDisk(DISK));
    return Array.from({ length: 60 }, (_, i) =>
      mmio
        .read(MODERN + 0x2000 + i, 1)
        .toString(16)
        .padStart(2, '0'),
    ).join('');
  };
  it.each([
    [
      {},
      '000002000000000000000000fe0000008200103f00020000000000000000000001000100ffff3f000100000001000000ffff3f000100000001ffffff',
    ],
    [
      { physicalBlockSize: 4096, minIoSize: 4096, optIoSize: 8192 },
      '000002000000000000000000fe0000008200103f00020000030008001000000001000100ffff3f000100000001000000ffff3f000100000001ffffff',
    ],
    [
      { discard: false, writeZeroes: false },
      '000002000000000000000000fe0000008200103f00020000000000000000000001000100ffffffffffffffffffffffffffffffffffffffffffffffff',
    ],
  ])('configuration structure with %o', (properties, expected) => {
    expect(configBytes(properties)).toBe(expected);
  });
});

describe('registers', () => {
  it('common configuration, as QEMU answers it', () => {
    const { common, mmio, deviceStatus, configRead, configWrite, devfn } = virtioRig({}, new TestDisk(DISK));
    const read = (at: number, size: AccessSize) => mmio.read(MODERN + at, size);
    expect([read(0x10, 2), read(0x12, 2), read(0x18, 2), read(0x1a, 2), read(0x1e, 2)]).toEqual([
      0xffff, 1, 256, 0xffff, 0,
    ]);
    common(0x10, 2, 7);
    expect(read(0x10, 2)).toBe(0xffff);
    common(0x10, 2, 1);
    expect(read(0x10, 2)).toBe(1);
    for (const [size, seen] of [
      [1024, 1024],
      [255, 255],
      [512, 512],
      [0, 512],
      [128, 128],
    ] as const) {
      common(0x18, 2, size);
      expect(read(0x18, 2)).toBe(seen);
    }
    common(0x14, 1, 3);
    common(0x08, 4, 1);
    common(0x0c, 4, 1);
    common(0x14, 1, 0x0b);
    common(0x20, 4, 0x123456);
    common(0x24, 4, 1);
    common(0x1c, 2, 1);
    expect([read(0x1c, 2), read(0x20, 4), read(0x24, 4), deviceStatus()]).toEqual([1, 0x123456, 1, 0x4b]);
    common(0x3a, 2, 1);
    expect([read(0x3a, 2), read(0x1c, 2), read(0x18, 2), read(0x20, 4)]).toEqual([0, 0, 256, 0x123456]);
    common(0x14, 1, 0);
    expect([deviceStatus(), read(0x10, 2), read(0x20, 4), read(0x0c, 4)]).toEqual([0, 0xffff, 0, 1]);
    common(0x16, 2, 5);
    expect([read(0x16, 2), read(0x18, 2), read(0x1a, 2), read(0x1e, 2)]).toEqual([5, 0, 0xffff, 5]);
    // The window in config space.
    configWrite(devfn, 0x8c, 4, 0x12);
    configWrite(devfn, 0x90, 4, 2);
    expect(configRead(devfn, 0x94, 2)).toBe(1);
    configWrite(devfn, 0x8c, 4, 0x14);
    configWrite(devfn, 0x90, 4, 1);
    configWrite(devfn, 0x94, 1, 1);
    expect(deviceStatus()).toBe(1);
  });
  it('legacy ports, as QEMU answers them', () => {
    const { io, configRead, configWrite, devfn } = virtioRig({}, new TestDisk(DISK));
    expect([0x00, 0x01, 0x0c, 0x0e, 0x10, 0x12, 0x13].map((at) => io.read(LEGACY + at, 1))).toEqual([
      0x54, 0xff, 0, 0, 0xff, 0, 0,
    ]);
    expect([io.read(LEGACY + 0x0c, 2), io.read(LEGACY + 0x16, 1)]).toEqual([0x100, 2]);
    configWrite(devfn, 0x9a, 2, 0x8000);
    expect([io.read(LEGACY + 0x14, 2), io.read(LEGACY + 0x18, 4)]).toEqual([0xffff, 0x20000]);
    io.write(LEGACY + 0x14, 2, 5);
    expect(io.read(LEGACY + 0x14, 2)).toBe(0xffff);
    configWrite(devfn, 4, 2, 3);
    io.write(LEGACY + 0x12, 1, 3);
    expect(configRead(devfn, 4, 2)).toBe(7);
    io.write(LEGACY + 0x12, 1, 7);
    configWrite(devfn, 4, 2, 3);
    expect(io.read(LEGACY + 0x12, 1)).toBe(3);
    io.write(LEGACY + 4, 4, 0xffffffff);
    expect(io.read(LEGACY + 4, 4)).toBe(0);
    io.write(LEGACY + 8, 4, 0x12);
    expect(io.read(LEGACY + 8, 4)).toBe(0x12);
    io.write(LEGACY + 8, 4, 0);
    expect([io.read(LEGACY + 8, 4), io.read(LEGACY + 0x12, 1)]).toEqual([0, 0]);
  });
});

describe.each([{ sync: true }, { sync: false }])('requests, back end %o', (options) => {
  it('IN reads into scattered buffers and interrupts with the queue vector', async () => {
    const { start, request, memory, used, blkStatus, messages } = rig({}, options);
    start();
    request(T_IN, 3, [
      { gpa: DATA, length: 512, in: true },
      { gpa: DATA + 0x1000, length: 1024, in: true },
    ]);
    await settle();
    expect([blkStatus(), used()]).toEqual([0, { index: 1, last: [0, 1537] }]);
    expect([memory.readU8(DATA), memory.readU8(DATA + 0x1000), memory.readU8(DATA + 0x13ff)]).toEqual([
      3, 4, 5,
    ]);
    expect(messages).toEqual([[0xfee00000, 0x41]]);
  });
  it('OUT writes, and without the write cache flushes before it answers', async () => {
    const { start, request, memory, used, blkStatus, disk, mmio } = rig({}, options);
    start(0x1_0000_0a00n);
    mmio.write(MODERN + 0x2020, 1, 0);
    memory.fill(DATA, 1024, 0x5a);
    request(T_OUT, 2, [{ gpa: DATA, length: 1024, in: false }]);
    await settle();
    expect([blkStatus(), used().last, disk.log.at(-1)]).toEqual([0, [0, 1], 'flush']);
    expect([disk.bytes[1023], disk.bytes[1024], disk.bytes[2047], disk.bytes[2048]]).toEqual([
      1, 0x5a, 0x5a, 4,
    ]);
  });
  it('FLUSH, GET_ID, DISCARD, WRITE_ZEROES and what is not supported', async () => {
    const { start, request, memory, blkStatus, disk } = rig({ serial: 'HOTSLOT-1' }, options);
    start();
    request(T_FLUSH, 0, []);
    await settle();
    expect([blkStatus(), disk.log.at(-1)]).toEqual([0, 'flush']);
    request(T_GET_ID, 0, [{ gpa: DATA, length: 20, in: true }]);
    await settle();
    expect(new TextDecoder().decode(bytesAt(memory, DATA, 10))).toBe('HOTSLOT-1\0');
    const range = async (type: number, sector: number, sectors: number, flags: number, length = 16) => {
      memory.writeU32(DATA, sector);
      memory.writeU32(DATA + 4, 0);
      memory.writeU32(DATA + 8, sectors);
      memory.writeU32(DATA + 12, flags);
      request(type, 0, [{ gpa: DATA, length, in: false }]);
      await settle();
      return blkStatus();
    };
    expect(await range(T_DISCARD, 8, 2, 0)).toBe(0);
    expect(disk.log.at(-1)).toBe('discard 4096 1024');
    expect(await range(T_DISCARD, 8, 2, 1)).toBe(2);
    expect(await range(T_WRITE_ZEROES, 4, 2, 1)).toBe(0);
    expect(disk.log.at(-1)).toBe('zero 2048 1024');
    expect(await range(T_WRITE_ZEROES, 2047, 2, 0)).toBe(1);
    expect(await range(T_WRITE_ZEROES, 0, 2, 2)).toBe(2);
    expect(await range(T_WRITE_ZEROES, 0, 2, 0, 32)).toBe(2);
    request(2, 0, []);
    await settle();
    expect(blkStatus()).toBe(2);
  });
  it('beyond the end, or no whole sectors, is an I/O error and touches nothing', async () => {
    const { start, request, blkStatus, used, deviceStatus } = rig({}, options);
    start();
    for (const [sector, length] of [
      [2047, 1024],
      [0xffffffff, 512],
      [0, 511],
    ] as const) {
      request(T_IN, sector, [{ gpa: DATA, length, in: true }]);
      await settle();
      expect(blkStatus()).toBe(1);
    }
    expect([used().index, deviceStatus()]).toEqual([3, 0x0f]);
  });
});

describe('when the host fails', () => {
  it('the guest gets an I/O error, the machine the reason', async () => {
    const { start, request, blkStatus, errors, disk } = rig();
    start();
    disk.failure = new BlockError('EIO');
    request(T_OUT, 0, [{ gpa: DATA, length: 512, in: false }]);
    await settle();
    expect([blkStatus(), errors]).toEqual([1, ['write EIO']]);
  });

  describe('a request whose error stops the machine', () => {
    const stopped = async (type: number) => {
      const r = rig();
      r.gate.errors.setPolicies({ read: 'stop', write: 'stop' });
      r.start();
      r.disk.failure = new BlockError('EIO');
      const data = { gpa: DATA, length: 512, in: type === T_IN };
      r.request(type, 3, type === T_FLUSH ? [] : [data]);
      await settle();
      expect([r.blkStatus(), r.used().index, r.errors.length]).toEqual([0xee, 0, 1]);
      return r;
    };

    it.each([T_IN, T_OUT, T_FLUSH])('is tried again when time goes on (type %i)', async (type) => {
      const r = await stopped(type);
      r.pass(1);
      await settle();
      expect([r.blkStatus(), r.errors.length]).toEqual([0xee, 2]);
      r.disk.failure = undefined;
      r.pass(1);
      await settle();
      expect([r.blkStatus(), r.used().index]).toEqual([0, 1]);
    });

    it('is nothing that anybody waits for', async () => {
      const r = await stopped(T_OUT);
      await r.gate.drain();
      expect(r.errors).toHaveLength(1);
    });

    it('is forgotten by a reset of the device', async () => {
      const r = await stopped(T_OUT);
      r.common(0x14, 1, 0);
      r.disk.failure = undefined;
      r.pass(1);
      await settle();
      expect([r.blkStatus(), r.errors.length]).toEqual([0xee, 1]);
    });

    it.each([T_IN, T_OUT, T_FLUSH])(
      'goes on in a restored machine, once time does (type %i)',
      async (type) => {
        const first = await stopped(type);
        const saved = structuredClone(first.card.save());
        const second = rig();
        second.memory.write(0, bytesAt(first.memory, 0, 0xa0000));
        second.card.restore(saved);
        await settle();
        expect(second.blkStatus()).toBe(0xee);
        second.pass(1);
        await settle();
        expect([second.blkStatus(), second.used().index]).toEqual([0, 1]);
      },
    );
  });

  it('an error that is ignored is told to the guest as done', async () => {
    const r = rig();
    r.gate.errors.setPolicies({ write: 'ignore' });
    r.start();
    r.disk.failure = new BlockError('EIO');
    r.request(T_OUT, 0, [{ gpa: DATA, length: 512, in: false }]);
    await settle();
    expect([r.blkStatus(), r.errors]).toEqual([0, ['write EIO']]);
  });
  it('a read-only disk says so and refuses writes', async () => {
    const { start, request, blkStatus, io } = rig({}, { readOnly: true });
    expect(io.read(LEGACY, 4) & 0x20).toBe(0x20);
    start();
    request(T_OUT, 0, [{ gpa: DATA, length: 512, in: false }]);
    await settle();
    expect(blkStatus()).toBe(1);
  });
});

describe('what comes too late', () => {
  const late = async (end: (r: ReturnType<typeof rig>) => void) => {
    const r = rig();
    r.disk.held = [];
    r.start();
    r.request(T_IN, 3, [{ gpa: DATA, length: 512, in: true }]);
    await settle();
    expect(r.card.device.save().inFlight).toEqual([[0, 0]]);
    end(r);
    expect(r.card.device.save().inFlight).toEqual([]);
    await r.card.device.quiesce();
    r.disk.release();
    await settle();
    expect([r.memory.readU8(DATA), r.blkStatus(), r.used().index, r.messages]).toEqual([0, 0xee, 0, []]);
  };
  it('after a device reset is dropped', () => late((r) => r.common(0x14, 1, 0)));
  it('after a queue reset is dropped', () => late((r) => r.common(0x3a, 2, 1)));
  it('after a machine reset is dropped', () => late((r) => r.card.reset()));
  it('after an unplug is dropped', () => late((r) => r.bus.remove(r.card)));
});

describe('snapshots', () => {
  it('quiesce waits for requests in flight', async () => {
    const { start, request, card, disk, blkStatus } = rig();
    disk.held = [];
    start();
    request(T_IN, 3, [{ gpa: DATA, length: 512, in: true }]);
    let quiet = false;
    const waiting = card.device.quiesce().then(() => {
      quiet = true;
    });
    await settle();
    expect(quiet).toBe(false);
    disk.release();
    await waiting;
    expect(blkStatus()).toBe(0);
  });
  it('requests in flight are done again by the restored device', async () => {
    const first = rig();
    first.disk.held = [];
    first.start();
    first.request(T_IN, 7, [{ gpa: DATA, length: 512, in: true }]);
    await settle();
    const saved = structuredClone(first.card.save());
    const second = rig();
    second.memory.write(0, bytesAt(first.memory, 0, 0xa0000));
    second.card.restore(saved);
    expect(second.card.save()).toEqual(saved);
    await settle();
    expect([second.memory.readU8(DATA), second.blkStatus(), second.used().last]).toEqual([7, 0, [0, 513]]);
    expect(second.messages).toEqual([[0xfee00000, 0x41]]);
  });
});

describe('interrupts', () => {
  it('INTx# and the ISR status serve a driver without MSI-X', async () => {
    const { start, request, configWrite, devfn, pirqs, mmio } = rig({}, { sync: true });
    start();
    configWrite(devfn, 0x9a, 2, 0);
    request(T_IN, 0, [{ gpa: DATA, length: 512, in: true }]);
    expect(pirqs[1].level).toBe(true);
    expect(mmio.read(MODERN + 0x1000, 1)).toBe(1);
    expect([pirqs[1].level, mmio.read(MODERN + 0x1000, 1)]).toEqual([false, 0]);
  });
  it('NO_INTERRUPT and used_event keep it quiet', () => {
    const { start, request, messages, memory, rings } = rig({}, { sync: true });
    start();
    memory.writeU16(rings.AVAIL, 1);
    request(T_IN, 0, [{ gpa: DATA, length: 512, in: true }]);
    expect(messages).toHaveLength(0);
    start(0x1_2000_0000n);
    memory.writeU16(rings.AVAIL + 4 + 512, 2);
    for (const expected of [1, 1, 2, 2]) {
      request(T_IN, 0, [{ gpa: DATA, length: 512, in: true }]);
      expect(messages).toHaveLength(expected);
    }
    expect(memory.readU16(rings.USED + 4 + 8 * 256)).toBe(4);
  });
  it('a resized disk raises the configuration vector and the generation', () => {
    const { start, gate, messages, mmio } = rig();
    start();
    gate.onResize();
    expect([messages, mmio.read(MODERN + 0x15, 1)]).toEqual([[[0xfee00000, 0x40]], 1]);
  });
});

describe('a hostile guest', () => {
  it.each([1, 2, 3])('cannot break the machine through registers and rings (seed %i)', async (seed) => {
    const { io, mmio, configWrite, configRead, devfn, card, start, kick, memory, rings } = rig(
      { numQueues: 2 },
      { sync: seed === 1 },
    );
    const random = seeded(seed);
    const size = () => ([1, 2, 4] as const)[random() % 3] ?? 1;
    const actions = [
      () => io.write(LEGACY + (random() & 0x7f), size(), random() & (random() & 1 ? 0xff : 0xffffffff)),
      () => io.read(LEGACY + (random() & 0x7f), size()),
      () => mmio.write(MODERN + (random() & 0x303f), size(), random() & (random() & 1 ? 0xff : 0xffffffff)),
      () => mmio.read(MODERN + (random() & 0x3fff), size()),
      () => configWrite(devfn, 0x40 + (random() & 0x7f), size(), random()),
      () => configRead(devfn, random() & 0xff, size()),
      () => memory.writeU32(rings.DESC + (random() & 0x2ffc), random() & 0x3ff03ff),
      () => kick(),
    ];
    for (let i = 0; i < 10_000; i++) {
      if (i % 40 === 0) start(0x1_3000_0000n);
      actions[random() % actions.length]?.();
      if (i % 1000 === 0) await settle();
    }
    await settle();
    expect(structuredClone(card.save())).toEqual(card.save());
    card.reset();
    const { generation, ...fresh } = rig({ numQueues: 2 }).card.save().device;
    expect(card.save().device).toMatchObject(fresh);
    expect(generation).toBe(0);
  });
});

it('realizeVirtioPci builds the device on the way to memory that its card opens and shuts', () => {
  const values = new Values(withDefaults(VIRTIO_BLK_PCI.properties, new Map()));
  let given: unknown;
  const { hardware } = realizeVirtioPci(
    { id: '', path: '/machine/peripheral/d', values, hotplugged: false, services: new Services(), warn() {} },
    {
      type: 'virtio-blk-pci',
      transitionalDeviceId: 0x1001,
      pciClass: 0x0100,
      settings: virtioPciSettings(values, 2),
      device: (dma) => {
        given = dma;
        return new VirtioBlk(VIRTIO_BLK_DEFAULTS, new TestDisk(DISK), {
          memory: dma,
          trace: QUIET,
          clock: new EventQueue(() => 0),
        });
      },
      inner: VIRTIO_BLK_DEVICE,
    },
  );
  if (!(hardware instanceof PciHardware)) throw new Error('no PCI function');
  expect(hardware.function.dma).toBe(given);
});

virtioPciContract('virtio-blk-pci', () => virtioRig({}, new TestDisk(DISK)).card);
