/**
 * SMBus host controller of the PIIX4 with the eight memory-module EEPROMs of QEMU's pc machine at 0x50–0x57.
 * Spec: Intel 82371AB (290562) §7.2, registers at the base in config 0x90.
 */
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import { BOOLEAN, BYTE, bytes, mask, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';

export const SMBUS_SIZE = 0x40;

const SMBHSTSTS = 0x00;
const SMBHSTCNT = 0x02;
const SMBHSTCMD = 0x03;
const SMBHSTADD = 0x04;
const SMBHSTDAT0 = 0x05;
const SMBHSTDAT1 = 0x06;
const SMBBLKDAT = 0x07;
/** QEMU: the ICH's auxiliary control is there too, with its block buffer always on. */
const SMBAUXCTL = 0x0d;
const SMBAUXCTL_E32B = 0x02;
const SMBAUXCTL_MASK = 0x03;

const STS_HOST_BUSY = 0x01;
const STS_INTR = 0x02;
const STS_DEV_ERR = 0x04;
const STS_FAILED = 0x10;
const STS_CLEARABLE = 0xfe;

const CNT_KILL = 0x02;
const CNT_START = 0x40;
const CNT_PROTOCOL_SHIFT = 2;
const PROTOCOL_QUICK = 0;
const PROTOCOL_BYTE = 1;
const PROTOCOL_BYTE_DATA = 2;
const PROTOCOL_WORD_DATA = 3;

const EEPROMS = 8;
const EEPROM_SIZE = 256;
const EEPROM_ADDRESS = 0x50;

export type PmSmbusState = {
  readonly status: number;
  readonly control: number;
  readonly command: number;
  readonly address: number;
  readonly data0: number;
  readonly data1: number;
  readonly block: number;
  readonly auxControl: number;
  readonly started: boolean;
  readonly eeproms: Uint8Array;
  readonly eepromOffsets: Uint8Array;
};

export const PM_SMBUS_STATE = record<PmSmbusState>({
  status: BYTE,
  control: BYTE,
  command: BYTE,
  address: BYTE,
  data0: BYTE,
  data1: BYTE,
  block: BYTE,
  auxControl: mask(SMBAUXCTL_MASK),
  started: BOOLEAN,
  eeproms: bytes(EEPROMS * EEPROM_SIZE),
  eepromOffsets: bytes(EEPROMS),
});

const POWER_ON = {
  status: 0,
  control: 0,
  command: 0,
  address: 0,
  data0: 0,
  data1: 0,
  block: 0,
  auxControl: SMBAUXCTL_E32B,
  started: false,
};

/** Not modelled: block transfers and the controller's interrupt; a block command ends with a device error. */
export class PmSmbus implements Device<PmSmbusState>, IoHandler {
  static readonly registers = new RegisterTable<PmSmbus>(
    {
      name: 'pm-smbus',
      title: 'SMBus',
      place: 'ports from the base in configuration space, 0x700 as firmware leaves it',
      spec: 'Intel 82371AB (290562) §7.2',
    },
    [
      register(SMBHSTSTS, 1, 'SMBHSTSTS', '0 busy, 1 done, 2 nobody answered, 4 killed; writing 1 clears', {
        read: (smbus) => smbus.#readStatus(),
        write: (smbus, value) => {
          smbus.#s.status &= ~(value & STS_CLEARABLE);
        },
      }),
      register(SMBHSTCNT, 1, 'SMBHSTCNT', '1 ends, 2 to 4 which protocol, 6 begins a transfer', {
        read: (smbus) => smbus.#s.control,
        write: (smbus, value) => smbus.#control(value),
      }),
      PmSmbus.#kept(SMBHSTCMD, 'SMBHSTCMD', 'the command, of a memory module the offset', 'command'),
      PmSmbus.#kept(
        SMBHSTADD,
        'SMBHSTADD',
        '0 reads, 1 to 7 which device: memory modules are 0x50 to 0x57',
        'address',
      ),
      PmSmbus.#kept(SMBHSTDAT0, 'SMBHSTDAT0', 'data, or its lower byte', 'data0'),
      PmSmbus.#kept(SMBHSTDAT1, 'SMBHSTDAT1', 'upper byte of data', 'data1'),
      PmSmbus.#kept(SMBBLKDAT, 'SMBBLKDAT', 'data of blocks', 'block'),
      register(SMBAUXCTL, 1, 'SMBAUXCTL', "the ICH's: 1 a buffer for blocks", {
        read: (smbus) => smbus.#s.auxControl,
        write: (smbus, value) => {
          smbus.#s.auxControl = value & SMBAUXCTL_MASK;
        },
      }),
    ],
  );

  readonly vmstate = { name: 'pmsmb', version: 1, fields: PM_SMBUS_STATE };
  readonly #trace: Trace;
  readonly #s = {
    ...POWER_ON,
    eeproms: new Uint8Array(EEPROMS * EEPROM_SIZE),
    eepromOffsets: new Uint8Array(EEPROMS),
  };

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** A register that keeps what is written. */
  static #kept(
    offset: number,
    name: string,
    help: string,
    field: 'command' | 'address' | 'data0' | 'data1' | 'block',
  ): Register<PmSmbus> {
    return register(offset, 1, name, help, {
      read: (smbus) => smbus.#s[field],
      write: (smbus, value) => {
        smbus.#s[field] = value;
      },
    });
  }

  reset(): void {
    Object.assign(this.#s, POWER_ON);
    this.#s.eeproms.fill(0);
    this.#s.eepromOffsets.fill(0);
  }

  save(): PmSmbusState {
    return structuredClone(this.#s);
  }

  restore({ eeproms, eepromOffsets, ...registers }: PmSmbusState): void {
    Object.assign(this.#s, registers);
    this.#s.eeproms.set(eeproms);
    this.#s.eepromOffsets.set(eepromOffsets);
  }

  /** Registers are bytes; a wider access sees the first only. */
  read(offset: number, size: AccessSize): number {
    return PmSmbus.registers.read(this, this.#trace, offset, size) ?? 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    PmSmbus.registers.write(this, this.#trace, offset, size, value & 0xff);
  }

  #control(value: number): void {
    this.#s.control = value & ~CNT_START;
    if ((value & CNT_KILL) !== 0) {
      this.#s.started = false;
      this.#s.status = (this.#s.status & ~STS_HOST_BUSY) | STS_FAILED;
    } else if ((value & CNT_START) !== 0) {
      this.#s.started = true;
      this.#s.status |= STS_HOST_BUSY;
    }
  }

  /** QEMU: the transfer happens when its driver first polls; that poll still sees it busy. */
  #readStatus(): number {
    const seen = this.#s.status;
    if (this.#s.started) {
      this.#s.started = false;
      this.#s.status = (this.#s.status & ~STS_HOST_BUSY) | (this.#transfer() ? STS_INTR : STS_DEV_ERR);
    }
    return seen;
  }

  /** False when nobody acknowledges. */
  #transfer(): boolean {
    const module = (this.#s.address >>> 1) - EEPROM_ADDRESS;
    if (module < 0 || module >= EEPROMS) return false;
    const protocol = (this.#s.control >>> CNT_PROTOCOL_SHIFT) & 7;
    const reading = (this.#s.address & 1) !== 0;
    switch (protocol) {
      case PROTOCOL_QUICK:
        return true;
      case PROTOCOL_BYTE:
        if (reading) this.#s.data0 = this.#eepromRead(module);
        else this.#s.eepromOffsets[module] = this.#s.command;
        return true;
      case PROTOCOL_BYTE_DATA:
      case PROTOCOL_WORD_DATA:
        this.#s.eepromOffsets[module] = this.#s.command;
        this.#data(module, reading, protocol === PROTOCOL_WORD_DATA);
        return true;
      default:
        return false;
    }
  }

  #data(module: number, reading: boolean, word: boolean): void {
    if (reading) {
      this.#s.data0 = this.#eepromRead(module);
      if (word) this.#s.data1 = this.#eepromRead(module);
    } else {
      this.#eepromWrite(module, this.#s.data0);
      if (word) this.#eepromWrite(module, this.#s.data1);
    }
  }

  #eepromRead(module: number): number {
    return this.#s.eeproms[module * EEPROM_SIZE + this.#s.eepromOffsets[module]++];
  }

  #eepromWrite(module: number, value: number): void {
    this.#s.eeproms[module * EEPROM_SIZE + this.#s.eepromOffsets[module]++] = value;
  }
}
