/**
 * 82371AB (PIIX4) function 3: ACPI power management, APM port, SMBus. Spec: Intel 290562 §7; ACPI 1.0b §4.7.3.
 *
 * | port | register | width |
 * |---|---|---|
 * | PMBASE+0 | PM1_STS, PM1_EN | 2 + 2 |
 * | PMBASE+4 | PM1_CNT | 2 |
 * | PMBASE+8 | PM_TMR | 4, 24 bits count |
 * | 0xb2, 0xb3 | APMC, APMS | 1 + 1 |
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { BYTE, integer, record, type StateFields, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { PCI_INTERRUPT_LINE, PCI_STATUS_DEVSEL_MEDIUM, PCI_STATUS_FAST_BACK } from '../pci/config-space.ts';
import type { PciState } from '../pci/pci-device.ts';
import { PCI_VENDOR_ID_INTEL, PciDevice } from '../pci/pci-device.ts';
import type { PmSmbusState } from './pm-smbus.ts';
import { PM_SMBUS_STATE, PmSmbus, SMBUS_SIZE } from './pm-smbus.ts';

export const PIIX4_PM_DEVFN = 0x0b;
export const APM_PORT = 0xb2;
/** Written to APMC to switch ACPI mode on and off (FADT ACPI_ENABLE and ACPI_DISABLE). */
export const ACPI_ENABLE = 0xf1;
export const ACPI_DISABLE = 0xf0;
/** ISA interrupt of the SCI. */
export const SCI_IRQ = 9;
/** Where the firmware puts PMBASE and the SMBus. */
export const PM_BASE = 0x600;
export const SMB_BASE = 0x700;

/** Offsets of registers that have an access of their own. */
const PMEN = 2;
const PMCNTRL = 4;
const PMTMR = 8;

export const PM_TIMER_HZ = 3_579_545;
const PM_TIMER_MASK = 0xff_ffff;
/** TMR_STS is set whenever bit 23 changes. */
const PM_TIMER_HALF = 0x80_0000;
const NS_PER_S = 1_000_000_000;

export const TMR_STS = 0x0001;
export const GBL_STS = 0x0020;
export const PWRBTN_STS = 0x0100;
export const RTC_STS = 0x0400;
export const WAK_STS = 0x8000;
/** The enable bits lie where the status bits do. */
const SCI_SOURCES = TMR_STS | GBL_STS | PWRBTN_STS | RTC_STS;
export const SCI_EN = 0x0001;
const SLP_EN = 0x2000;
const SLP_TYP_SHIFT = 10;
/** QEMU: SLP_TYP of the sleeping states that its DSDT names. */
const SLP_TYP_S5 = 0;
const SLP_TYP_S3 = 1;
const SLP_TYP_S4 = 2;

const PCI_DEVICE_ID_INTEL_82371AB_3 = 0x7113;
const PCI_CLASS_BRIDGE_OTHER = 0x068000;
const PMBA = 0x40;
const DEVACTB = 0x58;
const DEVACTB_APMC_EN_BYTE = 0x02;
const DEVRESE = 0x5c;
const DEVRESF = 0x60;
const DEVRESG = 0x64;
const LPT1_PORT = 0x378;
const COM1_PORT = 0x3f8;
const COM2_PORT = 0x2f8;
const PMREGMISC = 0x80;
const PMREGMISC_PMIOSE = 0x01;
const SMBBA = 0x90;
const SMB_BASE_POWER_ON = 0xb100;
const SMBHSTCFG = 0xd2;
const SMBHSTCFG_ENABLE = 0x01;
const BASE_MASK = 0xffc0;

/** Who hears that the guest wants to sleep or go. */
export interface PowerEvents {
  /** The guest entered S5. */
  powerOff(): void;
  /** The guest entered S3. */
  suspendToRam(): void;
  /** The guest entered S4: QEMU says SUSPEND_DISK and powers off. */
  suspendToDisk(): void;
}

export type WakeReason = 'rtc' | 'pm-timer' | 'other';

/** What the board gives the chip. `sci` is one driver of the SCI wire. */
export interface Piix4PmWiring {
  readonly ports: AddressSpace;
  readonly clock: Clock;
  readonly sci: IrqLine;
  readonly power: PowerEvents;
  readonly trace: Trace;
  /** QEMU: -machine smm=; absent: true. */
  readonly smm?: boolean;
}

export type Piix4PmState = {
  readonly pci: PciState;
  readonly smbus: PmSmbusState;
  readonly pm1Status: number;
  readonly pm1Enable: number;
  readonly pm1Control: number;
  readonly overflowTicks: number;
  readonly apmCommand: number;
  readonly apmStatus: number;
};

