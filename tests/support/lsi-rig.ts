/** A 53C895A on a PCI bus, with disks that a user has plugged in. */
import { pcMemory } from '../../src/emu/memory/pc-ram.ts';
import { pciDevfn } from '../../src/emu/pci/pci-bus.ts';
import { Lsi53c895a } from '../../src/emu/scsi/lsi53c895a.ts';
import { pciRig } from './pci-rig.ts';
import { imagesOf, scsiPlugs } from './scsi-rig.ts';

export async function lsiRig(images = imagesOf({})) {
  const memory = pcMemory(4 << 20);
  const pci = pciRig(memory);
  const card = new Lsi53c895a(pci.clock);
  pci.bus.add(card, pciDevfn(2, 0));
  return {
    ...pci,
    ...scsiPlugs(card.bus.scsi, pci.clock, images),
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
