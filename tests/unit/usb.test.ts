/** USB without a guest: a controller, a hub and input devices by the laws of devices, and a driver that is out to harm them. */
import { describe, expect, it } from 'vitest';
import { record } from '../../src/emu/core/state-fields.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Monitor } from '../../src/emu/index.ts';
import { InputHandlers } from '../../src/emu/input/input-handlers.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciFunctionOf } from '../../src/emu/pci/pci-hardware.ts';
import type { JsonValue } from '../../src/emu/qapi/json-value.ts';
import { Options, parseOptions } from '../../src/emu/qdev/option-string.ts';
import { Qdev } from '../../src/emu/qdev/tree.ts';
import { Uhci } from '../../src/emu/usb/uhci.ts';
import { UsbBus } from '../../src/emu/usb/usb-bus.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceState } from '../../src/emu/usb/usb-device.ts';
import { type HidKind, UsbHid } from '../../src/emu/usb/usb-hid.ts';
import { UsbHub } from '../../src/emu/usb/usb-hub.ts';
import { USB_HUB } from '../../src/emu/usb/usb-hub-type.ts';
import { PID_IN, PID_OUT, PID_SETUP, UsbPacket } from '../../src/emu/usb/usb-packet.ts';
import { UsbHardware } from '../../src/emu/usb/usb-type.ts';
import { fuzz, ManualClock, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { memoryImages } from '../support/headless-guest.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import { pciRig } from '../support/pci-rig.ts';
import { qtestRig } from '../support/qtest-rig.ts';
import { everything, machineOf, snapshotBytes } from '../support/snapshots.ts';
import { disturbControl, quietPort, USB_SETTINGS, usbRequest, usbTestBus } from '../support/usb-rig.ts';

const BASE = 0xc000;
const DEVFN = 0x20;

function controllerRig() {
  const memory = pcMemory(1 << 20);
  const rig = pciRig(memory);
  const wiring = { type: 'piix3-usb-uhci', deviceId: 0x7020, bandwidth: 1280, maxFrames: 128 };
  const controller = new Uhci({ ...wiring, clock: rig.clock, trace: QUIET });
  const bus = usbTestBus();
  controller.connect(bus);
  rig.bus.add(controller, DEVFN, false);
  const open = (): void => {
    rig.configWrite(DEVFN, 0x20, 4, BASE);
    rig.configWrite(DEVFN, 0x04, 2, 5);
  };
  return { ...rig, memory, controller, usb: bus, open };
}

/** A device that keeps each packet until the test says that it is done. */
class KeepingDevice extends UsbDevice<{ readonly usb: UsbDeviceState }> {
  readonly vmstate = { name: 'keeper', version: 1, fields: record({ usb: USB_DEVICE_FIELDS }) };
  readonly kept: UsbPacket[] = [];
  readonly cancelled: UsbPacket[] = [];

  reset(): void {
    this.resetUsb();
  }
  save() {
    return { usb: this.saveUsb() };
  }
  restore({ usb }: { readonly usb: UsbDeviceState }): void {
    this.restoreUsb(usb);
  }
  override cancel(packet: UsbPacket): void {
    this.cancelled.push(packet);
  }
  protected handleData(packet: UsbPacket): 'async' {
    this.kept.push(packet);
    return 'async';
  }
  protected classRequest(): 'stall' {
    return 'stall';
  }
  protected busWasReset(): void {}
}

/** The device is in that port of the controller. */
function plugInto({ usb }: ReturnType<typeof controllerRig>, device: UsbDevice, port: string): Qdev {
  const places = new Map([['usb-port', port]]);
  const request = { options: new Options<JsonValue>([], undefined, false), places };
  const qdev = new Qdev({ type: USB_HUB, hardware: new UsbHardware(device), request });
  usb.plug(qdev);
  return qdev;
}

/** A TD, active and with an interrupt, for endpoint 1 of the device with that address. */
function readTd(memory: GuestMemory, at: number, address: number, bytes: number): void {
  memory.writeU32(at, 1);
  memory.writeU32(at + 4, 0x0180_0000);
  memory.writeU32(at + 8, (((bytes - 1) << 21) | (1 << 15) | (address << 8) | PID_IN) >>> 0);
  memory.writeU32(at + 12, at + 0x100);
}

const controllers = new WeakMap<Uhci, ReturnType<typeof controllerRig>>();
function makeController(): Uhci {
  const rig = controllerRig();
  controllers.set(rig.controller, rig);
  return rig.controller;
}
function rigOf(controller: Uhci): ReturnType<typeof controllerRig> {
  const rig = controllers.get(controller);
  if (rig === undefined) throw new Error('a controller of another rig');
  return rig;
}

deviceContract(
  'uhci',
  makeController,
  (controller) => {
    const { io, memory, time, clock, open } = rigOf(controller);
    open();
    // A TD that is not active, but interrupts, in the frames before those that are empty.
    memory.writeU32(0x1000, 0x2000);
    for (let frame = 1; frame < 16; frame++) memory.writeU32(0x1000 + 4 * frame, 1);
    memory.writeU32(0x2000, 1);
    memory.writeU32(0x2004, 1 << 24);
    io.write(BASE + 8, 4, 0x1000);
    io.write(BASE + 4, 2, 0xf);
    io.write(BASE + 0x0c, 1, 10);
    io.write(BASE + 0x10, 2, 0x1000);
    io.write(BASE, 2, 0xc1);
    for (let frame = 0; frame < 4; frame++) {
      time.ns += 1_000_000;
      clock.runDue();
    }
    const done = { td: 0x3000, token: 0, buffer: 0, status: 'success', actual: 0 } as const;
    controller.restore({ ...controller.save(), donePackets: [{ ...done, data: Uint8Array.of(1) }] });
  },
  (controller) => {
    const { io } = rigOf(controller);
    return [0, 2, 4, 6, 8, 0x0a, 0x0c, 0x10, 0x12].map((register) => io.read(BASE + register, 2));
  },
  ['frnum'],
);

function setup(device: UsbDevice, ...bytes: readonly number[]): string {
  return device.handle(new UsbPacket(PID_SETUP, 0, Uint8Array.from(bytes)));
}

function observed(device: UsbDevice): readonly unknown[] {
  const packet = (endpoint: number): readonly unknown[] => {
    const one = new UsbPacket(PID_IN, endpoint, new Uint8Array(8));
    return [device.handle(one), one.actual, [...one.data]];
  };
  return [device.address, packet(0), packet(0), packet(1), packet(1), packet(1)];
}

const clocks = new WeakMap<UsbHid, ManualClock>();
function makeHid(kind: HidKind): UsbHid {
  const clock = new ManualClock();
  const handlers = new InputHandlers();
  const hid = new UsbHid(kind, USB_SETTINGS, { clock, handlers, reportDescriptor: Uint8Array.of(5, 1) });
  clocks.set(hid, clock);
  return hid;
}

function disturbHid(hid: UsbHid): void {
  hid.event({ type: 'rel', axis: 'x', value: 300 });
  hid.event({ type: 'abs', axis: 'y', value: 77 });
  hid.event({ type: 'btn', button: 'left', down: true });
  hid.event({ type: 'key', key: 'a', down: true });
  hid.event({ type: 'key', key: 'shift', down: true });
  hid.sync();
  hid.handle(new UsbPacket(PID_IN, 1, new Uint8Array(8)));
  usbRequest(hid, 0x21, 0x0b, 0, 0, 0, 0, 0, 0);
  usbRequest(hid, 0x21, 0x0a, 0, 1, 0, 0, 0, 0);
  clocks.get(hid)?.step(5_000_000);
  usbRequest(hid, 0x21, 0x0a, 0, 2, 0, 0, 0, 0);
  disturbControl(hid);
}

for (const kind of ['mouse', 'keyboard'] as const) {
  deviceContract(`usb ${kind}`, () => makeHid(kind), disturbHid, observed);
}

function makeHub(): UsbHub {
  const hub = new UsbHub({ ports: 4, portPower: true }, USB_SETTINGS);
  hub.plugged(quietPort());
  return hub;
}

deviceContract(
  'usb-hub',
  makeHub,
  (hub) => {
    usbRequest(hub, 0x23, 1, 8, 0, 2, 0, 0, 0);
    const [port] = hub.ports;
    if (port === undefined) throw new Error('no port');
    port.device = makeHid('mouse');
    hub.deviceAttached(port);
    port.device = undefined;
    disturbControl(hub);
  },
  observed,
);

describe('a packet that a device keeps', () => {
  function running() {
    const rig = controllerRig();
    rig.open();
    const device = new KeepingDevice(USB_SETTINGS);
    const qdev = plugInto(rig, device, '1');
    for (let frame = 0; frame < 1024; frame++) rig.memory.writeU32(0x1000 + 4 * frame, 0x3000);
    readTd(rig.memory, 0x3000, 0, 8);
    rig.io.write(BASE + 8, 4, 0x1000);
    rig.io.write(BASE + 0x10, 2, 4);
    rig.io.write(BASE, 2, 1);
    const pass = (frames: number): void => {
      for (let frame = 0; frame < frames; frame++) {
        rig.time.ns += 1_000_000;
        rig.clock.runDue();
      }
    };
    return { ...rig, device, qdev, pass, control: () => rig.memory.readU32(0x3004) };
  }

  it('is done in a machine that is restored, when it was done and no frame had come across it', () => {
    const rig = running();
    rig.pass(3);
    expect(rig.device.kept).toHaveLength(1);
    rig.device.kept[0]?.give(Uint8Array.of(7, 8, 9));
    rig.device.kept[0]?.complete('success');
    const other = running();
    const saved = rig.controller.save();
    expect(other.controller.vmstate.fields.misfit(saved)).toBeUndefined();
    other.controller.restore(saved);
    other.time.ns = rig.time.ns;
    other.pass(1);
    expect(other.control() & 0x0080_07ff).toBe(2);
    expect([0x3100, 0x3101, 0x3102].map((at) => other.memory.readU8(at))).toEqual([7, 8, 9]);
    expect(other.device.kept).toEqual([]);
  });

  it('goes with its device, and not with another', () => {
    const rig = running();
    const second = new KeepingDevice(USB_SETTINGS);
    const other = plugInto(rig, second, '2');
    rig.pass(2);
    rig.usb.unplug(other);
    expect(rig.device.cancelled).toEqual([]);
    rig.usb.unplug(rig.qdev);
    expect(rig.device.cancelled).toEqual(rig.device.kept);
    rig.pass(1);
    // Nobody answers at that address.
    expect(rig.control() & 0x00c4_0000).toBe(0x0004_0000);
  });
});

describe('a control transfer', () => {
  it('gives what was asked for in pieces, and no more', () => {
    const mouse = makeHid('mouse');
    expect(setup(mouse, 0x80, 6, 0, 1, 0, 0, 64, 0)).toBe('success');
    const pieces = [0, 1, 2, 3].map(() => {
      const packet = new UsbPacket(PID_IN, 0, new Uint8Array(8));
      return [mouse.handle(packet), packet.actual];
    });
    expect(pieces.map(([, length]) => length)).toEqual([8, 8, 2, 0]);
    expect(pieces[3]?.[0]).toBe('stall');
  });

  it('takes no more data than were announced, and none that were not', () => {
    const keyboard = makeHid('keyboard');
    expect(setup(keyboard, 0x21, 9, 0, 2, 0, 0, 1, 0)).toBe('success');
    expect(keyboard.handle(new UsbPacket(PID_OUT, 0, Uint8Array.of(7, 8, 9)))).toBe('success');
    expect(keyboard.handle(new UsbPacket(PID_IN, 0, new Uint8Array()))).toBe('success');
    expect(keyboard.save().input).toMatchObject({ leds: 7 });
    expect(keyboard.handle(new UsbPacket(PID_OUT, 0, Uint8Array.of(1)))).toBe('stall');
  });

  it('of more than 4096 bytes is refused', () => {
    expect(setup(makeHid('mouse'), 0x80, 6, 0, 1, 0, 0, 1, 0x10)).toBe('stall');
  });
});

describe('idle', () => {
  it('a schedule in which nothing moves is looked at less often, and a register never shows it', () => {
    const { io, memory, time, clock, open } = controllerRig();
    open();
    for (let frame = 0; frame < 1024; frame++) memory.writeU32(0x1000 + 4 * frame, 1);
    io.write(BASE + 8, 4, 0x1000);
    io.write(BASE, 2, 1);
    let looks = 0;
    const seen: number[] = [];
    for (let ms = 1; ms <= 200; ms++) {
      time.ns = ms * 1_000_000;
      if (clock.nextDeadlineNs() <= time.ns) looks++;
      clock.runDue();
      if (ms % 37 === 0) seen.push(io.read(BASE + 6, 2));
    }
    expect(looks).toBeLessThan(64 + 200 / 16 + 8);
    expect(seen).toEqual([37, 74, 111, 148, 185]);
    io.write(BASE, 2, 0);
    time.ns += 1_000_000;
    clock.runDue();
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });
});

/** A machine with a controller and what can be on it. */
async function fullMachine() {
  const rig = qtestRig();
  const monitor = new Monitor({ machine: rig.machine });
  for (const device of [
    ...['piix3-usb-uhci,id=u', 'usb-hub,port=1', 'usb-mouse,port=1.1,id=m', 'usb-kbd,port=1.2,id=k'],
    ...['usb-hub,port=1.8', 'usb-tablet,port=1.8.3,id=t', 'usb-kbd,port=2'],
  ]) {
    expect(await monitor.execute(`device_add ${device}`)).toBe('');
  }
  const qdev = rig.machine.devices.tree.find('u');
  if (qdev === undefined) throw new Error('no controller');
  const controller = pciFunctionOf(qdev);
  controller.configWrite(0x20, 4, BASE);
  controller.configWrite(0x04, 2, 5);
  return { ...rig, monitor, controller };
}

/** All that the machine's devices hold is what their tables allow. */
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
    fuzz(bar.handler, 0x20, full.controller);
    expectSound(full);
  });

  it('gives lists without end: a frame ends all the same', async () => {
    const full = await fullMachine();
    const { machine, ask } = full;
    const { memory } = machine;
    for (let frame = 0; frame < 1024; frame++) memory.writeU32(0x10_0000 + 4 * frame, 0x20_0002);
    // Queues in a ring, the last of which leads to TDs in a ring that succeed for ever.
    for (let queue = 0; queue < 300; queue++) {
      memory.writeU32(0x20_0000 + 16 * queue, 0x20_0002 + 16 * ((queue + 1) % 300));
      memory.writeU32(0x20_0004 + 16 * queue, queue % 7 === 0 ? 0x30_0004 : 1);
    }
    memory.writeU32(0x30_0000, 0x30_0004);
    memory.writeU32(0x30_0004, 0x0180_0000);
    memory.writeU32(0x30_0008, 0xe0_002d);
    for (const [port, value] of [
      [0x10, 0x4],
      [0x12, 0x4],
    ] as const) {
      ask(`outw ${BASE + port} ${value}`);
    }
    ask(`outl ${BASE + 8} 0x100000`);
    ask(`outw ${BASE} 1`);
    const before = performance.now();
    ask('clock_step 1000000000');
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(Number(ask(`inw ${BASE + 6}`))).toBe(1000);
    expectSound(full);
  });

  it('fills memory with transfers at random, while the user types and devices come and go', async () => {
    const full = await fullMachine();
    const { machine, ask, monitor } = full;
    const { memory } = machine;
    const random = seededRandom(7);
    const link = (): number => 0x20_0000 + 16 * random(64) + random(8);
    const pids = [PID_IN, PID_OUT, PID_SETUP, PID_IN, PID_SETUP, PID_OUT, 0x12];
    const requests = [0x80, 0xa3, 0x23, 0x00, 0x21, 0xa1, 0x81, 0xa0];
    ask(`outl ${BASE + 8} 0x100000`);
    for (let round = 0; round < 150; round++) {
      for (let frame = 0; frame < 64; frame++) memory.writeU32(0x10_0000 + 4 * frame, link());
      for (let entry = 0; entry < 64; entry++) {
        const address = 0x20_0000 + 16 * entry;
        memory.writeU32(address, link());
        memory.writeU32(address + 4, random(4) === 0 ? link() : (0x1800_0000 | (random(64) << 23)) >>> 0);
        const pid = pids[random(pids.length)] ?? PID_IN;
        const length = random(3) === 0 ? random(0x800) : 7;
        memory.writeU32(
          address + 8,
          ((length << 21) | (random(3) << 15) | (random(round < 75 ? 1 : 6) << 8) | pid) >>> 0,
        );
        memory.writeU32(address + 12, random(8) === 0 ? 0xffff_fff0 : 0x30_0000 + 8 * random(256));
      }
      for (let at = 0; at < 256; at++) {
        memory.writeU8(0x30_0000 + 8 * at, requests[random(requests.length)] ?? 0);
        memory.writeU8(0x30_0001 + 8 * at, random(12));
        memory.writeU32(0x30_0002 + 8 * at, random(0x1_0000) * (random(2) + 1));
      }
      for (const port of [0x10, 0x12]) ask(`outw ${BASE + port} ${random(4) === 0 ? 0x200 : 0x4}`);
      ask(`outw ${BASE} ${random(9) === 0 ? random(0x100) : 1}`);
      await monitor.execute(`sendkey ${['a', 'shift-b', 'right'][random(3)]} 1`);
      await monitor.execute(`mouse_move ${random(600) - 300} ${random(600) - 300}`);
      if (random(6) === 0) {
        await monitor.execute('device_del t');
        await monitor.execute(`device_add usb-tablet,id=t,port=1.8.${random(8) + 1}`);
      }
      ask(`clock_step ${(1 + random(20)) * 1_000_000}`);
    }
    expectSound(full);
    expect(machine.runState).toBe('running');
  });
});