const POWER_ON = {
  pm1Status: 0,
  pm1Enable: 0,
  pm1Control: 0,
  overflowTicks: 0,
  apmCommand: 0,
  apmStatus: 0,
};

/** More than a clock that goes on for as long as it can tell ever counts. */
const OVERFLOW_TICKS_MAX = 2 ** 46;

const PIIX4_PM_REGISTERS: StateFields<Omit<Piix4PmState, 'pci'>> = {
  smbus: PM_SMBUS_STATE,
  pm1Status: WORD,
  pm1Enable: WORD,
  pm1Control: WORD,
  overflowTicks: integer(0, OVERFLOW_TICKS_MAX),
  apmCommand: BYTE,
  apmStatus: BYTE,
};

export class Piix4Pm extends PciDevice<Piix4PmState> {
  static readonly registers = new RegisterTable<Piix4Pm>(
    {
      name: 'PIIX4_PM',
      title: 'Power management',
      place: 'ports from PMBA of configuration space, 0x600 as firmware leaves it',
      spec: 'Intel 82371AB (PIIX4); ACPI 1.0b §4.7.3',
    },
    [
      register(0, 2, 'PMSTS', '0 timer, 8 power button, 10 RTC, 15 woken up; writing 1 clears', {
        read: (pm) => pm.#status(),
        write: (pm, value) => pm.#clearStatus(value),
      }),
      register(PMEN, 2, 'PMEN', 'which of these pull SCI', {
        read: (pm) => pm.#s.pm1Enable,
        write: (pm, value) => {
          pm.#s.pm1Enable = value;
        },
      }),
      register(PMCNTRL, 2, 'PMCNTRL', '0 ACPI is on; 10 to 12 which sleeping state, 13 enters it', {
        read: (pm) => pm.#s.pm1Control,
        write: (pm, value) => pm.#writeControl(value),
      }),
      register(PMTMR, 4, 'PMTMR', '24 bits, 3,579,545 times a second', {
        read: (pm) => pm.#ticks() & PM_TIMER_MASK,
      }),
    ],
  );
  static readonly apmRegisters = new RegisterTable<Piix4Pm>(
    {
      name: 'apm-io',
      title: 'Advanced power management',
      place: 'ports 0xb2 and 0xb3',
      spec: 'Intel 82371AB (PIIX4)',
    },
    [
      register(0, 1, 'APMC', 'a command for firmware: 0xf1 switches ACPI on, 0xf0 off', {
        read: (pm) => pm.#s.apmCommand,
        write: (pm, value) => pm.#apmCommand(value),
      }),
      register(1, 1, 'APMS', 'a byte for firmware', {
        read: (pm) => pm.#s.apmStatus,
        write: (pm, value) => {
          pm.#s.apmStatus = value;
        },
      }),
    ],
  );

  readonly vmstate = {
    name: 'piix4_pm',
    version: 3,
    fields: record<Piix4PmState>({ pci: this.pciFields, ...PIIX4_PM_REGISTERS }),
  };
  readonly #ports: AddressSpace;
  readonly #clock: Clock;
  readonly #sci: IrqLine;
  readonly #power: PowerEvents;
  readonly #trace: Trace;
  readonly #smm: boolean;
  readonly #timer: Timer;
  readonly #smbus: PmSmbus;
  readonly #pmMappings: readonly (readonly [offset: number, mapping: Mapping])[];
  readonly #smbusMapping: Mapping;
  readonly #s = { ...POWER_ON };

