/** PCI bridges without a processor: contract, hostile drivers, wires, messages. What QEMU answers to a driver is in tests/golden/pci. */
import { describe, expect, it } from 'vitest';
import { FlatView } from '../../src/emu/bus/flat-view.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { I82801b11 } from '../../src/emu/pci/i82801b11.ts';
import { Msi } from '../../src/emu/pci/msi.ts';
import { Msix } from '../../src/emu/pci/msix.ts';
import { PciBridgeDev } from '../../src/emu/pci/pci-bridge-dev.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { pciBusInfo } from '../../src/emu/pci/pci-info.ts';
import { fuzz, seededRandom } from '../support/chip-rig.ts';
import { deviceContract } from '../support/device-contract.ts';
import { pciRig } from '../support/pci-rig.ts';
import { TestFunction } from '../support/test-function.ts';

const PROPERTIES = { chassis: 1, hasShpc: true, hasMsi: true };
const WINDOWS = 0x20;
const CONTROL = 0x3e;

function bridge(): PciBridgeDev {
  return new PciBridgeDev(PROPERTIES, QUIET);
}

deviceContract(
  'pci-bridge',
  bridge,
  (dev) => {
    dev.configWrite(0x10, 4, 0xfe00_0000);
    dev.configWrite(0x18, 4, 0x0002_0100);
    dev.configWrite(WINDOWS, 4, 0xfb00_fb00);
    dev.configWrite(0x04, 2, 6);
    dev.shpc?.write(0x20, 4, 0);
    dev.shpc?.inserted(3);
    dev.shpc?.write(0x27 + 8, 1, 0);
  },
  (dev) => [dev.configRead(0x18, 4), dev.shpc?.read(0x2c, 4), dev.configRead(0x06, 2)],
);

deviceContract(
  'i82801b11-bridge',
  () => new I82801b11(),
  (dev) => dev.configWrite(0x18, 4, 0x0002_0100),
  (dev) => dev.configRead(0x18, 4),
);

describe('a bridge', () => {
  /** Root bus, a bridge at slot 4, another one behind it at slot 1, a card behind that at slot 2. */
  function nested() {
    const rig = pciRig();
    const [outer, inner] = [bridge(), new I82801b11()];
    const card = new TestFunction();
    rig.bus.add(outer, pciDevfn(4, 0));
    outer.secondary.add(inner, pciDevfn(1, 0));
    inner.secondary.add(card, pciDevfn(2, 0));
    outer.configWrite(0x18, 4, 0x0002_0100);
    inner.configWrite(0x18, 4, 0x0002_0201);
    return { ...rig, outer, inner, card };
  }

  it('leads an interrupt pin to the wire of the board that each slot on the way shifts it to', () => {
    const { card, pirqs } = nested();
    card.setIntx(true);
    // INTA# of slot 2 is INTC# of slot 1, which is INTD# of slot 4, which is PIRQC#.
    expect(pirqs.map(({ level }) => level)).toEqual([false, false, true, false]);
    card.setIntx(false);
    expect(pirqs.some(({ level }) => level)).toBe(false);
  });

  it('leaves no wire high and no window open when it goes with what is behind it', () => {
    const { bus, outer, inner, card, pirqs, memory } = nested();
    for (const one of [outer, inner]) {
      one.configWrite(WINDOWS, 4, 0xfb00_fb00);
      one.configWrite(0x04, 2, 7);
    }
    card.configWrite(0x10, 4, 0xfb00_0000);
    card.configWrite(0x04, 2, 2);
    card.setIntx(true);
    expect(memory.read(0xfb00_0000, 4)).toBe(TestFunction.VALUE);
    inner.secondary.remove(card);
    outer.secondary.remove(inner);
    bus.remove(outer);
    expect(pirqs.some(({ level }) => level)).toBe(false);
    expect(memory.list()).toEqual([]);
    expect(bus.find(2)).toBeUndefined();
  });

  it('passes messages on', () => {
    const { card, messages } = nested();
    card.configWrite(0x04, 2, 4);
    card.sendMsi(0xfee0_0000, 0x41);
    expect(messages).toEqual([[0xfee0_0000, 0x41]]);
  });

  it('has its bus reset by its driver once, when the bit is set', () => {
    const { outer } = nested();
    let resets = 0;
    outer.behind = { occupied: () => false, eject() {}, resetDevices: () => void resets++ };
    for (const value of [0x40, 0x42, 0x02, 0x40]) outer.configWrite(CONTROL, 2, value);
    expect(resets).toBe(2);
  });

  it('finds its way with numbers that lead in circles', () => {
    const { bus, outer, inner } = nested();
    outer.configWrite(0x18, 4, 0x00ff_0000);
    inner.configWrite(0x18, 4, 0x00ff_0001);
    for (let number = 0; number < 256; number++) bus.find(number);
    expect(bus.find(0)).toBe(bus);
  });

  it('a driver writes anything to its registers', () => {
    const dev = bridge();
    const { shpc } = dev;
    if (shpc === undefined) throw new Error('no controller');
    dev.behind = { occupied: (slot) => slot % 2 === 0, eject() {}, resetDevices() {} };
    fuzz(shpc, 0x100, dev);
    const config = {
      read: (offset: number, size: 1 | 2 | 4) => dev.configRead(offset, size),
      write: (offset: number, size: 1 | 2 | 4, value: number) => dev.configWrite(offset, size, value),
    };
    fuzz(config, 0x100, dev);
  });
});

