/** The pc machine's four fixed functions. Expected bytes were read from QEMU 7.2 through qtest. */
import { describe, expect, it } from 'vitest';
import { PIIX3_IDE_DEVFN, Piix3Ide } from '../../src/emu/ata/piix3-ide.ts';
import { I440FX_DEVFN, I440fx } from '../../src/emu/chipset/i440fx.ts';
import { PIIX3_DEVFN, Piix3 } from '../../src/emu/chipset/piix3.ts';
import { PIIX4_PM_DEVFN, Piix4Pm } from '../../src/emu/chipset/piix4-pm.ts';
import type { AccessSize } from '../../src/emu/core/device.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { assignPciResources } from '../../src/emu/pci/pci-resources.ts';
import { deviceContract } from '../support/device-contract.ts';
import { configRows, pciRig, recordedLine, seeded } from '../support/pci-rig.ts';

function board(smm = true) {
  const rig = pciRig();
  const isaIrqs = Array.from({ length: 16 }, recordedLine);
  const sci = recordedLine();
  const events: string[] = [];
  const power = {
    powerOff: () => events.push('off'),
    suspendToRam: () => events.push('s3'),
    suspendToDisk: () => events.push('s4'),
  };
  const i440fx = new I440fx(128 << 20, pcMemory(2 << 20));
  const piix3 = new Piix3(rig.io, isaIrqs, () => events.push('reset'));
  const ide = new Piix3Ide({
    ports: rig.io,
    irqs: [isaIrqs[14] ?? recordedLine(), isaIrqs[15] ?? recordedLine()],
    clock: rig.clock,
    trace: QUIET,
  });
  const pm = new Piix4Pm({ ports: rig.io, clock: rig.clock, sci, power, trace: QUIET, smm });
  rig.bus.add(i440fx, I440FX_DEVFN);
  rig.bus.add(piix3, PIIX3_DEVFN);
  rig.bus.add(ide, PIIX3_IDE_DEVFN);
  rig.bus.add(pm, PIIX4_PM_DEVFN);
  pm.machineReady();
  const firmware = () => {
    assignPciResources(rig.bus);
    i440fx.firmwareSetup(smm);
    piix3.firmwareSetup();
    ide.firmwareSetup();
    pm.firmwareSetup();
  };
  return { ...rig, i440fx, piix3, ide, pm, isaIrqs, sci, events, firmware };
}

