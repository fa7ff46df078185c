/** xHCI without a guest: by the laws of devices, and with a driver that is out to harm it. */
import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Monitor } from '../../src/emu/index.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciFunctionOf } from '../../src/emu/pci/pci-hardware.ts';
import { UsbBus } from '../../src/emu/usb/usb-bus.ts';
import { UsbBusNumbers } from '../../src/emu/usb/usb-bus-numbers.ts';
import type { UsbDevice } from '../../src/emu/usb/usb-device.ts';
import type { UsbPacket, UsbStatus } from '../../src/emu/usb/usb-packet.ts';
import type { UsbPort } from '../../src/emu/usb/usb-port.ts';
import { SPEED_SUPER } from '../../src/emu/usb/usb-speed.ts';
import { Xhci } from '../../src/emu/usb/xhci.ts';
import { fuzz, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { pciRig } from '../support/pci-rig.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';

const BAR = 0xe000_0000;
const DEVFN = 0x20;
const EVENTS = 0x3000;
const SEGMENTS = 0x3800;
const COMMANDS = 0x2000;
const CONTEXTS = 0x1000;
const INPUT = 0x5000;
const RINGS = 0x8000;

const WIRING = {
  ...{ type: 'nec-usb-xhci', vendorId: 0x1033, deviceId: 0x0194, revision: 3, trace: QUIET },
  ...{
    usb2: 2,
    usb3: 2,
    slots: 4,
    interrupters: 2,
    hasMsi: true,
    hasMsix: true,
    isNec: true,
    hasStreams: true,
  },
};

/** A device whose answers a test chooses. */
class TestDevice {
  readonly packets: UsbPacket[] = [];
  readonly cancelled: UsbPacket[] = [];
  status: UsbStatus = 'async';
  speed = SPEED_SUPER;
  port: UsbPort | undefined;

  busReset(): void {}

  request(): Uint8Array {
    return new Uint8Array(8).fill(1);
  }

  handle(packet: UsbPacket): UsbStatus {
    this.packets.push(packet);
    packet.status = this.status;
    return this.status;
  }

  cancel(packet: UsbPacket): void {
    this.cancelled.push(packet);
  }
}

function controllerRig() {
  const memory = pcMemory(1 << 20);
  const rig = pciRig(memory);
  const controller = new Xhci({ ...WIRING, clock: rig.clock });
  const device = new TestDevice();
  const devices = { addForBus() {}, unplug() {} };
  const numbers = new UsbBusNumbers();
  const bus = new UsbBus({ numbers, devices, trace: QUIET, path: () => '0000:00:04.0' });
  // The one device is in the first port.
  bus.deviceAt = (path) => (path === '1' ? (device as unknown as UsbDevice) : undefined);
  controller.connect(bus);
  rig.bus.add(controller, DEVFN, false);
  const word = (address: number, ...values: readonly number[]): void => {
    for (const [at, value] of values.entries()) memory.writeU32(address + 4 * at, value >>> 0);
  };
  const write = (offset: number, value: number): void => rig.memory.write(BAR + offset, 4, value >>> 0);
  const read = (offset: number): number => rig.memory.read(BAR + offset, 4);
  let commands = 0;
  return {
    ...{ ...rig, ram: memory, controller, device, word, write, read },
    open(): void {
      rig.configWrite(DEVFN, 0x10, 4, BAR);
      rig.configWrite(DEVFN, 0x04, 2, 6);
    },
    start(): void {
      word(SEGMENTS, EVENTS, 0, 128);
      write(0x78, 4);
      write(0x70, CONTEXTS);
      write(0x58, COMMANDS | 1);
      write(0x5c, 0);
      write(0x1028, 1);
      write(0x1038, EVENTS);
      write(0x1030, SEGMENTS);
      write(0x1034, 0);
      write(0x1020, 2);
      write(0x40, 5);
    },
    command(type: number, low: number, control: number): void {
      word(COMMANDS + 16 * commands++, low, 0, 0, control | (type << 10) | 1);
      write(0x2000, 0);
    },
    /** The device in slot 1, with an endpoint of the type. @param more the first word of its context */
    configure(endpoint: number, type: number, more = 0): void {
      this.command(9, 0, 0);
      word(CONTEXTS + 8, 0x6000, 0);
      word(INPUT, 0, 3);
      word(INPUT + 0x20, 1 << 27, 1 << 16, 0, 0);
      word(INPUT + 0x40, 0, (64 << 16) | (4 << 3), RINGS | 1, 0);
      this.command(11, INPUT, 1 << 24);
      word(INPUT, 0, 1 | (1 << endpoint));
      word(INPUT + 0x20 * (endpoint + 1), more, (64 << 16) | (type << 3), (RINGS + 0x400) | 1, 0);
      this.command(12, INPUT, 1 << 24);
    },
    /** Codes of completion of the events that came, with their type. */
    events(): (readonly [type: number, code: number])[] {
      const all: [number, number][] = [];
      for (let at = EVENTS; (memory.readU32(at + 12) & 1) !== 0; at += 16) {
        all.push([(memory.readU32(at + 12) >>> 10) & 0x3f, memory.readU32(at + 8) >>> 24]);
      }
      return all;
    },
  };
}

const rigs = new WeakMap<Xhci, ReturnType<typeof controllerRig>>();
function rigOf(controller: Xhci): ReturnType<typeof controllerRig> {
  const rig = rigs.get(controller);
  if (rig === undefined) throw new Error('a controller of another rig');
  return rig;
}

deviceContract(
  'xhci',
  () => {
    const rig = controllerRig();
    rig.controller.reset();
    rigs.set(rig.controller, rig);
    return rig.controller;
  },
  (controller) => {
    const rig = rigOf(controller);
    rig.open();
    rig.time.ns += 1_000_000;
    rig.start();
    rig.configWrite(DEVFN, 0x92, 2, 0x8000);
    rig.write(0x300c, 0);
    rig.write(0x54, 3);
    rig.write(0x480, 0x2_0000);
    rig.write(0x440, 0x0e00_0000);
    // A transfer that the device keeps.
    rig.configure(3, 6);
    rig.word(RINGS + 0x400, 0x7000, 0, 64, (1 << 10) | 0x21);
    rig.write(0x2004, 3);
  },
  (controller) => {
    const { read, open } = rigOf(controller);
    open();
    const offsets = [0x40, 0x44, 0x54, 0x58, 0x70, 0x78, 0x440, 0x450, 0x480, 0x1020, 0x1028, 0x1030, 0x1038];
    return offsets.map(read);
  },
  ['mfindexStartNs'],
);

describe('a transfer that a device keeps', () => {
  const NORMAL = (1 << 10) | 0x21;

  it('ends when the device is done with it, and the next one begins', () => {
    const rig = controllerRig();
    rig.open();
    rig.start();
    rig.configure(3, 6);
    rig.word(RINGS + 0x400, 0x7000, 0, 64, NORMAL, 0x7100, 0, 64, NORMAL);
    rig.write(0x2004, 3);
    expect(rig.device.packets).toHaveLength(1);
    const [packet] = rig.device.packets;
    packet?.give(Uint8Array.of(1, 2, 3));
    packet?.complete('success');
    expect(rig.device.packets).toHaveLength(2);
    expect(rig.ram.readU32(0x7000)).toBe(0x30201);
    expect(rig.events().at(-1)).toEqual([32, 13]);
    rig.device.packets[1]?.complete('stall');
    expect(rig.events().at(-1)).toEqual([32, 6]);
    // The endpoint is halted: its doorbell does nothing.
    rig.write(0x2004, 3);
    expect(rig.device.packets).toHaveLength(2);
  });

  it('is taken back when the endpoint stops, and begun again by a restored controller', () => {
    const rig = controllerRig();
    rig.open();
    rig.start();
    rig.configure(3, 6);
    rig.word(RINGS + 0x400, 0x7000, 0, 64, NORMAL);
    rig.write(0x2004, 3);
    const saved = structuredClone(rig.controller.save());
    rig.command(15, 0, (3 << 16) | (1 << 24));
    expect(rig.device.cancelled).toEqual(rig.device.packets);
    expect(rig.events().slice(-2)).toEqual([
      [32, 26],
      [33, 1],
    ]);
    rig.controller.restore(saved);
    expect(rig.device.packets).toHaveLength(1);
    rig.clock.runDue();
    expect(rig.device.packets).toHaveLength(2);
    rig.device.packets[1]?.complete('success');
    expect(rig.ram.readU32(0x6000 + 0x60 + 8)).toBe(RINGS + 0x410 + 1);
  });

  it('is babble or an error: the endpoint halts at it', () => {
    for (const [status, code] of [
      ['babble', 3],
      ['io-error', 4],
      ['no-device', 4],
    ] as const) {
      const rig = controllerRig();
      rig.device.status = status;
      rig.open();
      rig.start();
      rig.configure(3, 6);
      rig.word(RINGS + 0x400, 0x7000, 0, 64, NORMAL);
      rig.write(0x2004, 3);
      expect(rig.events().at(-1)).toEqual([32, code]);
      expect(rig.ram.readU32(0x6000 + 0x60) & 7).toBe(2);
      expect(rig.ram.readU32(0x6000 + 0x68)).toBe(RINGS + 0x400 + 1);
    }
  });

  it('of another stream does not wait for it; packets tell their stream', () => {
    const rig = controllerRig();
    rig.open();
    rig.start();
    rig.configure(3, 6, (1 << 10) | (1 << 15));
    for (const stream of [1, 2]) {
      rig.word(RINGS + 0x400 + 16 * stream, (RINGS + 0x400 * (stream + 1)) | 3, 0);
      rig.word(RINGS + 0x400 * (stream + 1), 0x7000, 0, 64, NORMAL);
      rig.write(0x2004, 3 | (stream << 16));
    }
    expect(rig.device.packets.map(({ stream }) => stream)).toEqual([1, 2]);
    const saved = rig.controller.save();
    rig.controller.restore(saved);
    rig.clock.runDue();
    expect(rig.device.packets.map(({ stream }) => stream)).toEqual([1, 2, 1, 2]);
  });

  it('waits for others when too much is under way', () => {
    const rig = controllerRig();
    rig.open();
    rig.start();
    rig.configure(3, 6, (3 << 10) | (1 << 15));
    // Sixteen rings of 16 MiB less a little each: as many as have room in 64 MiB are with the device.
    for (let stream = 1; stream < 16; stream++) {
      const ring = 0x2_0000 + 0x1000 * stream;
      rig.word(RINGS + 0x400 + 16 * stream, ring | 3, 0);
      for (let trb = 0; trb < 127; trb++) {
        rig.word(ring + 16 * trb, 0x7000, 0, 0x1_ffff, trb === 126 ? NORMAL : NORMAL | 0x10);
      }
      rig.write(0x2004, 3 | (stream << 16));
      for (let turn = 0; turn < 20; turn++) {
        rig.time.ns += 250_000;
        rig.clock.runDue();
      }
    }
    expect(rig.device.packets).toHaveLength(4);
    rig.device.packets[0]?.complete('success');
    for (let turn = 0; turn < 40; turn++) {
      rig.time.ns += 250_000;
      rig.clock.runDue();
    }
    expect(rig.device.packets).toHaveLength(5);
  });
});

describe('an idle controller', () => {
  it('has no deadline while devices have nothing to say', async () => {
    const { machine, ask } = qtestRig();
    const monitor = new Monitor({ machine });
    for (const device of ['qemu-xhci,id=u', 'usb-mouse', 'usb-kbd', 'usb-hub']) {
      expect(await monitor.execute(`device_add ${device}`)).toBe('');
    }
    const before = machine.clock.nextDeadlineNs();
    ask('outl 0xcf8 0x80001010');
    ask(`outl 0xcfc ${BAR}`);
    ask('outl 0xcf8 0x80001004');
    ask('outw 0xcfc 6');
    ask(`writel ${BAR + 0x40} 5`);
    expect(machine.clock.nextDeadlineNs()).toBe(before);
  });
});

/** A machine with a controller and what can be on it. */
async function fullMachine() {
  const rig = qtestRig();
  const monitor = new Monitor({ machine: rig.machine });
  for (const device of [
    ...['nec-usb-xhci,id=u', 'usb-hub,port=1', 'usb-mouse,port=1.1,id=m', 'usb-kbd,port=1.2,id=k'],
    ...['usb-tablet,port=2,id=t', 'usb-kbd,port=3'],
  ]) {
    expect(await monitor.execute(`device_add ${device}`)).toBe('');
  }
  const qdev = rig.machine.devices.tree.find('u');
  if (qdev === undefined) throw new Error('no controller');
  const controller = pciFunctionOf(qdev);
  controller.configWrite(0x10, 4, BAR);
  controller.configWrite(0x04, 2, 6);
  return { ...rig, monitor, controller };
}

function expectSound({ machine }: Awaited<ReturnType<typeof fullMachine>>): void {
  for (const { hardware } of machine.devices.tree.devices()) {
    for (const section of hardware.sections) {
      expect(section.vmstate.fields.misfit(section.save()), section.vmstate.name).toBeUndefined();
    }
  }
}

describe('a hostile driver', () => {
  it('writes registers at random', async () => {
    const full = await fullMachine();
    const [bar] = full.controller.bars;
    if (bar === undefined) throw new Error('no BAR');
    fuzz(bar.handler, 0x4000, full.controller);
    expectSound(full);
  });

  it('gives rings that lead to themselves: a doorbell ends all the same', async () => {
    const full = await fullMachine();
    const { machine, ask } = full;
    const { memory } = machine;
    // Commands without end, each of which does nothing; links to links; the events are where the commands are.
    for (let at = 0; at < 255; at++) memory.writeU32(0x10_000c + 16 * at, (23 << 10) | 1);
    memory.writeU32(0x10_0ff0, 0x10_0000);
    memory.writeU32(0x10_0ffc, (6 << 10) | 1);
    memory.writeU32(0x11_0000, 0x12_0000);
    memory.writeU32(0x11_0008, 64);
    for (const [offset, value] of [
      ...[[0x58, 0x10_0001] as const, [0x5c, 0] as const, [0x1028, 1] as const, [0x1038, 0x12_0000] as const],
      ...[[0x1030, 0x11_0000] as const, [0x1034, 0] as const, [0x40, 5] as const, [0x2000, 0] as const],
    ]) {
      ask(`writel ${BAR + offset} ${value}`);
    }
    ask('clock_step 100000000');
    memory.writeU32(0x10_0000, 0x10_0000);
    memory.writeU32(0x10_000c, (6 << 10) | 1);
    ask(`writel ${BAR + 0x2000} 0`);
    ask('clock_step 100000000');
    expectSound(full);
  });

  it('fills memory with commands and transfers at random, while devices come and go', async () => {
    const full = await fullMachine();
    const { machine, ask, monitor } = full;
    const { memory } = machine;
    const random = seededRandom(11);
    const pick = <T>(all: readonly T[]): T => all[random(all.length)] as T;
    const place = (): number => 0x10_0000 + 0x400 * random(64);
    const types = [9, 10, 11, 11, 11, 12, 12, 13, 14, 15, 16, 17, 21, 23, 1, 1, 2, 3, 4, 5, 6, 7, 0];
    const trb = (address: number): void => {
      const type = pick(types);
      memory.writeU32(address, random(3) === 0 ? random(2 ** 32) : place());
      memory.writeU32(address + 4, random(20) === 0 ? random(2 ** 32) : random(4) === 0 ? 0x12_0000 : 0);
      memory.writeU32(address + 8, random(5) === 0 ? random(2 ** 32) : 8);
      const flags = random(0x200) & 0x1f7;
      memory.writeU32(address + 12, ((1 + random(3)) << 24) | (random(6) << 16) | (type << 10) | flags | 1);
    };
    for (let round = 0; round < 60; round++) {
      for (let entry = 0; entry < 300; entry++) trb(0x10_0000 + 16 * random(4096));
      for (let context = 0; context < 24; context++) {
        const at = place();
        memory.writeU32(at, 0);
        memory.writeU32(at + 4, pick([3, 3, 1 | (1 << (2 + random(6)))]));
        memory.writeU32(at + 0x24, (1 + random(9)) << 16);
        for (let endpoint = 1; endpoint < 8; endpoint++) {
          const words = at + 0x20 * (endpoint + 1);
          memory.writeU32(words, random(2 ** 32));
          memory.writeU32(words + 4, (8 << 16) | (random(8) << 3));
          memory.writeU32(words + 8, place() | 1);
          memory.writeU32(words + 12, 0);
        }
      }
      for (let slot = 0; slot < 4; slot++) memory.writeU32(0x11_8008 + 8 * slot, place());
      memory.writeU32(0x11_0000, 0x12_0000);
      memory.writeU32(0x11_0008, 16 + random(64));
      for (const [offset, value] of [
        ...[[0x70, 0x11_8000] as const, [0x58, place() | 1] as const, [0x5c, 0] as const],
        ...[[0x1028, 1] as const, [0x1038, 0x12_0008] as const, [0x1030, 0x11_0000] as const],
        ...[[0x1034, 0] as const, [0x40, random(20) === 0 ? random(0x1000) : 5] as const],
        ...[[0x440 + 16 * random(8), pick([0x10, 0x8000_0000, random(2 ** 32)])] as const],
      ]) {
        ask(`writel ${BAR + offset} ${value}`);
      }
      for (let ring = 0; ring < 12; ring++) {
        const slot = random(4);
        ask(`writel ${BAR + 0x2000 + 4 * slot} ${slot === 0 ? 0 : (1 + random(8)) | (random(5) << 16)}`);
      }
      await monitor.execute(`sendkey ${pick(['a', 'shift-b', 'right'])} 1`);
      await monitor.execute(`mouse_move ${random(600) - 300} ${random(600) - 300}`);
      if (random(6) === 0) {
        await monitor.execute('device_del t');
        await monitor.execute(`device_add usb-tablet,id=t,port=${pick(['2', '1.3', '4'])}`);
      }
      ask(`clock_step ${(1 + random(20)) * 1_000_000}`);
    }
    expectSound(full);
    expect(machine.runState).toBe('running');
    // What is left of it can be saved, and goes on.
    machine.stop();
    const restored = await machineOf(await snapshotBytes(machine), {
      ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    });
    const sections = async (one: typeof machine) =>
      ((await everything(one))['sections'] as readonly { path: string }[]).filter(({ path }) =>
        path.endsWith('peripheral/u'),
      );
    expect(await sections(restored)).toEqual(await sections(machine));
  });
});
