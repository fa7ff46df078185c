/** Intel's 82801 mobile PCI bridge (DMI-to-PCI), `i82801b11-bridge`: plain PCI behind it. Spec: Intel ICH9 316972 §11. */
import { record } from '../core/state-fields.ts';
import { PciBridge } from './pci-bridge.ts';
import { PCI_VENDOR_ID_INTEL, type PciState } from './pci-device.ts';

const PCI_DEVICE_ID_INTEL_82801BA_11 = 0x244e;
const REVISION = 0x92;
/** With subtractive decoding, which QEMU claims and does not do. */
const PCI_CLASS_BRIDGE_PCI_SUBTRACTIVE = 0x060401;
const PCI_CAP_ID_SSVID = 0x0d;
const SSVID_CAPABILITY = 0x50;
const SSVID_LENGTH = 8;

export type I82801b11State = { readonly pci: PciState };

export class I82801b11 extends PciBridge<I82801b11State> {
  readonly vmstate = {
    name: 'i82801b11_bridge',
    version: 1,
    fields: record<I82801b11State>({ pci: this.pciFields }),
  };

  constructor(id = '', multifunction = false) {
    super(
      {
        type: 'i82801b11-bridge',
        vendorId: PCI_VENDOR_ID_INTEL,
        deviceId: PCI_DEVICE_ID_INTEL_82801BA_11,
        revision: REVISION,
        classCode: PCI_CLASS_BRIDGE_PCI_SUBTRACTIVE,
        multifunction,
      },
      id,
    );
    this.config.addCapability(PCI_CAP_ID_SSVID, SSVID_CAPABILITY, SSVID_LENGTH);
  }

  reset(): void {
    this.resetPci();
  }

  save(): I82801b11State {
    return { pci: this.savePci() };
  }

  restore({ pci }: I82801b11State): void {
    this.restorePci(pci);
  }
}
