/** ATA controllers on a PCI bus, with disks that a test holds back, and a driver's memory. */
import { AtaDevice, type AtaProperties } from '../../src/emu/ata/ata-device.ts';
import { Ich9Ahci } from '../../src/emu/ata/ich9-ahci.ts';
import { PIIX3_IDE_DEVFN, Piix3Ide } from '../../src/emu/ata/piix3-ide.ts';
import { DriveGate } from '../../src/emu/block/drive-gate.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { PCI_COMMAND } from '../../src/emu/pci/config-space.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { pciRig, recordedLine } from './pci-rig.ts';
import { TestDisk } from './virtio-driver.ts';

export const BM = 0xc000;
export const ABAR = 0xe000_0000;
const RAM_BYTES = 4 << 20;
const NS_PER_MS = 1e6;

const PROPERTIES: AtaProperties = {
  ...{ kind: 'hd', model: 'QEMU HARDDISK', serial: 'QM00001', version: '2.5+', wwn: 0n, rotationRate: 0 },
  ...{ geometry: { cylinders: 2, heads: 16, sectors: 63 }, translation: 0, discards: true },
  ...{ physicalBlockExponent: 0, writeCache: true },
};

/** A device whose disk is `disk`; undefined: an empty drive. */
export function ataDevice(
  rig: { readonly clock: ConstructorParameters<typeof DriveGate>[0] },
  kind: 'hd' | 'cd',
  disk: TestDisk | undefined,
) {
  const errors: string[] = [];
  const moved: boolean[] = [];
  const drive: { medium: { backend: TestDisk } | undefined; gate: DriveGate } = {
    medium: disk && { backend: disk },
    gate: new DriveGate(rig.clock),
  };
  const device = new AtaDevice({ ...PROPERTIES, kind }, drive, {
    onIoError: (operation, error) => {
      errors.push(`${operation} ${error.code}`);
      return 'report';
    },
    onTrayMoved: (open) => void moved.push(open),
  });
  return { device, drive, errors, moved };
}

function machineRig() {
  const memory = pcMemory(RAM_BYTES);
  const pci = pciRig(memory);
  return {
    ...pci,
    ram: memory,
    bytes(gpa: number, length: number): Uint8Array {
      const target = new Uint8Array(length);
      memory.read(gpa, target);
      return target;
    },
    /** Lets the clock move, and the disks answer. */
    async pass(ms = 1): Promise<void> {
      for (let n = 0; n < 4; n++) {
        pci.time.ns += (ms * NS_PER_MS) / 4;
        pci.clock.runDue();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** The PIIX3's controller: a disk as first device, a CD-ROM drive as third. */
export function ideControllerRig(
  disk = new TestDisk(1 << 20),
  disc: TestDisk | undefined = new TestDisk(1 << 20),
  isOpen = true,
) {
  const rig = machineRig();
  const irqs = [recordedLine(), recordedLine()] as const;
  const ide = new Piix3Ide({ ports: rig.io, irqs, clock: rig.clock, trace: QUIET });
  rig.bus.add(ide, PIIX3_IDE_DEVFN);
  const hd = ataDevice(rig, 'hd', disk);
  const cd = ataDevice(rig, 'cd', disc);
  ide.channels[0].units[0].attach(hd.device);
  ide.channels[1].units[0].attach(cd.device);
  const open = (): void => {
    rig.configWrite(PIIX3_IDE_DEVFN, 0x20, 4, BM);
    rig.configWrite(PIIX3_IDE_DEVFN, PCI_COMMAND, 2, 5);
  };
  if (isOpen) open();
  return { ...rig, ide, irqs, disk, disc, hd, cd, open };
}

/** An AHCI controller: a disk at its first port, a CD-ROM drive at its second. */
export function ahciRig(
  disk = new TestDisk(1 << 20),
  disc: TestDisk | undefined = new TestDisk(1 << 20),
  isOpen = true,
) {
  const rig = machineRig();
  const card = new Ich9Ahci(rig.clock, QUIET);
  const devfn = pciDevfn(4, 0);
  rig.bus.add(card, devfn);
  const hd = ataDevice(rig, 'hd', disk);
  const cd = ataDevice(rig, 'cd', disc);
  card.ports[0]?.unit.attach(hd.device);
  card.ports[1]?.unit.attach(cd.device);
  const open = (): void => {
    rig.configWrite(devfn, 0x24, 4, ABAR);
    rig.configWrite(devfn, PCI_COMMAND, 2, 7);
  };
  if (isOpen) open();
  return { ...rig, card, devfn, disk, disc, hd, cd, open };
}
