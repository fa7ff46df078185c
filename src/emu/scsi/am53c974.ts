/**
 * AMD Am53C974 (PCscsi II): an ESP core on PCI, with a DMA engine.
 * Spec: AMD Am53C974 PCscsi Technical Manual, chapters 3 and 4. QEMU: hw/scsi/esp-pci.c of 7.2.19, whose engine has nothing to blast and knows no lists
 * of pages (MDL).
 */
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { DWORD, list, nullable, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { EEPROM_STATE, type EepromState } from '../pci/eeprom-93c46.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';
import { Dc390Eeprom } from './dc390.ts';
import { Esp } from './esp.ts';
import { ESP_STATE, type EspState } from './esp-state.ts';

const PCI_VENDOR_ID_AMD = 0x1022;
const PCI_DEVICE_ID_AM53C974 = 0x2020;
const PCI_CLASS_SCSI = 0x010000;
const PORTS_BYTES = 0x80;
const CHIP_ID = 0x12;

const CORE_END = 0x40;
const DMA_BASE = 0x40;
const DMA_END = 0x60;
const SBAC = 0x70;
/** QEMU: a narrow write between these is completed from SBAC. */
const SBAC_END = 0x74;

/** Registers of the DMA engine, by number. */
const CMD = 0;
const STC = 1;
const SPA = 2;
const WBC = 3;
const WAC = 4;
const STAT = 5;
const SMDLA = 6;
const WMAC = 7;
const DMA_REGISTERS = 8;

const CMD_MASK = 0x03;
const CMD_IDLE = 0;
const CMD_BLAST = 1;
const CMD_ABORT = 2;
const CMD_START = 3;
/** DONE interrupts. */
const CMD_INTE_D = 0x40;
/** Set: from the chip to memory. */
const CMD_DIR = 0x80;
/** DIR, both interrupt enables, MDL, DIAG, and the command. */
const CMD_BITS = 0xf7;

const STAT_PWDN = 0x01;
const STAT_ERROR = 0x02;
const STAT_ABORT = 0x04;
const STAT_DONE = 0x08;
const STAT_SCSIINT = 0x10;
const STAT_BCMBLT = 0x20;
const STAT_ALL = STAT_PWDN | STAT_ERROR | STAT_ABORT | STAT_DONE | STAT_SCSIINT | STAT_BCMBLT;
const STAT_CLEARED = STAT_ERROR | STAT_ABORT | STAT_DONE;
/** Bits of the status are cleared by writing them, not by reading it. */
const SBAC_STATUS = 1 << 24;

export type Am53c974State = {
  readonly pci: PciState;
  readonly core: EspState;
  readonly dmaRegs: readonly number[];
  readonly sbac: number;
  /** Of a DC-390. */
  readonly eeprom: EepromState | null;
};

export interface Am53c974Wiring {
  readonly type: 'am53c974' | 'dc390';
  readonly clock: Clock;
  readonly trace: Trace;
}

const CORE_NAMES = [
  ...['CTCREG low', 'CTCREG middle', 'SFREG', 'SCMDREG', 'SCSTATREG', 'INTSTREG', 'ISREG', 'CFISREG'],
  ...['CNTLREG1', 'CLKFREG', 'TESTREG', 'CNTLREG2', 'CNTLREG3', 'CNTLREG4', 'CTCREG high', 'RES'],
];
const CORE_HELP = [
  ...['bytes that are left, bits 0–7', 'bits 8–15', 'FIFO', 'command'],
  ...['status; written: whom to select', 'why it interrupts; reading clears; written: time to select'],
  ...[
    'how far a command came; written: synchronous period',
    'bytes in the FIFO; written: synchronous offset',
  ],
  ...['configuration 1', 'clock', 'test', 'configuration 2', 'configuration 3', 'configuration 4'],
  ...["bits 16–23; the chip's number until it is written", 'nothing'],
];
const DMA_NAMES = ['CMD', 'STC', 'SPA', 'WBC', 'WAC', 'STAT', 'SMDLA', 'WMAC'];
const DMA_HELP = [
  ...[
    'command and direction',
    'bytes to move',
    'where from or to',
    'bytes that are left',
    'where it has come to',
  ],
  ...['status', 'list of pages, which is not used', 'where in that list'],
];

export class Am53c974 extends PciDevice<Am53c974State> {
  static readonly registers = new RegisterTable<Am53c974>(
    {
      name: 'esp-io',
      title: 'Am53C974: SCSI adapter',
      place: 'BAR 0, I/O ports',
      spec: 'AMD Am53C974 PCscsi Technical Manual, chapters 3 and 4',
    },
    [
      ...CORE_NAMES.map(
        (name, number): Register<Am53c974> =>
          register(4 * number, 4, name, CORE_HELP[number] ?? '', {
            read: (own) => own.core.read(number),
            write: (own, value) => own.core.write(number, value & 0xff),
          }),
      ),
      ...DMA_NAMES.map(
        (name, number): Register<Am53c974> =>
          register(DMA_BASE + 4 * number, 4, name, DMA_HELP[number] ?? '', {
            read: (own) => own.#readDma(number),
            write: (own, value) => own.#writeDma(number, value),
          }),
      ),
      register(SBAC, 4, 'SBAC', 'how bits of STAT are cleared', {
        read: (own) => own.#sbac,
        write(own, value) {
          own.#sbac = value;
        },
      }),
    ],
  );

  readonly vmstate = {
    name: 'pciespscsi',
    version: 1,
    fields: record<Am53c974State>({
      pci: this.pciFields,
      core: ESP_STATE,
      dmaRegs: list(DWORD, DMA_REGISTERS),
      sbac: DWORD,
      eeprom: nullable(EEPROM_STATE),
    }),
  };
  readonly core: Esp;
  readonly #trace: Trace;
  readonly #eeprom: Dc390Eeprom | undefined;
  #dmaRegs = new Array<number>(DMA_REGISTERS).fill(0);
  #sbac = 0;

  constructor(wiring: Am53c974Wiring, id = '', multifunction = false) {
    const { type } = wiring;
    super(
      {
        ...{ type, vendorId: PCI_VENDOR_ID_AMD, deviceId: PCI_DEVICE_ID_AM53C974, revision: 0x10 },
        ...{ classCode: PCI_CLASS_SCSI, interruptPin: 1, multifunction },
      },
      id,
    );
    this.#trace = wiring.trace;
    if (type === 'dc390') this.#eeprom = new Dc390Eeprom();
    this.core = new Esp({
      clock: wiring.clock,
      chipId: CHIP_ID,
      fetch: (target) => this.#move(target, false),
      store: (source) => this.#move(source, true),
      interrupt: (level) => this.#coreInterrupt(level),
    });
    const handler: IoHandler = {
      read: (offset, size) => this.#read(offset, size),
      write: (offset, size, value) => this.#write(offset, size, value),
    };
    this.addBar({ index: 0, kind: 'io', sizeBytes: PORTS_BYTES, handler });
    this.#resetDma();
  }

  override configRead(offset: number, size: AccessSize): number {
    return this.#eeprom?.hides(offset, size) === true ? 0 : super.configRead(offset, size);
  }

  override configWrite(offset: number, size: AccessSize, value: number): void {
    if (this.#eeprom?.write(offset, value) !== true) super.configWrite(offset, size, value);
  }

  /** QEMU: SBAC stays as it is. */
  reset(): void {
    this.resetPci();
    this.core.reset();
    this.#resetDma();
  }

  /** It has left. */
  abandon(): void {
    this.core.abandon();
  }

  save(): Am53c974State {
    return {
      pci: this.savePci(),
      core: this.core.save(),
      dmaRegs: [...this.#dmaRegs],
      sbac: this.#sbac,
      eeprom: this.#eeprom?.chip.save() ?? null,
    };
  }

  restore({ pci, core, dmaRegs, sbac, eeprom }: Am53c974State): void {
    this.restorePci(pci);
    if (eeprom !== null) this.#eeprom?.chip.restore(eeprom);
    this.#dmaRegs = [...dmaRegs];
    this.#sbac = sbac;
    this.core.restore(core);
  }

  #resetDma(): void {
    const regs = this.#dmaRegs;
    regs[CMD] &= ~CMD_BITS;
    regs[WBC] &= ~0xffff;
    regs[WAC] = 0xffff_ffff;
    regs[STAT] &= ~STAT_ALL;
    regs[WMAC] = 0xffff_fffd;
    for (const [number, value] of regs.entries()) regs[number] = value >>> 0;
  }

  #read(offset: number, size: AccessSize): number {
    const value = Am53c974.registers.read(this, this.#trace, offset & ~3, size) ?? 0;
    const part = value >>> ((offset & 3) * 8);
    return size === 4 ? part >>> 0 : part & (2 ** (8 * size) - 1);
  }

  /** QEMU: a write of less than a register is completed with what the register was last written, where it puts the bytes from the other end. */
  #write(offset: number, size: AccessSize, value: number): void {
    let whole = value;
    if (size < 4 || (offset & 3) !== 0) {
      const shift = ((4 - (offset & 3)) & 3) * 8;
      const mask = 0xffff_ffff >>> ((4 - size) * 8);
      whole = ((value << shift) | (this.#current(offset) & ~(mask << shift))) >>> 0;
    }
    Am53c974.registers.write(this, this.#trace, offset & ~3, 4, whole);
  }

  #current(offset: number): number {
    if (offset < CORE_END) return this.core.writtenTo(offset >> 2);
    if (offset < DMA_END) return this.#dmaRegs[(offset - DMA_BASE) >> 2];
    return offset < SBAC_END ? this.#sbac : 0;
  }

  #readDma(number: number): number {
    const value = this.#dmaRegs[number];
    if (number === STAT && (this.#sbac & SBAC_STATUS) === 0) this.#clearStatus(STAT_CLEARED);
    return value;
  }

  #clearStatus(bits: number): void {
    this.#dmaRegs[STAT] &= ~(bits & STAT_CLEARED);
    this.#updateIrq();
  }

  #writeDma(number: number, value: number): void {
    const regs = this.#dmaRegs;
    if (number === STC || number === SPA || number === SMDLA) regs[number] = value;
    else if (number === STAT) {
      if ((this.#sbac & SBAC_STATUS) !== 0) this.#clearStatus(value);
    } else if (number === CMD) {
      regs[CMD] = value;
      this.#command(value & CMD_MASK);
    }
  }

  #command(command: number): void {
    const regs = this.#dmaRegs;
    switch (command) {
      case CMD_IDLE:
        this.core.enableDma(false);
        return;
      case CMD_BLAST:
        // The engine's own FIFO is never behind.
        regs[STAT] |= STAT_BCMBLT;
        return;
      case CMD_ABORT:
        this.core.cancel();
        return;
      case CMD_START:
        regs[WBC] = regs[STC];
        regs[WAC] = regs[SPA];
        regs[WMAC] = regs[SMDLA];
        regs[STAT] &= ~STAT_ALL;
        this.core.enableDma(true);
        return;
      default:
        return;
    }
  }

  #move(bytes: Uint8Array, toMemory: boolean): void {
    const regs = this.#dmaRegs;
    // QEMU: moves nothing the other way, and counts nothing.
    if (toMemory !== ((regs[CMD] & CMD_DIR) !== 0)) return;
    const part = bytes.subarray(0, Math.min(bytes.length, regs[WBC]));
    if (toMemory) this.dma.write(regs[WAC], part);
    else this.dma.read(regs[WAC], part);
    regs[WBC] -= part.length;
    regs[WAC] = (regs[WAC] + part.length) >>> 0;
  }

  /** QEMU: that all is moved is told with the core's interrupt, not before. */
  #coreInterrupt(level: boolean): void {
    const regs = this.#dmaRegs;
    const isDone = (regs[CMD] & CMD_MASK) === CMD_START && regs[WBC] === 0;
    if (level) regs[STAT] |= STAT_SCSIINT | (isDone ? STAT_DONE : 0);
    else regs[STAT] &= ~STAT_SCSIINT;
    this.#updateIrq();
  }

  #updateIrq(): void {
    const [command, status] = [this.#dmaRegs[CMD], this.#dmaRegs[STAT]];
    const isDone = (command & CMD_INTE_D) !== 0 && (status & STAT_DONE) !== 0;
    this.setIntx((status & STAT_SCSIINT) !== 0 || isDone);
  }
}