describe('a snapshot', () => {
  it('has all devices in their ports, with a hub that nobody asked for, in the middle of what they do', async () => {
    const { machine, ask } = qtestRig();
    const monitor = new Monitor({ machine });
    const say = (...lines: readonly string[]) => Promise.all(lines.map((line) => monitor.execute(line)));
    expect(
      await say(
        ...['device_add piix3-usb-uhci,id=u', 'device_add usb-mouse,id=m', 'device_add usb-kbd,id=k'],
        ...['device_add usb-tablet,id=t', 'device_del t', 'sendkey a-b 100', 'mouse_move 4 5'],
      ),
    ).toEqual(new Array(7).fill(''));
    ask('clock_step 20000000');
    machine.stop();
    const before = await say('info usb', 'info qtree', 'qom-list /machine/unattached');
    expect(before[0]).toContain('Port 2, Speed 12 Mb/s, Product QEMU USB Hub\n');
    const saved = await everything(machine);
    const restored = await machineOf(await snapshotBytes(machine), {
      ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    });
    const other = new Monitor({ machine: restored });
    expect(await other.execute('info usb')).toBe(before[0]);
    expect(await other.execute('qom-list /machine/unattached')).toBe(before[2]);
    const sections = (all: Readonly<Record<string, unknown>>) =>
      (all['sections'] as readonly { path: string }[]).filter(({ path }) =>
        /(peripheral\/[umk]|device\[28\])$/.test(path),
      );
    expect(sections(saved)).toHaveLength(4);
    expect(sections(await everything(restored))).toEqual(sections(saved));
    expect(await other.execute('device_add usb-tablet,id=t')).toBe('');
    expect(await other.execute('info usb')).toContain(
      'Port 2.2, Speed 12 Mb/s, Product QEMU USB Tablet, ID: t',
    );
  });
});

