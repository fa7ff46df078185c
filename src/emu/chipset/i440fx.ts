/** 82441FX (PMC): the host bridge at 00:00.0. Spec: Intel 440FX PCIset datasheet, §3. */
import type { AccessSize } from '../core/device.ts';
import { record } from '../core/state-fields.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Region } from '../memory/region.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';
import { PAM_REGISTERS, PAM0, Pam } from './pam.ts';

export const I440FX_DEVFN = 0x00;

const PCI_DEVICE_ID_INTEL_82441 = 0x1237;
const PCI_CLASS_BRIDGE_HOST = 0x060000;
/** QEMU: RAM in units of 8 MiB, 255 at most. */
const RAM_SIZE = 0x57;
const RAM_SIZE_UNIT = 8 << 20;
const SMRAM = 0x72;
const SMRAM_POWER_ON = 0x02;
/** D_LCK clear, SMRAM closed. */
const SMRAM_FIRMWARE = 0x0a;
/** PAM0–PAM6 with 0xc0000–0xe7fff and 0xf0000–0xfffff read-only, 0xe8000–0xeffff read-write. */
const PAM_FIRMWARE = [0x10, 0x11, 0x11, 0x11, 0x11, 0x11, 0x33];
/** All of it may be read and written. */
const PAM_OPEN = [0x30, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33];

export type I440fxState = { readonly pci: PciState };

/** Not modelled: SMRAM; there is no system management mode. */
export class I440fx extends PciDevice<I440fxState> {
  readonly vmstate = { name: 'I440FX', version: 3, fields: record<I440fxState>({ pci: this.pciFields }) };

  readonly #pam: Pam;

  /** @param ramBytes guest RAM in bytes */
  constructor(ramBytes: number, memory: GuestMemory) {
    super({
      type: 'i440FX',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82441,
      revision: 0x02,
      classCode: PCI_CLASS_BRIDGE_HOST,
    });
    this.config.set(RAM_SIZE, 1, Math.min(0xff, Math.floor(ramBytes / RAM_SIZE_UNIT)));
    this.config.set(SMRAM, 1, SMRAM_POWER_ON);
    this.#pam = new Pam(memory);
    this.#applyPam();
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    if (offset + size > PAM0 && offset < PAM0 + PAM_REGISTERS) this.#applyPam();
  }

  #applyPam(): void {
    const registers = Array.from({ length: PAM_REGISTERS }, (_, index) => this.config.read(PAM0 + index, 1));
    this.#pam.apply(registers);
  }

  /** Firmware came later: its end is found below 1 MiB too. */
  setFirmware(end: Region): void {
    this.#pam.setFirmware(end);
    this.#applyPam();
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
    this.#applyPam();
  }

  /** Lets the firmware write what it leaves in its segment. */
  openForFirmware(): void {
    this.#setPam(PAM_OPEN);
  }

  #setPam(registers: readonly number[]): void {
    for (const [index, attributes] of registers.entries()) this.configWrite(PAM0 + index, 1, attributes);
  }

  /** Leaves the registers as SeaBIOS does. @param usesSmram it has put code there and closed it */
  firmwareSetup(usesSmram = true): void {
    this.#setPam(PAM_FIRMWARE);
    if (usesSmram) this.configWrite(SMRAM, 1, SMRAM_FIRMWARE);
  }
}
