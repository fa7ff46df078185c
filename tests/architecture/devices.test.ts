import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEVICE_TYPES } from '../../src/emu/machine/device-types.ts';
import { projectFiles } from '../support/project.ts';

/** Each device class, and the name under which a test holds it to the device contract. */
const CONTRACTS: Readonly<Record<string, string>> = {
  Ne2000: 'Ne2000',
  Pcnet: 'Pcnet',
  Rtl8139: 'Rtl8139',
  Am53c974: 'am53c974',
  CpuHotplug: 'CpuHotplug',
  E1000: 'E1000',
  E1000e: 'E1000e',
  FwCfg: 'fw_cfg',
  GpeBlock: 'GpeBlock',
  Hpet: 'hpet',
  I440fx: 'i440FX',
  I82078: 'fdc',
  I82801b11: 'i82801b11-bridge',
  I6300Esb: 'i6300esb',
  I8042: 'pckbd',
  I8254: 'i8254',
  I8257: 'dma',
  I8259Pair: 'i8259',
  Ib700: 'ib700',
  Ich9Ahci: 'ich9-ahci',
  IoApic: 'ioapic',
  LocalApic: 'local APIC',
  Lsi53c895a: 'lsi53c895a',
  Mc146818: 'mc146818rtc',
  MemoryHotplug: 'MemoryHotplug',
  Nvme: 'nvme',
  NvmeNamespace: 'nvme-ns',
  PcSpeaker: 'pcspk',
  PcTestdev: 'pc-testdev',
  PciBridgeDev: 'pci-bridge',
  PciHost: 'PCIHost',
  PciHotplug: 'PciHotplug',
  PciSerial: 'pci-serial',
  PflashCfi01: 'cfi.pflash01',
  Piix3: 'PIIX3',
  Piix3Ide: 'piix3-ide',
  Piix4Pm: 'PIIX4_PM',
  Port92: 'port92',
  PvpanicPci: 'pvpanic-pci',
  ScsiDisk: 'scsi-disk',
  Serial16550: 'serial',
  Uhci: 'uhci',
  Xhci: 'xhci',
  Ehci: 'ehci',
  VirtioBalloon: 'virtio-balloon-pci',
  VirtioBlk: 'virtio-blk-pci',
  VirtioMem: 'virtio-mem-pci',
  VirtioNet: 'virtio-net-pci',
  VirtioPci: 'virtio-blk-pci',
  VirtioRng: 'virtio-rng-pci',
  VirtioScsi: 'virtio-scsi-pci',
  VirtioSerial: 'virtio-serial-pci',
  VirtioSerialPort: 'virtserialport',
  // Parts whose state is saved by the device that they belong to.
  PmSmbus: 'PIIX4_PM',
  Ps2Keyboard: 'pckbd',
  Ps2Mouse: 'pckbd',
};

/** Devices with laws of their own. */
const APART: Readonly<Record<string, string>> = {
  Processor:
    'its state counts generations of cached code, which go on through reset and restore: cpu-state.test.ts',
};

/** Devices, and the bases from which others become one. */
const declaration =
  /export class (\w+)[^{]*?\b(?:implements [^{]*\bDevice<|extends (?:PciDevice|PciBridge|VirtioPci|VirtioDevice|NicCard)\b)/g;

function namesIn(folder: string, pattern: RegExp): readonly string[] {
  return projectFiles()
    .filter((file) => file.startsWith(folder) && file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(pattern)])
    .map(([, name = '']) => name);
}

describe('devices', () => {
  const all = namesIn('src/emu/', declaration);
  const classes = all.filter((name) => !(name in APART));
  const tested = new Set(namesIn('tests/unit/', /\b(?:device|virtioPci)Contract(?:<[^(]*>)?\(\s*'([^']+)'/g));

  it.each(classes)('%s is held to the device contract', (name) => {
    expect(tested, `CONTRACTS names the contract test of ${name}`).toContain(CONTRACTS[name]);
  });

  it('every class that is listed exists', () => {
    expect(Object.keys({ ...CONTRACTS, ...APART }).sort()).toEqual([...new Set(all)].sort());
  });
});

describe('the device registry', () => {
  const names = DEVICE_TYPES.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));

  it('has each name once', () => {
    expect(new Set(names).size).toBe(names.length);
  });

  it('can make every device that a user may plug while the machine runs', () => {
    const pluggable = DEVICE_TYPES.filter(
      ({ userCreatable, hotpluggable, busType }) => userCreatable && hotpluggable && busType === 'PCI',
    );
    expect(pluggable.filter(({ realize }) => realize === undefined).map(({ name }) => name)).toEqual([]);
  });

  it.each(DEVICE_TYPES)('$name has each property once', ({ properties, options = [] }) => {
    const all = [...properties, ...options].map(({ name }) => name);
    expect(all.filter((name, at) => all.indexOf(name) !== at)).toEqual([]);
  });
});