describe('messages of a function', () => {
  function card(vectors: number, isMaskable: boolean) {
    const rig = pciRig();
    const device = new TestFunction();
    const msi = new Msi(device, { offset: 0x50, vectors, is64Bit: false, isMaskable });
    rig.bus.add(device, pciDevfn(3, 0));
    const write = (offset: number, size: 1 | 2 | 4, value: number): void => {
      device.configWrite(offset, size, value);
      msi.configChanged(offset, size);
    };
    write(0x04, 2, 4);
    write(0x54, 4, 0xfee0_1000);
    write(0x58, 2, 0x4f);
    return { ...rig, device, msi, write };
  }

  it('go nowhere until they are enabled, and say which they are in the low bits of the data', () => {
    const { msi, write, messages } = card(4, false);
    msi.notify(1);
    expect(messages).toEqual([]);
    write(0x52, 2, 0x21);
    for (const vector of [0, 3, 5]) msi.notify(vector);
    expect(messages.map(([, data]) => data)).toEqual([0x4c, 0x4f, 0x4d]);
    // A driver that enables more than there are gets what there is.
    write(0x52, 2, 0x71);
    msi.notify(2);
    expect(messages.at(-1)).toEqual([0xfee0_1000, 0x4e]);
  });

  it('wait while they are masked', () => {
    const { device, msi, write, messages } = card(2, true);
    write(0x52, 2, 0x11);
    write(0x5c, 4, 2);
    msi.notify(1);
    expect([messages, device.configRead(0x60, 4)]).toEqual([[], 2]);
    write(0x5c, 4, 0);
    expect([messages, device.configRead(0x60, 4)]).toEqual([[[0xfee0_1000, 0x4f]], 0]);
  });

  it('take the place of the wire, and of nothing without mastership', () => {
    const { device, msi, write, messages, pirqs } = card(1, false);
    device.setIntx(true);
    write(0x52, 2, 1);
    expect(pirqs.some(({ level }) => level)).toBe(false);
    write(0x04, 2, 0);
    msi.notify(0);
    expect(messages).toEqual([]);
  });
});

describe('MSI-X', () => {
  it('takes the place of the wire when it is enabled', () => {
    const rig = pciRig();
    const device = new TestFunction();
    const layout = { bar: 1, sizeBytes: 0x1000, tableOffset: 0, pbaOffset: 0x800, vectors: 2 };
    const msix = new Msix(device, { ...layout, capabilityOffset: 0x50 });
    rig.bus.add(device, pciDevfn(3, 0));
    device.setIntx(true);
    expect(rig.pirqs.some(({ level }) => level)).toBe(true);
    device.configWrite(0x52, 2, 0x8000);
    msix.configChanged(0x52, 2);
    expect(rig.pirqs.some(({ level }) => level)).toBe(false);
  });
});

describe('an expansion ROM', () => {
  it('answers where its register and COMMAND say, as QEMU 7.2 has it', () => {
    const rig = pciRig();
    const device = new TestFunction(Uint8Array.from({ length: 1995 }, (_, at) => (at + 0x55) & 0xff));
    rig.bus.add(device, pciDevfn(4, 0));
    const write = (offset: number, value: number): void => rig.configWrite(pciDevfn(4, 0), offset, 4, value);
    const seen = (): number[] => [0, 0x7c8, 0x7fc].map((at) => rig.memory.read(0xfd00_0000 + at, 4));
    write(0x30, 0xffff_ffff);
    expect(rig.configRead(pciDevfn(4, 0), 0x30, 4)).toBe(0xffff_f801);
    write(0x30, 0xfd00_0001);
    const nothing = [0xffff_ffff, 0xffff_ffff, 0xffff_ffff];
    expect(seen()).toEqual(nothing);
    write(0x04, 2);
    const image = [0x5857_5655, 0x001f_1e1d, 0];
    expect(seen()).toEqual(image);
    rig.memory.write(0xfd00_0000, 4, 0);
    expect(seen()).toEqual(image);
    expect(pciBusInfo(rig.bus)[0]?.bars.at(-1)).toMatchObject({ bar: 6, type: 'memory', size: 0x800 });
    write(0x30, 0xfd00_0000);
    expect(seen()).toEqual(nothing);
    write(0x30, 0xfd00_0001);
    device.reset();
    expect(rig.configRead(pciDevfn(4, 0), 0x30, 4)).toBe(0);
  });
});

describe('the flat view', () => {
  it('has at each address what a search through all regions finds', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 200; round++) {
      const view = new FlatView<number>();
      const regions = Array.from({ length: 1 + random(20) }, (_, region) => {
        const start = random(100);
        return { start, end: start + 1 + random(30), region };
      });
      for (const region of regions) view.add(region);
      for (let address = 0; address < 140; address++) {
        const first = regions.find(({ start, end }) => address >= start && address < end);
        expect(view.find(address)?.region).toBe(first?.region);
      }
      const { ranges } = view;
      for (const [at, { start, end }] of ranges.entries()) {
        expect(start).toBeLessThan(end);
        expect(start).toBeGreaterThanOrEqual(ranges[at - 1]?.end ?? 0);
      }
    }
  });
});
