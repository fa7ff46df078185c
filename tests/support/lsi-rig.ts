/** A 53C895A on a PCI bus, with disks that a user has plugged in. */
import { Lsi53c895a } from '../../src/emu/scsi/lsi53c895a.ts';
import { adapterRig } from './adapter-rig.ts';

export const lsiRig = (images?: Parameters<typeof adapterRig>[2]) =>
  adapterRig(
    (clock) => new Lsi53c895a(clock),
    (card) => card.bus.scsi,
    images,
  );
