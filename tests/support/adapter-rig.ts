/** A SCSI adapter on a PCI bus, with disks that a user has plugged in. */
import type { Clock } from '../../src/emu/core/clock.ts';
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import type { PciDevice } from '../../src/emu/pci/pci-device.ts';
import type { ScsiBus } from '../../src/emu/scsi/scsi-bus.ts';
import { pciRig } from './pci-rig.ts';
import { imagesOf, scsiPlugs } from './scsi-rig.ts';

export async function adapterRig<Card extends PciDevice>(
  make: (clock: Clock) => Card,
  busOf: (card: Card) => ScsiBus,
  images = imagesOf({}),
) {
  const memory = pcMemory(4 << 20);
  const pci = pciRig(memory);
  const card = make(pci.clock);
  pci.bus.add(card, pciDevfn(2, 0));
  return {
    ...pci,
    ...scsiPlugs(busOf(card), pci.clock, images),
    card,
    memory,
    mmio: pci.memory,
    bytes: (gpa: number, length: number) => {
      const target = new Uint8Array(length);
      memory.read(gpa, target);
      return target;
    },
    /** Lets the clock move. */
    pass: (ns: number) => {
      pci.time.ns += ns;
      pci.clock.runDue();
    },
  };
}
