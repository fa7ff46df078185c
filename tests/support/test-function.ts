/** A PCI function for tests of what is around it: one register, interrupt pin INTA#. */
import { record } from '../../src/emu/core/state-fields.ts';
import { PciDevice, type PciState } from '../../src/emu/pci/pci-device.ts';

export class TestFunction extends PciDevice<{ readonly pci: PciState }> {
  static readonly VALUE = 0x1234_5678;
  readonly vmstate = { name: 'test', version: 1, fields: record({ pci: this.pciFields }) };

  /** @param rom its expansion ROM; absent: none */
  constructor(rom?: Uint8Array) {
    super({ type: 'test', vendorId: 0x1b36, deviceId: 5, classCode: 0xff0000, interruptPin: 1 });
    const handler = { read: () => TestFunction.VALUE, write() {} };
    this.addBar({ index: 0, kind: 'mem32', sizeBytes: 0x1000, handler });
    if (rom !== undefined) this.addRom(rom);
  }

  reset(): void {
    this.resetPci();
  }

  save() {
    return { pci: this.savePci() };
  }

  restore({ pci }: { readonly pci: PciState }): void {
    this.restorePci(pci);
  }
}