describe('a snapshot of somebody else', () => {
  it.each(['1.9', '9', '1.1.1', '', '1.', 'x'])('cannot have a device in port "%s"', async (place) => {
    const { machine } = qtestRig();
    await new Monitor({ machine }).execute('device_add piix3-usb-uhci,id=u');
    const options = parseOptions('usb-mouse,id=m,bus=u.0', 'driver', () => {});
    const restored = { hotplugged: true, unplugRequestedMs: undefined, path: '/machine/peripheral/m' };
    const made = machine.devices.restore(options, { ...restored, places: new Map([['usb-port', place]]) });
    await expect(made).rejects.toThrow(`usb port ${place} (bus u.0) not found (in use?)`);
  });
});

describe('-usb', () => {
  it('gives the board its controller, which a snapshot has, too', async () => {
    const { machine } = qtestRig({ usb: true });
    const text = await new Monitor({ machine }).execute('info pci');
    expect(text).toContain('Bus  0, device   1, function 2:\n    USB controller: PCI device 8086:7020');
    expect(machine.devices.tree.find('/machine/unattached/device[20]')?.type.name).toBe('PIIX4_PM');
    expect(await new Monitor({ machine }).execute('device_add usb-mouse,id=m,bus=usb-bus.0')).toBe('');
    machine.stop();
    const restored = await machineOf(await snapshotBytes(machine), {
      ...{ monotonicNs: () => 0, wallClockMs: () => 0, after() {}, random() {}, images: memoryImages() },
    });
    expect(await new Monitor({ machine: restored }).execute('info usb')).toBe(
      '  Device 0.0, Port 1, Speed 12 Mb/s, Product QEMU USB Mouse, ID: m\n',
    );
  });
});

describe('a serial number', () => {
  it('tells the bridges before the controller, and the ports', async () => {
    const { machine } = await monitorRig({
      devices: [
        'pci-bridge,id=a,chassis_nr=1',
        'pci-bridge,id=b,chassis_nr=2,bus=a,addr=4',
        'piix3-usb-uhci,id=u,bus=b,addr=3',
      ],
    });
    for (const mouse of ['m', 'n', 'o']) {
      await machine.devices.add(parseOptions(`usb-mouse,id=${mouse}`, 'driver', () => {}));
    }
    const texts = UsbBus.all(machine.devices.tree)[0]?.plugged.map(({ device }) => device.serialText);
    expect(texts).toEqual([
      '89126-0000:00:02.0:04.0:03.0-1',
      '314159-0000:00:02.0:04.0:03.0-2',
      '89126-0000:00:02.0:04.0:03.0-2.1',
      '89126-0000:00:02.0:04.0:03.0-2.2',
    ]);
  });
});
