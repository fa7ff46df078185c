/** EHCI without a guest: by the laws of devices, with companions, and with a driver that is out to harm it. */
import { describe, expect, it } from 'vitest';
import { QUIET } from '../../src/emu/core/trace.ts';
import { Monitor } from '../../src/emu/index.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciFunctionOf } from '../../src/emu/pci/pci-hardware.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { Ehci } from '../../src/emu/usb/ehci.ts';
import { UsbBus } from '../../src/emu/usb/usb-bus.ts';
import { UsbBusNumbers } from '../../src/emu/usb/usb-bus-numbers.ts';
import { fuzz, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { pciRig } from '../support/pci-rig.ts';
import { qtestRig } from '../support/qtest-rig.ts';

const BAR = 0xe000_0000;
const DEVFN = 0x20;

function controllerRig() {
  const memory = pcMemory(1 << 20);
  const rig = pciRig(memory);
  const wiring = { type: 'usb-ehci', deviceId: 0x24cd, revision: 0x10, maxFrames: 128, trace: QUIET };
  const controller = new Ehci({ ...wiring, clock: rig.clock });
  const devices = { addForBus() {}, unplug() {} };
  const numbers = new UsbBusNumbers();
  controller.connect(new UsbBus({ numbers, devices, trace: QUIET, path: () => '0000:00:04.0' }));
  rig.bus.add(controller, DEVFN, false);
  const write = (offset: number, value: number): void => rig.memory.write(BAR + offset, 4, value >>> 0);
  return {
    ...{ ...rig, ram: memory, controller, write },
    read: (offset: number): number => rig.memory.read(BAR + offset, 4),
    open(): void {
      rig.configWrite(DEVFN, 0x10, 4, BAR);
      rig.configWrite(DEVFN, 0x04, 2, 6);
    },
    pass(ms: number): void {
      for (let step = 0; step < ms; step++) {
        rig.time.ns += 1_000_000;
        rig.clock.runDue();
      }
    },
  };
}

const rigs = new WeakMap<Ehci, ReturnType<typeof controllerRig>>();
function rigOf(controller: Ehci): ReturnType<typeof controllerRig> {
  const rig = rigs.get(controller);
  if (rig === undefined) throw new Error('a controller of another rig');
  return rig;
}

deviceContract(
  'ehci',
  () => {
    const rig = controllerRig();
    rigs.set(rig.controller, rig);
    return rig.controller;
  },
  (controller) => {
    const { open, write, pass, ram } = rigOf(controller);
    open();
    // A transfer without a device that is passed over, and one whose interrupt waits for its threshold.
    ram.writeU32(0x2000, 0x2002);
    ram.writeU32(0x2004, 1 << 15);
    write(0x28, 0x3f);
    write(0x30, 1);
    write(0x34, 0x1000);
    write(0x38, 0x2000);
    write(0x60, 1);
    write(0x64, 0x1100);
    write(0x2c, 0x10);
    write(0x20, 0xff_0031);
    pass(5);
    write(0x20, 0xff_0071);
    pass(3);
    write(0x24, 0x20);
    write(0x20, 0xff_0071);
    pass(2);
  },
  (controller) => {
    const { read, open } = rigOf(controller);
    open();
    return [0x20, 0x24, 0x28, 0x2c, 0x30, 0x34, 0x38, 0x60, 0x64].map(read);
  },
);

describe('an idle controller', () => {
  it('looks less often at lists in which nothing moves, and a register never shows it', () => {
    const { open, write, read, time, clock, ram } = controllerRig();
    open();
    for (let frame = 0; frame < 1024; frame++) ram.writeU32(0x1000 + 4 * frame, 1);
    write(0x34, 0x1000);
    write(0x20, 0x8_0011);
    let looks = 0;
    const seen: number[] = [];
    for (let ms = 1; ms <= 400; ms++) {
      time.ns = ms * 1_000_000;
      if (clock.nextDeadlineNs() <= time.ns) looks++;
      clock.runDue();
      if (ms % 97 === 0) seen.push(read(0x2c) >>> 3);
    }
    expect(looks).toBeLessThan(64 + 400 / 16 + 8);
    expect(seen).toEqual([97, 194, 291, 388]);
    write(0x20, 0x8_0000);
    time.ns += 2_000_000;
    clock.runDue();
    expect(clock.nextDeadlineNs()).toBe(Number.POSITIVE_INFINITY);
  });
});

/** A machine with a controller, its companion, and what can be on them. */
async function fullMachine() {
  const rig = qtestRig();
  const { devices } = rig.machine;
  const monitor = new Monitor({ machine: rig.machine });
  const restored = { hotplugged: false, unplugRequestedMs: undefined, path: '' };
  for (const [at, device] of [
    'ich9-usb-ehci1,id=e,addr=1d.7,multifunction=on',
    'ich9-usb-uhci1,id=c,addr=1d.0,masterbus=e.0,multifunction=on',
  ].entries()) {
    const path = `/machine/peripheral/${'ec'[at]}`;
    await devices.restore(
      parseOptions(device, 'driver', () => {}),
      { ...restored, path, places: new Map() },
    );
  }
  for (const device of ['usb-hub,port=1', 'usb-mouse,port=1.1', 'usb-kbd,port=2', 'usb-tablet,port=3,id=t']) {
    expect(await monitor.execute(`device_add ${device}`)).toBe('');
  }
  const [ehci, uhci] = ['e', 'c'].map((id) => {
    const qdev = devices.tree.find(id);
    if (qdev === undefined) throw new Error(`no ${id}`);
    return pciFunctionOf(qdev);
  });
  if (ehci === undefined || uhci === undefined) throw new Error('no controllers');
  ehci.configWrite(0x10, 4, BAR);
  ehci.configWrite(0x04, 2, 6);
  uhci.configWrite(0x20, 4, 0xc000);
  uhci.configWrite(0x04, 2, 5);
  return { ...rig, monitor, ehci };
}

function expectSound({ machine }: Awaited<ReturnType<typeof fullMachine>>): void {
  for (const { hardware } of machine.devices.tree.devices()) {
    for (const section of hardware.sections) {
      expect(section.vmstate.fields.misfit(section.save()), section.vmstate.name).toBeUndefined();
    }
  }
}

describe('a companion', () => {
  it('has the ports until the driver takes them, and those that it is given', async () => {
    const { ask } = await fullMachine();
    const ports = () => [0xc010, 0xc012].map((port) => Number(ask(`inw ${port}`)) & 3);
    const own = () => [0x64, 0x68].map((port) => Number(ask(`readl ${BAR + port}`)) & 0x2003);
    expect([ports(), own()]).toEqual([
      [3, 3],
      [0x2000, 0x2000],
    ]);
    ask('outw 0xc010 2');
    ask(`writel ${BAR + 0x60} 1`);
    expect([ports(), own()]).toEqual([
      [2, 2],
      [3, 3],
    ]);
    // The hub is too slow for EHCI: a reset does not enable its port, and the driver hands it over.
    ask(`writel ${BAR + 0x64} 0x1100`);
    ask(`writel ${BAR + 0x64} 0x1000`);
    expect(Number(ask(`readl ${BAR + 0x64}`)) & 4).toBe(0);
    ask(`writel ${BAR + 0x64} 0x3000`);
    expect([ports()[0], own()[0]]).toEqual([3, 0x2002]);
  });
});

describe('a hostile driver', () => {
  it('writes registers at random', async () => {
    const full = await fullMachine();
    const [bar] = full.ehci.bars;
    if (bar === undefined) throw new Error('no BAR');
    fuzz(bar.handler, 0x90, full.ehci);
    expectSound(full);
  });

  it('fills memory with queues and transfers at random, while devices come and go', async () => {
    const full = await fullMachine();
    const { machine, ask, monitor } = full;
    const { memory } = machine;
    const random = seededRandom(13);
    const pick = <T>(all: readonly T[]): T => all[random(all.length)] as T;
    const link = (): number => 0x20_0000 + 0x40 * random(64) + pick([2, 2, 2, 0, 4, 6, 1]);
    const requests = [0x80, 0xa3, 0x23, 0x00, 0x21, 0xa1, 0x81, 0xa0];
    for (let round = 0; round < 100; round++) {
      for (let frame = 0; frame < 64; frame++) memory.writeU32(0x10_0000 + 4 * frame, link());
      for (let entry = 0; entry < 64; entry++) {
        const at = 0x20_0000 + 0x40 * entry;
        memory.writeU32(at, link());
        memory.writeU32(at + 4, (random(2) << 15) | (2 << 12) | (random(3) << 8) | random(3));
        for (const offset of [0xc, 0x10, 0x14]) memory.writeU32(at + offset, link());
        const length = pick([0, 8, 8, 64, random(0x8000)]);
        memory.writeU32(at + 8, (length << 16) | (random(0x100) << 8) | pick([0x80, 0x80, 0, 0xc0]));
        memory.writeU32(at + 0x18, random(4) === 0 ? random(2 ** 32) : 0);
        for (let page = 0; page < 5; page++) {
          const address = random(8) === 0 ? 0xffff_fff0 : 0x30_0000 + 8 * random(256);
          memory.writeU32(at + 0x1c + 4 * page, address);
        }
      }
      for (let at = 0; at < 256; at++) {
        memory.writeU8(0x30_0000 + 8 * at, pick(requests));
        memory.writeU8(0x30_0001 + 8 * at, random(12));
        memory.writeU32(0x30_0002 + 8 * at, random(0x1_0000) * (random(2) + 1));
      }
      for (const [offset, value] of [
        ...[[0x34, 0x10_0000] as const, [0x38, link() & ~0x1f] as const, [0x60, 1] as const],
        ...[[0x64 + 4 * random(3), pick([0x1100, 0x1000, 0x3000, 0x1004, random(2 ** 32)])] as const],
        ...[[0x20, random(9) === 0 ? random(0x1_0000) : 0x8_0031] as const, [0x24, 0x3f] as const],
      ]) {
        ask(`writel ${BAR + offset} ${value}`);
      }
      await monitor.execute(`sendkey ${pick(['a', 'shift-b', 'right'])} 1`);
      await monitor.execute(`mouse_move ${random(600) - 300} ${random(600) - 300}`);
      if (random(6) === 0) {
        await monitor.execute('device_del t');
        await monitor.execute(`device_add usb-tablet,id=t,port=${pick([3, 4, 5, 6])}`);
      }
      ask(`clock_step ${(1 + random(20)) * 1_000_000}`);
    }
    expectSound(full);
    expect(machine.runState).toBe('running');
  });
});
