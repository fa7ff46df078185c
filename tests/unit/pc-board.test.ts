/** Only this level sees what the board is made of: QEMU's paths, its order, and the parts that are there on demand. */
import { describe, expect, it } from 'vitest';
import { MEMORY_HOTPLUG_BASE } from '../../src/emu/acpi/memory-hotplug.ts';
import { Machine, type MachineConfig } from '../../src/emu/index.ts';
import { resetDevices } from '../../src/emu/machine/reset-devices.ts';
import { checkSections, saveSections } from '../../src/emu/machine/snapshot-sections.ts';
import { memoryImages } from '../support/headless-guest.ts';

const MIB = 1 << 20;

function machineWith(config: Partial<MachineConfig> = {}): Machine {
  const host = {
    monotonicNs: () => 0,
    wallClockMs: () => 0,
    after() {},
    random() {},
    images: memoryImages(),
  };
  return new Machine({ memoryBytes: 4 * MIB, ...config }, host);
}

const paths = ({ devices }: Machine): readonly string[] =>
  devices.tree.devices().map(({ path, type }) => `${path} (${type.name})`);

describe('the pc board', () => {
  it('has QEMU 7.2’s devices under its paths, in order of creation', () => {
    // QEMU: `info qom-tree` of `-machine pc -nodefaults -serial null`, less what is not modelled.
    expect(paths(machineWith())).toEqual([
      '/machine/unattached/device[0] (qemu64-x86_64-cpu)',
      '/machine/fw_cfg (fw_cfg_io)',
      '/machine/i440fx (i440FX-pcihost)',
      '/machine/unattached/device[2] (i440FX)',
      '/machine/unattached/device[3] (PIIX3)',
      '/machine/unattached/device[4] (i8257)',
      '/machine/unattached/device[5] (i8257)',
      '/machine/unattached/device[6] (isa-i8259)',
      '/machine/unattached/device[7] (isa-i8259)',
      '/machine/i440fx/ioapic (ioapic)',
      '/machine/unattached/device[8] (hpet)',
      '/machine/unattached/device[9] (mc146818rtc)',
      '/machine/unattached/device[10] (isa-pit)',
      '/machine/unattached/device[11] (isa-pcspk)',
      '/machine/unattached/device[12] (isa-serial)',
      '/machine/unattached/device[13] (isa-fdc)',
      '/machine/unattached/device[14] (i8042)',
      '/machine/unattached/device[14]/ps2kbd (ps2-kbd)',
      '/machine/unattached/device[14]/ps2mouse (ps2-mouse)',
      '/machine/unattached/device[17] (port92)',
      '/machine/unattached/device[18] (piix3-ide)',
      '/machine/unattached/device[19] (PIIX4_PM)',
    ]);
  });

  it('counts devices: with two serial ports those after them have other paths', () => {
    const two = paths(machineWith({ serialPorts: [true, true] }));
    expect(two).toContain('/machine/unattached/device[13] (isa-serial)');
    expect(two).toContain('/machine/unattached/device[20] (PIIX4_PM)');
  });

  it('has registers for DIMMs when it has slots for them', () => {
    const without = machineWith();
    expect(without.board.ports.answers(MEMORY_HOTPLUG_BASE)).toBe(false);
    const machine = machineWith({ dimms: { slots: 2, maxBytes: 1024 * MIB } });
    const { ports } = machine.board;
    ports.write(MEMORY_HOTPLUG_BASE, 4, 1);
    expect(ports.read(MEMORY_HOTPLUG_BASE + 0x14, 1)).toBe(0);
    const names = saveSections(machine.devices.tree).map(({ name }) => name);
    expect(names).toContain('memory hotplug state');
    expect(saveSections(without.devices.tree).map(({ name }) => name)).not.toContain('memory hotplug state');
  });

  it('is after the second reset as after the first', () => {
    const { devices } = machineWith();
    // A processor counts generations of code, which go on.
    const chips = () => saveSections(devices.tree).filter(({ name }) => name !== 'cpu');
    resetDevices(devices.tree);
    const once = chips();
    resetDevices(devices.tree);
    expect(chips()).toEqual(once);
  });
});

describe('sections of a snapshot', () => {
  it('have a path and a name, each pair once', () => {
    const keys = saveSections(machineWith().devices.tree).map(({ path, name }) => `${path} ${name}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toContain('/machine/unattached/device[19] acpi_pcihp');
  });

  it('reach the part at their own path, also where two parts have one name', () => {
    const SCRATCH = [0x3ff, 0x2ff];
    const [machine, other] = [1, 2].map(() => machineWith({ serialPorts: [true, true] }));
    if (machine === undefined || other === undefined) throw new Error('no machines');
    for (const port of SCRATCH) machine.board.ports.write(port, 1, port >>> 4);
    const sections = saveSections(machine.devices.tree);
    checkSections(other.devices.tree, sections)();
    expect(SCRATCH.map((port) => other.board.ports.read(port, 1))).toEqual([0x3f, 0x2f]);
    const [first, second] = sections.filter(({ name }) => name === 'serial');
    if (first === undefined || second === undefined) throw new Error('no serial ports');
    const moved = sections.map((section) => (section === second ? { ...second, path: first.path } : section));
    expect(() => checkSections(other.devices.tree, moved)).toThrow(
      `The snapshot has serial of ${first.path} twice.`,
    );
    const less = sections.filter((section) => section !== second);
    expect(() => checkSections(other.devices.tree, less)).toThrow(
      `The snapshot has no serial of ${second.path}.`,
    );
    const more = [...sections, { ...second, path: '/nowhere' }];
    expect(() => checkSections(other.devices.tree, more)).toThrow(
      'The snapshot has a device serial at /nowhere that this machine does not have.',
    );
  });

  it('of another board are refused with a sentence, and nothing is restored', () => {
    const machine = machineWith();
    const { tree } = machine.devices;
    const sections = saveSections(tree);
    const other = machineWith({ serialPorts: [true, true] }).devices.tree;
    const [first, ...rest] = sections;
    if (first === undefined) throw new Error('no sections');
    expect(() => checkSections(tree, rest)).toThrow(`The snapshot has no ${first.name} of ${first.path}.`);
    expect(() => checkSections(other, sections)).toThrow(/^The snapshot has /);
    expect(() => checkSections(tree, [{ ...first, version: 99 }, ...rest])).toThrow(
      `The snapshot has ${first.name} in version 99, this machine has version `,
    );
    checkSections(tree, sections)();
  });
});

it('a local APIC that is moved answers at its new place only, also after reset and restore', () => {
  const machine = machineWith();
  const { physical } = machine.board;
  const VERSION = 0x30;
  const at = (gpa: number): number => physical.read(gpa + VERSION, 4);
  const version = at(0xfee0_0000);
  expect(version).not.toBe(0);
  machine.processors.boot.apic.writeBase(0xfed8_0000 | 0x900, 0);
  expect([at(0xfee0_0000), at(0xfed8_0000)]).toEqual([0, version]);
  const sections = saveSections(machine.devices.tree);
  machine.reset();
  expect([at(0xfee0_0000), at(0xfed8_0000)]).toEqual([version, 0]);
  checkSections(machine.devices.tree, sections)();
  expect([at(0xfee0_0000), at(0xfed8_0000)]).toEqual([0, version]);
});
