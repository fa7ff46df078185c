/** An NVMe controller's capabilities in configuration space, as QEMU has them. Spec: PCI Express Base 3.1 §7.8. */
import type { AccessSize } from '../core/device.ts';
import type { ConfigSpace } from '../pci/config-space.ts';

const PCI_CAP_ID_PM = 0x01;
const PCI_CAP_ID_EXPRESS = 0x10;
const POWER_AT = 0x60;
const POWER_LENGTH = 8;
const EXPRESS_AT = 0x80;
const EXPRESS_LENGTH = 0x3c;
const DEVICE_CONTROL = EXPRESS_AT + 8;
/** In DEVICE_CONTROL: the function is reset. */
const INITIATE_RESET = 0x8000;

/** Whether a write to configuration space asks for a reset of the function. */
export type FunctionReset = (offset: number, size: AccessSize, value: number) => boolean;

/** Adds those before MSI-X: a function of PCI Express, whatever bus it is on, that can be reset alone. */
export function addNvmeCapabilities(config: ConfigSpace): FunctionReset {
  config.addCapability(PCI_CAP_ID_PM, POWER_AT, POWER_LENGTH);
  config.set(POWER_AT + 2, 2, 3); // version
  config.set(POWER_AT + 4, 2, 8); // no reset between states
  config.setWritable(POWER_AT + 4, 2, 3);
  config.addCapability(PCI_CAP_ID_EXPRESS, EXPRESS_AT, EXPRESS_LENGTH);
  config.set(EXPRESS_AT + 2, 2, 2); // version, endpoint
  config.set(EXPRESS_AT + 4, 4, 0x1000_8000); // reset of the function, error messages by role
  config.set(EXPRESS_AT + 0x0c, 4, 0x411); // the link: one lane at 2.5 GT/s
  config.set(EXPRESS_AT + 0x12, 2, 0x11);
  config.set(EXPRESS_AT + 0x24, 4, 0x30_0000); // prefixes of packets
  config.setWritable(EXPRESS_AT + 0x28, 2, 0x8000);
  return (offset, size, value) => {
    const high = DEVICE_CONTROL + 1;
    if (high < offset || high >= offset + size) return false;
    return ((value >>> (8 * (high - offset))) & (INITIATE_RESET >>> 8)) !== 0;
  };
}
