/** pvpanic as a PCI function: the register is BAR 0. Spec: QEMU docs/specs/pvpanic. */
import { record } from '../core/state-fields.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';
import { PvpanicRegister, type PvpanicWiring } from './pvpanic.ts';

const PCI_VENDOR_ID_REDHAT = 0x1b36;
const PCI_DEVICE_ID_REDHAT_PVPANIC = 0x0011;
/** Other system peripheral. */
const PCI_CLASS_SYSTEM_OTHER = 0x088000;
const REGISTERS_SIZE = 2;

export type PvpanicPciState = { readonly pci: PciState };

export class PvpanicPci extends PciDevice<PvpanicPciState> {
  readonly vmstate = {
    name: 'pvpanic-pci',
    version: 1,
    fields: record<PvpanicPciState>({ pci: this.pciFields }),
  };

  constructor(wiring: PvpanicWiring, id = '', multifunction = false) {
    const identity = {
      type: 'pvpanic-pci',
      vendorId: PCI_VENDOR_ID_REDHAT,
      deviceId: PCI_DEVICE_ID_REDHAT_PVPANIC,
      revision: 1,
      classCode: PCI_CLASS_SYSTEM_OTHER,
      multifunction,
    };
    super(identity, id);
    const { handler } = new PvpanicRegister(wiring);
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: REGISTERS_SIZE, handler });
  }

  reset(): void {
    this.resetPci();
  }

  save(): PvpanicPciState {
    return { pci: this.savePci() };
  }

  restore({ pci }: PvpanicPciState): void {
    this.restorePci(pci);
  }
}
