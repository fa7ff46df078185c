/** 82371SB (PIIX3) function 0: PCI-to-ISA bridge, router of PIRQA#–PIRQD#. Spec: Intel 290550, §2.2. */
import type { AddressSpace } from '../bus/address-space.ts';
import type { AccessSize } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { mask, record } from '../core/state-fields.ts';
import { PCI_STATUS_DEVSEL_MEDIUM } from '../pci/config-space.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';
import { FIRMWARE_PIRQ_ROUTES } from '../pci/pci-resources.ts';

export const PIIX3_DEVFN = 0x08;
export const RESET_CONTROL_PORT = 0xcf9;

const PCI_DEVICE_ID_INTEL_82371SB_0 = 0x7000;
const PCI_CLASS_BRIDGE_ISA = 0x060100;
const PIRQS = 4;
const ISA_IRQS = 16;
/** PIRQRCA–PIRQRCD: the ISA interrupt a PIRQ goes to, or bit 7 for none. */
const PIRQRC = 0x60;
const PIRQRC_DISABLED = 0x80;
const RCR_HARD_RESET = 0x02;
const RCR_RESET_CPU = 0x04;

/** Spec: 290550 §2.2, power-on values; QEMU sets all of them again at reset. */
const POWER_ON: readonly (readonly [offset: number, value: number])[] = [
  [0x4c, 0x4d],
  [0x4e, 0x03],
  [0x60, PIRQRC_DISABLED],
  [0x61, PIRQRC_DISABLED],
  [0x62, PIRQRC_DISABLED],
  [0x63, PIRQRC_DISABLED],
  [0x69, 0x02],
  [0x70, 0x80],
  [0x76, 0x0c],
  [0x77, 0x0c],
  [0x78, 0x02],
  [0xa0, 0x08],
  [0xa8, 0x0f],
];

export type Piix3State = { readonly pci: PciState; readonly rcr: number };

export class Piix3 extends PciDevice<Piix3State> {
  readonly vmstate = {
    name: 'PIIX3',
    version: 3,
    fields: record<Piix3State>({ pci: this.pciFields, rcr: mask(RCR_HARD_RESET) }),
  };
  /** The inputs PIRQA#–PIRQD# for the PCI bus. */
  readonly pirqs: readonly [IrqLine, IrqLine, IrqLine, IrqLine];
  readonly #isaIrqs: readonly IrqLine[];
  readonly #onReset: () => void;
  /** Level of each PIRQ wire: follows from what the PCI functions drive, hence not part of the state. */
  readonly #levels = new Uint8Array(PIRQS);
  readonly #s = { rcr: 0 };

  /**
   * @param isaIrqs the sixteen ISA interrupts, one driver each of a wired-or
   * @param onReset the guest asked for a reset through port 0xcf9
   */
  constructor(ports: AddressSpace, isaIrqs: readonly IrqLine[], onReset: () => void) {
    super({
      type: 'PIIX3',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82371SB_0,
      classCode: PCI_CLASS_BRIDGE_ISA,
      multifunction: true,
      status: PCI_STATUS_DEVSEL_MEDIUM,
    });
    this.#isaIrqs = isaIrqs;
    this.#onReset = onReset;
    this.pirqs = [this.#pirq(0), this.#pirq(1), this.#pirq(2), this.#pirq(3)];
    this.#powerOn();
    const control = { read: () => this.#s.rcr, write: this.#writeResetControl.bind(this) };
    ports.map(RESET_CONTROL_PORT, 1, control, { name: 'piix3-reset-control', priority: 1 });
  }

  reset(): void {
    this.resetPci();
    this.#powerOn();
    this.#s.rcr = 0;
    this.#route();
  }

  save(): Piix3State {
    return { pci: this.savePci(), ...this.#s };
  }

  restore({ pci, rcr }: Piix3State): void {
    this.restorePci(pci);
    this.#s.rcr = rcr;
    this.#route();
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    if (offset < PIRQRC + PIRQS && offset + size > PIRQRC) this.#route();
  }

  /** The ISA interrupt that PIRQ `pirq` (0 for PIRQA#) goes to, or undefined. */
  routeOf(pirq: number): number | undefined {
    const irq = this.config.read(PIRQRC + pirq, 1);
    // QEMU: any value above 15 is no route, not only bit 7.
    return irq < ISA_IRQS ? irq : undefined;
  }

  /** Leaves the registers as SeaBIOS does; it also makes IRQ 10 and 11 level-triggered in the ELCR. */
  firmwareSetup(): void {
    for (const [pirq, irq] of FIRMWARE_PIRQ_ROUTES.entries()) this.configWrite(PIRQRC + pirq, 1, irq);
  }

  #pirq(pirq: number): IrqLine {
    return {
      set: (level) => {
        this.#levels[pirq] = level ? 1 : 0;
        const irq = this.routeOf(pirq);
        if (irq !== undefined) this.#drive(irq);
      },
    };
  }

  #powerOn(): void {
    this.config.bytes.fill(0, 0x40);
    for (const [offset, value] of POWER_ON) this.config.set(offset, 1, value);
  }

  #route(): void {
    for (let irq = 0; irq < ISA_IRQS; irq++) this.#drive(irq);
  }

  #drive(irq: number): void {
    let level = false;
    for (let pirq = 0; pirq < PIRQS; pirq++) {
      if (this.#levels[pirq] !== 0 && this.routeOf(pirq) === irq) level = true;
    }
    this.#isaIrqs[irq]?.set(level);
  }

  #writeResetControl(_offset: number, _size: AccessSize, value: number): void {
    this.#s.rcr = value & RCR_HARD_RESET;
    if ((value & RCR_RESET_CPU) !== 0) this.#onReset();
  }
}
