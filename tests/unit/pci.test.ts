/** The PCI bus and what every function has: mechanism 1, BARs, INTx#, MSI-X, placement. */
import { describe, expect, it } from 'vitest';
import type { AccessSize, VmState } from '../../src/emu/core/device.ts';
import { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { record } from '../../src/emu/core/state-fields.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import type { MsixState } from '../../src/emu/pci/msix.ts';
import { Msix } from '../../src/emu/pci/msix.ts';
import { parsePciAddress, pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import type { PciState } from '../../src/emu/pci/pci-device.ts';
import { PciDevice } from '../../src/emu/pci/pci-device.ts';
import { pciBusInfo, pciQtreeClassName } from '../../src/emu/pci/pci-info.ts';
import { assignPciResources } from '../../src/emu/pci/pci-resources.ts';
import { deviceContract } from '../support/device-contract.ts';
import { pciRig, seeded } from '../support/pci-rig.ts';

type CardState = { readonly pci: PciState; readonly msix: MsixState };

/** A card with one BAR of each kind; reads answer the offset, writes are recorded. */
class Card extends PciDevice<CardState> {
  readonly vmstate: VmState<CardState>;
  readonly msix: Msix;
  readonly writes: string[] = [];

  constructor(type = 'card', id = '', multifunction = false) {
    super(
      { type, vendorId: 0x1af4, deviceId: 0x1005, classCode: 0x00ff00, interruptPin: 1, multifunction },
      id,
    );
    const handler = (name: string) => ({
      read: (offset: number) => offset,
      write: (offset: number, size: AccessSize, value: number) =>
        void this.writes.push(`${name}+${offset}:${size}=${value}`),
    });
    this.msix = new Msix(this, {
      bar: 1,
      sizeBytes: 0x1000,
      tableOffset: 0,
      pbaOffset: 0x800,
      capabilityOffset: 0x98,
      vectors: 2,
    });
    const fields = record<CardState>({ pci: this.pciFields, msix: this.msix.fields });
    this.vmstate = { name: 'card', version: 1, fields };
    this.addBar({ index: 0, kind: 'io', sizeBytes: 0x80, handler: handler('io') });
    this.addBar({ index: 1, kind: 'mem32', sizeBytes: 0x1000, handler: this.msix });
    this.addBar({ index: 4, kind: 'mem64', prefetchable: true, sizeBytes: 0x4000, handler: handler('mem') });
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.msix.configChanged(offset, size);
  }

  reset(): void {
    this.resetPci();
    this.msix.reset();
  }

  save(): CardState {
    return { pci: this.savePci(), msix: this.msix.save() };
  }

  restore({ pci, msix }: CardState): void {
    this.restorePci(pci);
    this.msix.restore(msix);
  }
}

function rig() {
  const pci = pciRig();
  const card = new Card();
  pci.bus.add(card, pciDevfn(2, 0));
  const devfn = card.devfn;
  const open = () => {
    pci.configWrite(devfn, 0x10, 4, 0xc000);
    pci.configWrite(devfn, 0x14, 4, 0xfe00_0000);
    pci.configWrite(devfn, 0x20, 4, 0);
    pci.configWrite(devfn, 0x24, 4, 1);
    pci.configWrite(devfn, 0x04, 2, 7);
  };
  return { ...pci, card, devfn, open };
}

describe('configuration mechanism 1', () => {
  it('takes the address as a dword only; small reads give its low bits', () => {
    const { io } = rig();
    io.write(0xcf8, 4, 0x80001003);
    io.write(0xcf8, 1, 0);
    io.write(0xcfa, 2, 0);
    expect([io.read(0xcf8, 4), io.read(0xcf8, 2), io.read(0xcfb, 1)]).toEqual([0x80001003, 0x1003, 3]);
    expect(io.read(0xcfd, 1)).toBe(0x10);
    expect(io.read(0xcfc, 4)).toBe(0x10000010);
  });
  it('nobody there, another bus or a disabled address reads all ones', () => {
    const { io } = rig();
    for (const address of [0x80001800, 0x80011000, 0x00001000]) {
      io.write(0xcf8, 4, address);
      expect([io.read(0xcfc, 4), io.read(0xcfe, 2), io.read(0xcff, 1)]).toEqual([0xffffffff, 0xffff, 0xff]);
    }
  });
});

describe('BARs', () => {
  it('answer the size when all ones are written', () => {
    const { configRead, configWrite, devfn } = rig();
    for (const [offset, size] of [
      [0x10, 0xffffff81],
      [0x14, 0xfffff000],
      [0x18, 0],
      [0x20, 0xffffc00c],
      [0x24, 0xffffffff],
      [0x30, 0],
    ] as const) {
      configWrite(devfn, offset, 4, 0xffffffff);
      expect(configRead(devfn, offset, 4), offset.toString(16)).toBe(size);
    }
  });
  it('are decoded as COMMAND and their values say, and move', () => {
    const { io, memory, configWrite, devfn, open, card } = rig();
    open();
    expect([io.read(0xc012, 1), memory.read(0x1_0000_2000, 4)]).toEqual([0x12, 0x2000]);
    memory.write(0x1_0000_0010, 2, 7);
    expect(card.writes).toEqual(['mem+16:2=7']);
    configWrite(devfn, 0x10, 4, 0xd000);
    expect([io.answers(0xc000), io.read(0xd012, 1)]).toEqual([false, 0x12]);
    configWrite(devfn, 0x04, 2, 2);
    expect([io.answers(0xd000), memory.answers(0x1_0000_0000)]).toEqual([false, true]);
    configWrite(devfn, 0x10, 4, 0);
    configWrite(devfn, 0x04, 2, 1);
    expect([io.answers(0), memory.answers(0x1_0000_0000)]).toEqual([false, false]);
  });
  it('are gone when the function is unplugged', () => {
    const { io, memory, bus, card, open, configRead, devfn, pirqs } = rig();
    open();
    card.setIntx(true);
    bus.remove(card);
    expect([io.answers(0xc000), memory.answers(0xfe00_0000), memory.answers(0x1_0000_0000)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(configRead(devfn, 0, 4)).toBe(0xffffffff);
    expect(pirqs.map((line) => line.level)).toEqual([false, false, false, false]);
    card.setIntx(true);
    card.sendMsi(0xfee00000, 1);
    expect(pirqs[1].level).toBe(false);
  });
});

describe('INTx#', () => {
  it('pin A of slot n is PIRQ (n - 1) & 3, shared by wired-or', () => {
    const { bus, pirqs, card, configRead, configWrite, devfn } = rig();
    const other = new Card();
    bus.add(other, pciDevfn(6, 0));
    card.setIntx(true);
    other.setIntx(true);
    expect(pirqs.map((line) => line.level)).toEqual([false, true, false, false]);
    expect(configRead(devfn, 6, 2) & 8).toBe(8);
    card.setIntx(false);
    expect(pirqs[1].level).toBe(true);
    configWrite(other.devfn, 4, 2, 0x400);
    expect(pirqs[1].level).toBe(false);
    expect(configRead(other.devfn, 6, 2) & 8).toBe(8);
  });
});

describe('MSI-X', () => {
  it('sends the entry of an unmasked vector, keeps a masked one pending', () => {
    const { memory, messages, card, open, configWrite, configRead, devfn } = rig();
    open();
    expect([memory.read(0xfe00_000c, 4), configRead(devfn, 0x9a, 2)]).toEqual([1, 1]);
    memory.write(0xfe00_0010, 4, 0xfee01000);
    memory.write(0xfe00_0018, 4, 0x4021);
    configWrite(devfn, 0x9a, 2, 0x8000);
    card.msix.notify(1);
    expect([messages, memory.read(0xfe00_0800, 4)]).toEqual([[], 2]);
    memory.write(0xfe00_001c, 4, 0);
    expect([messages, memory.read(0xfe00_0800, 4)]).toEqual([[[0xfee01000, 0x4021]], 0]);
    configWrite(devfn, 0x9a, 2, 0xc000);
    card.msix.notify(1);
    configWrite(devfn, 0x9a, 2, 0x8000);
    expect(messages).toHaveLength(2);
    configWrite(devfn, 4, 2, 2);
    card.msix.notify(1);
    card.msix.notify(9);
    expect(messages).toHaveLength(2);
  });
});

describe('an MSI', () => {
  it('is a write to memory where no local APIC listens, if the function may master the bus', () => {
    const ram = pcMemory(2 ** 20);
    const { bus, messages, configWrite } = pciRig(ram);
    const card = new Card();
    bus.add(card, pciDevfn(5, 0));
    card.sendMsi(0x8000, 0x12345678);
    expect(ram.readU32(0x8000)).toBe(0);
    configWrite(card.devfn, 4, 2, 4);
    card.sendMsi(0x8000, 0x12345678);
    expect(ram.readU32(0x8000)).toBe(0x12345678);
    expect(messages).toEqual([]);
    card.sendMsi(0xfeef_fffc, 1);
    card.sendMsi(0xfef0_0000, 1);
    expect(messages).toEqual([[0xfeef_fffc, 1]]);
  });
});

describe('placement', () => {
  const text = (result: number | MonitorError) => (result instanceof MonitorError ? result.message : result);
  it('takes the first free slot, then none', () => {
    const { bus } = rig();
    expect(bus.place(new Card(), undefined, true)).toBe(0);
    for (let slot = 0; slot < 32; slot++) if (slot !== 2) bus.add(new Card(), pciDevfn(slot, 0));
    expect(text(bus.place(new Card('virtio-rng-pci'), undefined, true))).toBe(
      'PCI: no slot/function available for virtio-rng-pci, all in use or reserved',
    );
  });
  it("says QEMU's texts", () => {
    const { bus } = rig();
    bus.add(new Card('virtio-rng-pci', 'r3'), pciDevfn(5, 0));
    bus.add(new Card('virtio-rng-pci', 'f1'), pciDevfn(6, 1), true);
    bus.reserveSlot(8);
    const one = new Card('e1000');
    expect(text(bus.place(one, pciDevfn(5, 0), true))).toBe(
      'PCI: slot 5 function 0 not available for e1000, in use by virtio-rng-pci,id=r3',
    );
    expect(text(bus.place(one, pciDevfn(2, 0), true))).toBe(
      'PCI: slot 2 function 0 not available for e1000, in use by card,id=(null)',
    );
    expect(text(bus.place(one, pciDevfn(5, 1), true))).toBe(
      'PCI: slot 5 function 0 already occupied by virtio-rng-pci, new func e1000 cannot be exposed to guest.',
    );
    expect(text(bus.place(one, pciDevfn(5, 1), false))).toBe(
      "PCI: single function device can't be populated in function 5.1",
    );
    expect(text(bus.place(one, pciDevfn(6, 0), true))).toBe(
      'PCI: 6.0 indicates single function, but 6.1 is already populated.',
    );
    expect(text(bus.place(one, pciDevfn(8, 0), true))).toBe(
      'PCI: slot 8 function 0 not available for e1000, reserved',
    );
  });
  it('functions hot-added before function 0 are seen when it arrives', () => {
    const { bus, configRead } = rig();
    bus.add(new Card(), pciDevfn(6, 1), true);
    expect(configRead(pciDevfn(6, 1), 0, 4)).toBe(0xffffffff);
    const first = new Card('card', '', true);
    expect(bus.place(first, pciDevfn(6, 0), true)).toBe(pciDevfn(6, 0));
    bus.add(first, pciDevfn(6, 0), true);
    expect(configRead(pciDevfn(6, 1), 0, 4)).toBe(0x10051af4);
  });
  it('addr= is SLOT or SLOT.FUNCTION in hexadecimal', () => {
    expect(['6', '1f.7', '0x5', '20', '1f.8', 'zz', ''].map(parsePciAddress)).toEqual([
      0x30,
      0xff,
      0x28,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('firmware', () => {
  it('places BARs as SeaBIOS does: two virtio-blk-pci and their twin without I/O', () => {
    const { bus, card } = rig();
    const other = new Card();
    bus.add(other, pciDevfn(5, 0));
    assignPciResources(bus);
    const info = pciBusInfo(bus).map(({ slot, irqLine, bars }) => [
      slot,
      irqLine,
      ...bars.map((bar) => bar.address?.toString(16)),
    ]);
    expect(info).toEqual([
      [2, 10, 'c000', 'febfe000', 'febf4000'],
      [5, 10, 'c080', 'febff000', 'febf8000'],
    ]);
    expect(card.command).toBe(0x103);
  });
  it("unknown classes read as QEMU's", () => {
    expect([pciQtreeClassName(0x0100), pciQtreeClassName(0x00ff)]).toEqual(['SCSI controller', 'Class 00ff']);
  });
});

describe('a hostile guest', () => {
  it('cannot make a function throw', () => {
    const { configRead, configWrite, devfn, io, memory, card, open } = rig();
    const random = seeded(7);
    const sizes: readonly AccessSize[] = [1, 2, 4];
    for (let i = 0; i < 10_000; i++) {
      const size = sizes[random() % 3] ?? 1;
      configWrite(devfn, random() & 0xff, size, random());
      configRead(devfn, random() & 0xff, size);
      if (i % 50 === 0) open();
      io.write(0xc000 + (random() & 0xff), size, random());
      memory.write(0xfe00_0000 + (random() & 0xfff), size, random());
      memory.read(0xfe00_0000 + (random() & 0xfff), size);
      card.setIntx((random() & 1) !== 0);
      card.msix.notify(random() & 3);
    }
    expect(structuredClone(card.save())).toEqual(card.save());
  });
});

deviceContract(
  'a PCI function',
  () => new Card(),
  (dev) => {
    dev.configWrite(4, 2, 7);
    dev.configWrite(0x10, 4, 0xc000);
    dev.msix.write(0, 4, 0xfee00000);
    dev.setIntx(true);
  },
  (dev) => [dev.configRead(4, 4), dev.configRead(0x10, 4), dev.msix.read(0, 4)],
);
deviceContract(
  'PCIHost',
  () => pciRig().host,
  (dev) => dev.restore({ configAddress: 0x80001234 }),
  (dev) => dev.save(),
);
