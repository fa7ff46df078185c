/** The capabilities of an 82574L in configuration space, as QEMU has them on a conventional bus. Spec: 82574 datasheet chapter 9. */
import type { ConfigSpace } from '../pci/config-space.ts';

const PCI_CAP_ID_PM = 0x01;
const PCI_CAP_ID_EXPRESS = 0x10;
const POWER_AT = 0xc8;
const POWER_LENGTH = 8;
const EXPRESS_AT = 0xe0;
/** Of version 1. */
const EXPRESS_LENGTH = 0x14;
export const MSI_AT = 0xd0;
export const MSIX_AT = 0xa0;
const PME_STATUS_HIGH = 0x80;

/** The one that the others stand in front of. */
export function addExpress(config: ConfigSpace): void {
  config.addCapability(PCI_CAP_ID_EXPRESS, EXPRESS_AT, EXPRESS_LENGTH);
  config.set(EXPRESS_AT + 2, 2, 1); // version, endpoint
  config.set(EXPRESS_AT + 4, 4, 0x8000); // error messages by role
  config.set(EXPRESS_AT + 0x0c, 4, 0x411); // the link: one lane at 2.5 GT/s
  config.set(EXPRESS_AT + 0x12, 2, 0x11);
}

export function addPower(config: ConfigSpace): void {
  config.addCapability(PCI_CAP_ID_PM, POWER_AT, POWER_LENGTH);
  config.set(POWER_AT + 2, 2, 0x22); // version 2, needs its driver
  config.setWritable(POWER_AT + 4, 2, 0x1f03);
  config.writeOneToClear[POWER_AT + 5] = PME_STATUS_HIGH;
}

export function resetPower(config: ConfigSpace): void {
  config.clearWritable(POWER_AT + 4, 2);
}