  constructor({ ports, clock, sci, power, trace, smm = true }: Piix4PmWiring) {
    super({
      type: 'PIIX4_PM',
      vendorId: PCI_VENDOR_ID_INTEL,
      deviceId: PCI_DEVICE_ID_INTEL_82371AB_3,
      revision: 0x03,
      classCode: PCI_CLASS_BRIDGE_OTHER,
      interruptPin: 1,
      status: PCI_STATUS_FAST_BACK | PCI_STATUS_DEVSEL_MEDIUM,
    });
    this.#ports = ports;
    this.#clock = clock;
    this.#sci = sci;
    this.#power = power;
    this.#trace = trace;
    this.#smm = smm;
    this.#smbus = new PmSmbus(trace);
    this.#timer = clock.timer(() => this.#updateSci());
    this.#pmMappings = [
      [0, ports.map(0, 4, this.#eventRegisters(), { name: 'acpi-evt', enabled: false })],
      [PMCNTRL, ports.map(0, 2, this.#controlRegister(), { name: 'acpi-cnt', enabled: false })],
      [PMTMR, ports.map(0, 4, this.#timerRegister(), { name: 'acpi-tmr', enabled: false })],
    ];
    this.#smbusMapping = ports.map(0, SMBUS_SIZE, this.#smbus, { name: 'pm-smbus', enabled: false });
    ports.map(APM_PORT, 2, this.#apmRegisters(), { name: 'apm-io' });
    const { config } = this;
    config.set(PMBA, 1, 0x01);
    config.set(SMBBA, 2, SMB_BASE_POWER_ON | 1);
    config.set(SMBHSTCFG, 1, 0x08 | SMBHSTCFG_ENABLE);
    this.#doWithoutSmm();
    this.#followConfig();
    this.#updateSci();
  }

  /** QEMU: then ACPI is on from the start, and the firmware finds its handler set up. */
  #doWithoutSmm(): void {
    if (this.#smm) return;
    this.config.set(DEVACTB + 3, 1, DEVACTB_APMC_EN_BYTE);
    this.#s.pm1Control |= SCI_EN;
  }

  /** QEMU: once the board is complete, the device resource registers say which ISA ports it has. */
  machineReady(): void {
    const present = (port: number, bits: number): number => (this.#ports.answers(port) ? bits : 0);
    this.config.set(DEVRESE + 3, 1, 0x10 | present(LPT1_PORT, 0x80));
    this.config.set(DEVRESF + 3, 1, 0x60);
    this.config.set(DEVRESG + 3, 1, present(COM1_PORT, 0x08) | present(COM2_PORT, 0x90));
  }

  reset(): void {
    this.resetPci();
    this.config.set(DEVACTB, 4, 0);
    // QEMU: only the lowest bytes go back; the address bits above stay until the firmware sets them again.
    this.config.set(PMBA, 1, 0x01);
    this.config.set(PMREGMISC, 1, 0);
    Object.assign(this.#s, POWER_ON);
    this.#doWithoutSmm();
    this.#smbus.reset();
    this.#followConfig();
    this.#updateSci();
  }

  save(): Piix4PmState {
    return { pci: this.savePci(), smbus: this.#smbus.save(), ...this.#s };
  }

  restore({ pci, smbus, ...registers }: Piix4PmState): void {
    this.restorePci(pci);
    this.#smbus.restore(smbus);
    Object.assign(this.#s, registers);
    this.#followConfig();
    this.#follow(this.#s.pm1Status);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    super.configWrite(offset, size, value);
    this.#followConfig();
  }

  /** The user pressed the power button; QEMU: lost unless the guest has enabled its event. */
  powerButton(): void {
    if ((this.#s.pm1Enable & PWRBTN_STS) === 0) return;
    this.#s.pm1Status |= PWRBTN_STS;
    this.#updateSci();
  }

  /** Says in PM1_STS why the machine left S3. */
  wakeUp(reason: WakeReason): void {
    const source = { rtc: RTC_STS, 'pm-timer': TMR_STS, other: PWRBTN_STS }[reason];
    this.#s.pm1Status |= WAK_STS | source;
    this.#updateSci();
  }

  /** Leaves the registers as SeaBIOS does. */
  firmwareSetup(): void {
    this.configWrite(PMBA, 2, PM_BASE | 1);
    this.configWrite(PMREGMISC, 1, PMREGMISC_PMIOSE);
    this.configWrite(SMBBA, 2, SMB_BASE | 1);
    this.configWrite(SMBHSTCFG, 1, 0x08 | SMBHSTCFG_ENABLE);
    this.configWrite(DEVACTB + 3, 1, DEVACTB_APMC_EN_BYTE);
    this.configWrite(PCI_INTERRUPT_LINE, 1, SCI_IRQ);
  }

  #followConfig(): void {
    const pmOn = (this.config.read(PMREGMISC, 1) & PMREGMISC_PMIOSE) !== 0;
    const base = this.config.read(PMBA, 2) & BASE_MASK;
    for (const [offset, mapping] of this.#pmMappings) {
      mapping.move(base + offset);
      mapping.enable(pmOn);
    }
    this.#smbusMapping.move(this.config.read(SMBBA, 2) & BASE_MASK);
    this.#smbusMapping.enable((this.config.read(SMBHSTCFG, 1) & SMBHSTCFG_ENABLE) !== 0);
  }

  /** QEMU: words at 0 and 2; a byte write replaces its whole word, odd offsets are nothing. */
  #eventRegisters(): IoHandler {
    return {
      maxSize: 2,
      read: (offset, size) => this.#readEvent(offset) & OPEN_BUS[size],
      write: (offset, _size, value) => this.#writeEvent(offset, value & 0xffff),
    };
  }

  #readEvent(offset: number): number {
    return offset > PMEN ? 0 : (Piix4Pm.registers.read(this, this.#trace, offset, 2) ?? 0);
  }

  #writeEvent(offset: number, value: number): void {
    if (offset <= PMEN) Piix4Pm.registers.write(this, this.#trace, offset, 2, value);
    this.#updateSci();
  }

  /** QEMU: any access of any size to the two ports is one to the whole register. */
  #controlRegister(): IoHandler {
    return {
      maxSize: 2,
      read: (_offset, size) => this.#read(PMCNTRL, size),
      write: (_offset, size, value) => {
        Piix4Pm.registers.write(this, this.#trace, PMCNTRL, size, value);
      },
    };
  }

  #read(offset: number, size: AccessSize): number {
    return (Piix4Pm.registers.read(this, this.#trace, offset, size) ?? 0) & OPEN_BUS[size];
  }

  #writeControl(value: number): void {
    this.#s.pm1Control = value & 0xffff & ~SLP_EN;
    if ((value & SLP_EN) !== 0) this.#sleep((value >>> SLP_TYP_SHIFT) & 7);
  }

  #timerRegister(): IoHandler {
    return {
      read: (_offset, size) => this.#read(PMTMR, size),
      write: () => {},
    };
  }

  /** QEMU: a wider access is one to both, wherever it begins. */
  #apmRegisters(): IoHandler {
    const read = (offset: number): number => Piix4Pm.apmRegisters.read(this, this.#trace, offset, 1) ?? 0;
    const write = (offset: number, value: number): void => {
      Piix4Pm.apmRegisters.write(this, this.#trace, offset, 1, value & 0xff);
    };
    return {
      read: (offset, size) => (size === 1 ? read(offset) : (read(0) | (read(1) << 8)) & OPEN_BUS[size]),
      write: (offset, size, value) => {
        if (offset === 0) write(0, value);
        if (offset === 1) write(1, value);
        else if (size !== 1) write(1, value >>> 8);
      },
    };
  }

  /** Not modelled: the SMI that APMC also raises; there is no system management mode. */
  #apmCommand(value: number): void {
    this.#s.apmCommand = value;
    if (value === ACPI_ENABLE) this.#s.pm1Control |= SCI_EN;
    else if (value === ACPI_DISABLE) this.#s.pm1Control &= ~SCI_EN;
  }

  #sleep(type: number): void {
    if (type === SLP_TYP_S5) this.#power.powerOff();
    else if (type === SLP_TYP_S3) this.#power.suspendToRam();
    else if (type === SLP_TYP_S4) this.#power.suspendToDisk();
    else this.#trace.guestError('PIIX4_PM: SLP_TYP %d is no sleeping state', type);
  }

  #ticks(): number {
    const now = this.#clock.nowNs();
    const seconds = Math.floor(now / NS_PER_S);
    return seconds * PM_TIMER_HZ + Math.floor(((now - seconds * NS_PER_S) * PM_TIMER_HZ) / NS_PER_S);
  }

  #status(): number {
    if (this.#ticks() >= this.#s.overflowTicks) this.#s.pm1Status |= TMR_STS;
    return this.#s.pm1Status;
  }

  #clearStatus(value: number): void {
    if ((this.#status() & value & TMR_STS) !== 0) {
      const ticks = this.#ticks();
      this.#s.overflowTicks = ticks + PM_TIMER_HALF - (ticks % PM_TIMER_HALF);
    }
    this.#s.pm1Status &= ~value;
  }

  #updateSci(): void {
    this.#follow(this.#status());
  }

  #follow(status: number): void {
    this.#sci.set((status & this.#s.pm1Enable & SCI_SOURCES) !== 0);
    const waits = (this.#s.pm1Enable & TMR_STS) !== 0 && (status & TMR_STS) === 0;
    if (waits) this.#timer.arm(this.#overflowNs());
    else this.#timer.cancel();
  }

  #overflowNs(): number {
    const seconds = Math.floor(this.#s.overflowTicks / PM_TIMER_HZ);
    const rest = this.#s.overflowTicks - seconds * PM_TIMER_HZ;
    return seconds * NS_PER_S + Math.ceil((rest * NS_PER_S) / PM_TIMER_HZ);
  }
}
