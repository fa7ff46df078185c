/** 82441FX (PMC): the host bridge at 00:00.0. Spec: Intel 440FX PCIset datasheet, §3. */
import { record } from '../core/state-fields.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';

export const I440FX_DEVFN = 0x00;

const PCI_DEVICE_ID_INTEL_82441 = 0x1237;
const PCI_CLASS_BRIDGE_HOST = 0x060000;
/** QEMU: RAM in units of 8 MiB, 255 at most. */
const RAM_SIZE = 0x57;
const RAM_SIZE_UNIT = 8 << 20;
const PAM0 = 0x59;
const SMRAM = 0x72;
const SMRAM_POWER_ON = 0x02;
/** D_LCK clear, SMRAM closed. */
const SMRAM_FIRMWARE = 0x0a;
/** PAM0–PAM6 with 0xc0000–0xe7fff and 0xf0000–0xfffff read-only, 0xe8000–0xeffff read-write. */
const PAM_FIRMWARE = [0x10, 0x11, 0x11, 0x11, 0x11, 0x11, 0x33];

export type I440fxState = { readonly pci: PciState };

/**
 * Not modelled: shadowing. 0xc0000–0xfffff is RAM whatever PAM says, as there is no ROM beneath it;
 * SMRAM: there is no system management mode.
 */
export class I440fx extends PciDevice<I440fxState> {
  readonly vmstate = { name: 'I440FX', version: 3, fields: record<I440fxState>({ pci: this.pciFields }) };

  /** @param ramBytes guest RAM in bytes */
  constructor(ramBytes: number) {
    super({
      type: 'i440FX',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82441,
      revision: 0x02,
      classCode: PCI_CLASS_BRIDGE_HOST,
    });
    this.config.set(RAM_SIZE, 1, Math.min(0xff, Math.floor(ramBytes / RAM_SIZE_UNIT)));
    this.config.set(SMRAM, 1, SMRAM_POWER_ON);
  }

  /** QEMU: PAM and SMRAM keep what the firmware set. */
  reset(): void {
    this.resetPci();
  }

  save(): I440fxState {
    return { pci: this.savePci() };
  }

  restore({ pci }: I440fxState): void {
    this.restorePci(pci);
  }

  /** Leaves the registers as SeaBIOS does. */
  firmwareSetup(): void {
    for (const [i, attributes] of PAM_FIRMWARE.entries()) this.configWrite(PAM0 + i, 1, attributes);
    this.configWrite(SMRAM, 1, SMRAM_FIRMWARE);
  }
}