describe('config space after power-on', () => {
  const { i440fx, piix3, ide, pm } = board();
  it('i440FX', () => {
    expect(configRows(i440fx.config.bytes)).toEqual([
      '00: 86 80 37 12 00 00 00 00 02 00 00 06 00 00 00 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '50: 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00 00',
      '70: 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
  it('PIIX3', () => {
    expect(configRows(piix3.config.bytes)).toEqual([
      '00: 86 80 00 70 00 00 00 02 00 00 01 06 00 00 80 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '40: 00 00 00 00 00 00 00 00 00 00 00 00 4d 00 03 00',
      '60: 80 80 80 80 00 00 00 00 00 02 00 00 00 00 00 00',
      '70: 80 00 00 00 00 00 0c 0c 02 00 00 00 00 00 00 00',
      'a0: 08 00 00 00 00 00 00 00 0f 00 00 00 00 00 00 00',
    ]);
  });
  it('PIIX3 IDE', () => {
    expect(configRows(ide.config.bytes)).toEqual([
      '00: 86 80 10 70 00 00 80 02 00 80 01 01 00 00 00 00',
      '20: 01 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
    ]);
  });
  it('PIIX4 PM', () => {
    expect(configRows(pm.config.bytes)).toEqual([
      '00: 86 80 13 71 00 00 80 02 03 00 80 06 00 00 00 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '30: 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00',
      '40: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '50: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 10',
      '60: 00 00 00 60 00 00 00 00 00 00 00 00 00 00 00 00',
      '90: 01 b1 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      'd0: 00 00 09 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
});

describe('config space as the firmware leaves it', () => {
  const { i440fx, piix3, ide, pm, firmware } = board();
  firmware();
  it('i440FX', () => {
    expect(configRows(i440fx.config.bytes)).toEqual([
      '00: 86 80 37 12 03 01 00 00 02 00 00 06 00 00 00 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '50: 00 00 00 00 00 00 00 10 00 10 11 11 11 11 11 33',
      '70: 00 00 0a 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
  it('PIIX3 routes PIRQA#–D# to 10, 10, 11, 11', () => {
    expect([...piix3.config.bytes.subarray(0x60, 0x64)]).toEqual([10, 10, 11, 11]);
    expect(piix3.command).toBe(0x103);
  });
  it('PIIX3 IDE', () => {
    expect(configRows(ide.config.bytes)).toEqual([
      '00: 86 80 10 70 03 01 80 02 00 80 01 01 00 00 00 00',
      '20: 01 c0 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '40: 00 80 00 80 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
  it('PIIX4 PM', () => {
    expect(configRows(pm.config.bytes)).toEqual([
      '00: 86 80 13 71 03 01 80 02 03 00 80 06 00 00 00 00',
      '20: 00 00 00 00 00 00 00 00 00 00 00 00 f4 1a 00 11',
      '30: 00 00 00 00 00 00 00 00 00 00 00 00 09 01 00 00',
      '40: 01 06 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '50: 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00 10',
      '60: 00 00 00 60 00 00 00 00 00 00 00 00 00 00 00 00',
      '80: 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      '90: 01 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00',
      'd0: 00 00 09 00 00 00 00 00 00 00 00 00 00 00 00 00',
    ]);
  });
});

describe('-machine smm=off', () => {
  it('has ACPI on from the start, and after a reset, as QEMU has', () => {
    const { pm, i440fx, io, firmware } = board(false);
    expect(pm.configRead(0x58, 4)).toBe(0x02000000);
    firmware();
    expect([io.read(0x604, 2), pm.configRead(0x58, 4), i440fx.configRead(0x72, 1)]).toEqual([
      1, 0x02000000, 2,
    ]);
    pm.reset();
    expect(pm.configRead(0x58, 4)).toBe(0x02000000);
    firmware();
    expect(io.read(0x604, 2)).toBe(1);
  });
});

describe('PIIX3', () => {
  it('puts a PIRQ on the ISA interrupt of its route register, and moves it with the register', () => {
    const { piix3, isaIrqs, firmware } = board();
    firmware();
    piix3.pirqs[1].set(true);
    piix3.pirqs[0].set(true);
    expect(isaIrqs[10]?.level).toBe(true);
    piix3.pirqs[1].set(false);
    expect(isaIrqs[10]?.level).toBe(true);
    piix3.configWrite(0x60, 1, 5);
    expect([isaIrqs[5]?.level, isaIrqs[10]?.level]).toEqual([true, false]);
    piix3.configWrite(0x60, 1, 0x80);
    expect(isaIrqs[5]?.level).toBe(false);
  });
  it('port 0xcf9 keeps bit 1 and resets on bit 2', () => {
    const { io, events } = board();
    io.write(0xcf9, 1, 0xfb);
    expect([io.read(0xcf9, 1), events]).toEqual([2, []]);
    io.write(0xcf9, 1, 0x06);
    expect(events).toEqual(['reset']);
  });
});

describe('PIIX3 IDE without drives', () => {
  it('reads 0 everywhere, and aborts a command to drive 0 with an interrupt that STATUS withdraws', () => {
    const { io, isaIrqs } = board();
    for (let i = 0; i < 8; i++) expect(io.read(0x1f0 + i, 1)).toBe(0);
    expect(io.read(0x3f6, 1)).toBe(0);
    io.write(0x1f7, 1, 0xec);
    expect(isaIrqs[14]?.level).toBe(true);
    io.read(0x3f6, 1);
    expect(isaIrqs[14]?.level).toBe(true);
    io.read(0x1f7, 1);
    expect(isaIrqs[14]?.level).toBe(false);
    io.write(0x3f6, 1, 0x02);
    io.write(0x1f7, 1, 0xec);
    expect(isaIrqs[14]?.level).toBe(false);
    io.write(0x3f6, 1, 0);
    io.write(0x1f6, 1, 0xb0);
    io.write(0x1f7, 1, 0xec);
    expect(isaIrqs[14]?.level).toBe(false);
    io.write(0x3f6, 1, 0x04);
    expect(isaIrqs[14]?.level).toBe(true);
  });
  it('bus master registers', () => {
    const { io, firmware } = board();
    firmware();
    const bytes = () => Array.from({ length: 8 }, (_, i) => io.read(0xc000 + i, 1));
    for (let i = 0; i < 8; i++) io.write(0xc000 + i, 1, 0xff);
    expect(bytes()).toEqual([9, 0xff, 0x61, 0xff, 0xfc, 0xff, 0xff, 0xff]);
    io.write(0xc000, 1, 0);
    io.write(0xc002, 1, 0);
    expect(bytes().slice(0, 3)).toEqual([0, 0xff, 0]);
    io.write(0xc004, 4, 0x12345677);
    io.write(0xc004, 2, 0xaaaa);
    expect(io.read(0xc004, 4)).toBe(0x1234aaa8);
    expect([io.read(0xc002, 2), io.read(0xc000, 4)]).toEqual([0xffff, 0xffffffff]);
  });
});

describe('PIIX4 PM', () => {
  it('PM1 registers take words; bytes replace them, as QEMU', () => {
    const { io, firmware } = board();
    firmware();
    expect([io.read(0x600, 2), io.read(0x602, 2), io.read(0x604, 2)]).toEqual([1, 0, 0]);
    io.write(0x602, 2, 0xffff);
    io.write(0x602, 1, 0x21);
    io.write(0x603, 1, 0x01);
    expect(io.read(0x602, 2)).toBe(0x21);
    io.write(0x600, 4, 0x0120_0000);
    expect(io.read(0x600, 4)).toBe(0);
    io.writeAnywhere(0x600, 4, 0x0120_0000);
    expect(io.readAnywhere(0x600, 4)).toBe(0x0120_0001);
    io.write(0x604, 2, 0x1000);
    expect([io.read(0x604, 2), io.read(0x605, 1)]).toEqual([0x1000, 0]);
    io.write(0x605, 1, 0x04);
    expect(io.read(0x604, 2)).toBe(4);
  });
  it('PM_TMR counts 3.579545 MHz in 24 bits, and pulls SCI when bit 23 changes', () => {
    const { io, time, clock, sci, firmware } = board();
    firmware();
    time.ns = 1_000_000_000;
    expect(io.read(0x608, 4)).toBe(3_579_545);
    io.write(0x600, 2, 1);
    expect(io.read(0x600, 2)).toBe(0);
    io.write(0x602, 2, 1);
    expect(sci.level).toBe(false);
    time.ns = clock.nextDeadlineNs();
    clock.runDue();
    expect(io.read(0x608, 4)).toBe(0x800000);
    expect(sci.level).toBe(true);
    time.ns = 6_000_000_000;
    expect(io.read(0x608, 4)).toBe((6 * 3_579_545) & 0xffffff);
    io.write(0x600, 2, 1);
    expect(sci.level).toBe(false);
  });
  it('the power button pulls SCI when its event is enabled, else nothing happens', () => {
    const { io, pm, sci, firmware } = board();
    firmware();
    pm.powerButton();
    expect(io.read(0x600, 2) & 0x100).toBe(0);
    io.write(0x602, 2, 0x100);
    pm.powerButton();
    expect(io.read(0x600, 2) & 0x100).toBe(0x100);
    expect(sci.level).toBe(true);
    io.write(0x600, 2, 0x100);
    expect(sci.level).toBe(false);
  });
  it('SLP_EN with SLP_TYP 0, 1, 2 is S5, S3, S4; SLP_EN reads 0', () => {
    const { io, events, firmware } = board();
    firmware();
    for (const type of [0, 1, 2, 3]) io.write(0x604, 2, 0x2001 | (type << 10));
    expect(events).toEqual(['off', 's3', 's4']);
    expect(io.read(0x604, 2)).toBe(0x0c01);
  });
  it('APMC 0xf1 sets SCI_EN, 0xf0 clears it', () => {
    const { io, firmware } = board();
    firmware();
    io.write(0xb2, 1, 0xf1);
    expect([io.read(0x604, 2), io.read(0xb2, 1)]).toEqual([1, 0xf1]);
    io.write(0xb2, 1, 0xf0);
    expect(io.read(0x604, 2)).toBe(0);
    io.write(0xb2, 2, 0x5af1);
    expect([io.read(0xb3, 1), io.read(0x604, 2)]).toEqual([0x5a, 1]);
  });
  it('the SMBus reads and writes the memory-module EEPROMs', () => {
    const { io, firmware } = board();
    firmware();
    const transfer = (address: number, command: number, control: number) => {
      io.write(0x700, 1, 0xff);
      io.write(0x704, 1, address);
      io.write(0x703, 1, command);
      io.write(0x702, 1, control);
      return [io.read(0x700, 1), io.read(0x700, 1)];
    };
    io.write(0x705, 1, 0x99);
    expect(transfer(0xa0, 0x10, 0x48)).toEqual([1, 2]);
    io.write(0x705, 1, 0);
    expect(transfer(0xa1, 0x10, 0x48)).toEqual([1, 2]);
    expect(io.read(0x705, 1)).toBe(0x99);
    expect(transfer(0x21, 0, 0x48)).toEqual([1, 4]);
  });
});

const registers: readonly number[] = [
  ...Array.from({ length: 8 }, (_, i) => 0x1f0 + i),
  ...Array.from({ length: 8 }, (_, i) => 0x170 + i),
  ...[0x3f6, 0x376, 0xb2, 0xb3, 0xcf9],
  ...Array.from({ length: 16 }, (_, i) => 0xc000 + i),
  ...Array.from({ length: 64 }, (_, i) => 0x600 + i),
  ...Array.from({ length: 64 }, (_, i) => 0x700 + i),
  ...Array.from({ length: 8 }, (_, i) => 0xcf8 + i),
];

describe('a hostile guest', () => {
  it('never makes a chip throw, and all state stays plain', () => {
    const { io, configWrite, configRead, time, clock, i440fx, piix3, ide, pm, firmware } = board();
    const random = seeded(20261120);
    const pick = <T>(from: readonly T[]): T => from[random() % from.length] as T;
    const size = () => pick<AccessSize>([1, 2, 4]);
    const actions = [
      () => configWrite(pick([0, 8, 9, 11]), random() & 0xff, size(), random()),
      () => configRead(pick([0, 8, 9, 11]), random() & 0xff, size()),
      () => io.write(pick(registers), size(), random()),
      () => io.read(pick(registers), size()),
    ];
    for (let i = 0; i < 20_000; i++) {
      if (i % 500 === 0) firmware();
      pick(actions)();
      time.ns += random() % 10_000_000;
      clock.runDue();
    }
    for (const chip of [i440fx, piix3, ide, pm]) expect(structuredClone(chip.save())).toEqual(chip.save());
  });
});

deviceContract(
  'i440FX',
  () => board().i440fx,
  (dev) => dev.configWrite(4, 2, 7),
  (dev) => dev.configRead(4, 4),
);
deviceContract(
  'PIIX3',
  () => board().piix3,
  (dev) => {
    dev.configWrite(0x60, 4, 0x05050b0b);
    dev.restore({ ...dev.save(), rcr: 2 });
  },
  (dev) => [dev.configRead(0x60, 4), dev.save().rcr],
);
deviceContract(
  'PIIX4_PM',
  () => board().pm,
  (dev) => {
    dev.configWrite(0x80, 1, 1);
    const { pci, smbus } = dev.save();
    dev.restore({
      pci,
      smbus: { ...smbus, data0: 7 },
      pm1Status: 0x101,
      pm1Enable: 0x100,
      pm1Control: 1,
      overflowTicks: 0x800000,
      apmCommand: 0xf1,
      apmStatus: 3,
    });
  },
  (dev) => dev.configRead(0x80, 1),
);
