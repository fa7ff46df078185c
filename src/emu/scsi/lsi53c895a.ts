/**
 * LSI 53C895A: PCI to parallel SCSI. Its driver writes programs, SCRIPTS, that run the bus: selection, messages, data, reselection.
 * Spec: LSI53C895A Technical Manual 2.2. What of it is done, and in what order, is QEMU's.
 */

import { type BytePorts, byteWide } from '../bus/byte-wide.ts';
import {
  BOTTOM_HALF_STATE,
  BottomHalf,
  type BottomHalfState,
  hasRoom,
  type Portion,
} from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import type { IoHandler } from '../core/device.ts';
import { BOOLEAN, bytes, record } from '../core/state-fields.ts';
import { PciDevice, type PciState } from '../pci/pci-device.ts';
import { LsiBus, type LsiChip } from './lsi-bus.ts';
import { LSI_BUS_STATE, type LsiBusState } from './lsi-bus-state.ts';
import * as r from './lsi-registers.ts';
import { type ScriptsHost, scriptStep } from './lsi-scripts.ts';

const PCI_VENDOR_ID_LSI = 0x1000;
const PCI_DEVICE_ID_LSI_53C895A = 0x0012;
const PCI_CLASS_SCSI = 0x010000;
const PCI_LATENCY_TIMER = 0x0d;
const RAM_BYTES = 8192;
const MEMORY_BYTES = 1024;
/** Most that a memory move copies at a time. */
const COPY_BYTES = 4096;

export type LsiState = {
  readonly pci: PciState;
  readonly regs: Uint8Array;
  readonly ram: Uint8Array;
  readonly carry: boolean;
  /** The script is to be gone on with from the clock. */
  readonly bus: LsiBusState;
  readonly bottomHalf: BottomHalfState;
};

export class Lsi53c895a extends PciDevice<LsiState> implements ScriptsHost, LsiChip {
  readonly vmstate = {
    name: 'lsiscsi',
    version: 1,
    fields: record<LsiState>({
      pci: this.pciFields,
      regs: bytes(r.REGISTER_BYTES),
      ram: bytes(RAM_BYTES),
      carry: BOOLEAN,
      bus: LSI_BUS_STATE,
      bottomHalf: BOTTOM_HALF_STATE,
    }),
  };
  readonly regs = r.RESET_VALUES.slice();
  readonly bus: LsiBus;
  carry = false;
  readonly #ram = new Uint8Array(RAM_BYTES);
  readonly #bottomHalf: BottomHalf;
  /** The script is being carried out. */
  #running = false;
  /** That of the turn that is under way. */
  #portion: Portion | undefined;

  constructor(clock: Clock, id = '', multifunction = false) {
    super(
      {
        ...{ type: 'lsi53c895a', vendorId: PCI_VENDOR_ID_LSI, deviceId: PCI_DEVICE_ID_LSI_53C895A },
        ...{
          classCode: PCI_CLASS_SCSI,
          subsystemVendorId: 0,
          subsystemId: 0x1000,
          interruptPin: 1,
          multifunction,
        },
      },
      id,
    );
    this.config.set(PCI_LATENCY_TIMER, 1, 0xff);
    this.bus = new LsiBus(this);
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
    const registers = this.#registers();
    this.addBar({ index: 0, kind: 'io', sizeBytes: r.REGISTER_BYTES, handler: registers });
    this.addBar({ index: 1, kind: 'mem32', sizeBytes: MEMORY_BYTES, handler: registers });
    this.addBar({ index: 2, kind: 'mem32', sizeBytes: RAM_BYTES, handler: this.#ramHandler() });
  }

  reset(): void {
    this.resetPci();
    this.#ram.fill(0);
    this.#softReset();
    this.bus.reset();
    this.#bottomHalf.reset();
  }

  /** It has left: its script does not go on. */
  abandon(): void {
    this.#bottomHalf.cancel();
    this.bus.reset();
    this.stop();
  }

  save(): LsiState {
    return {
      ...{ pci: this.savePci(), regs: this.regs.slice(), ram: this.#ram.slice(), carry: this.carry },
      ...{ bus: this.bus.save(), bottomHalf: this.#bottomHalf.save() },
    };
  }

  restore({ pci, regs, ram, carry, bus, bottomHalf }: LsiState): void {
    this.restorePci(pci);
    this.regs.set(regs);
    this.#ram.set(ram);
    this.carry = carry;
    this.#bottomHalf.restore(bottomHalf);
    this.bus.restore(bus);
  }

  u32(offset: number): number {
    const { regs } = this;
    return (
      (regs[offset] | (regs[offset + 1] << 8) | (regs[offset + 2] << 16) | (regs[offset + 3] << 24)) >>> 0
    );
  }

  setU32(offset: number, value: number): void {
    for (let n = 0; n < 4; n++) this.regs[offset + n] = value >>> (8 * n);
  }

  get selectionTimedOut(): boolean {
    return (this.regs[r.SIST1] & r.SIST1_STO) !== 0;
  }

  readDword(address: number): number {
    const word = new Uint8Array(4);
    this.readBytes(address, word);
    return new DataView(word.buffer).getUint32(0, true);
  }

  /** The program's own RAM is reached beside the bus. */
  readBytes(address: number, target: Uint8Array): void {
    const at = this.#ramAt(address, target.length);
    if (at === undefined) this.dma.read(address, target);
    else target.set(this.#ram.subarray(at, at + target.length));
  }

  writeBytes(address: number, source: Uint8Array): void {
    const at = this.#ramAt(address, source.length);
    if (at === undefined) this.dma.write(address, source);
    else this.#ram.set(source, at);
  }

  copy(to: number, from: number, length: number): void {
    for (let done = 0; done < length; done += COPY_BYTES) {
      const piece = new Uint8Array(Math.min(COPY_BYTES, length - done));
      this.readBytes((from + done) >>> 0, piece);
      this.writeBytes((to + done) >>> 0, piece);
    }
    this.spend(length);
  }

  spend(moved: number): void {
    if (this.#portion !== undefined) this.#portion.bytes -= moved;
  }

  #ramAt(address: number, length: number): number | undefined {
    const base = this.bars[2].address;
    if (base === undefined) return undefined;
    const at = address - base;
    return at >= 0 && at + length <= RAM_BYTES ? at : undefined;
  }

  dmaInterrupt(stat: number): void {
    this.regs[r.DSTAT] |= stat;
    this.updateIrq();
    this.stop();
  }

  interruptOnTheFly(): void {
    this.regs[r.ISTAT0] |= r.ISTAT0_INTF;
    this.updateIrq();
  }

  /** QEMU: a select that timed out stops the script only when it touches the bus again. */
  scsiInterrupt(stat0: number, stat1: number): void {
    const { regs } = this;
    regs[r.SIST0] |= stat0;
    regs[r.SIST1] |= stat1;
    const fatal0 = regs[r.SIEN0] | ~(r.SIST0_CMP | r.SIST0_SEL | r.SIST0_RSL);
    const fatal1 = (regs[r.SIEN1] | ~(r.SIST1_GEN | r.SIST1_HTH)) & ~r.SIST1_STO;
    if ((regs[r.SIST0] & fatal0) !== 0 || (regs[r.SIST1] & fatal1) !== 0) this.stop();
    this.updateIrq();
  }

  stop(): void {
    this.regs[r.ISTAT1] &= ~r.ISTAT1_SRUN;
  }

  phaseMismatch(isOut: boolean, phase: number): void {
    const { regs } = this;
    if ((regs[r.CCNTL0] & r.CCNTL0_ENPMJ) !== 0) {
      const byDirection = (regs[r.CCNTL0] & r.CCNTL0_PMJCTL) !== 0;
      const second = byDirection ? !isOut : (regs[r.SCNTL2] & r.SCNTL2_WSR) !== 0;
      this.setU32(r.DSP, this.u32(second ? r.PMJAD2 : r.PMJAD1));
    } else {
      this.scsiInterrupt(r.SIST0_MA, 0);
      this.stop();
    }
    this.bus.setPhase(phase);
  }

  transfer(phase: number): void {
    this.bus.transfer(phase);
  }

  select(id: number, withAttention: boolean): void {
    this.bus.select(id, withAttention);
  }

  disconnect(): void {
    this.bus.disconnect();
  }

  waitReselect(): void {
    this.bus.waitReselect();
  }

  setLines(attention: boolean, on: boolean): void {
    if (!attention) return;
    for (const line of [r.SOCL, r.SBCL]) {
      if (on) this.regs[line] |= r.SOCL_ATN;
      else this.regs[line] &= ~r.SOCL_ATN;
    }
  }

  /** The script goes on when the access, or the turn, is over. */
  goOn(): void {
    if (!this.#running) this.#bottomHalf.kick();
  }

  /** Starts the script at DSP. */
  #start(): void {
    this.regs[r.ISTAT1] |= r.ISTAT1_SRUN;
    this.bus.woken();
    this.goOn();
  }

  #serve(portion: Portion): boolean {
    this.#running = true;
    this.#portion = portion;
    while (this.#canRun && hasRoom(portion)) {
      portion.descriptors--;
      scriptStep(this);
      if ((this.regs[r.DCNTL] & r.DCNTL_SSM) !== 0 && this.#canRun) this.dmaInterrupt(r.DSTAT_SSI);
    }
    this.#portion = undefined;
    this.#running = false;
    return this.#canRun;
  }

  get #canRun(): boolean {
    return (this.regs[r.ISTAT1] & r.ISTAT1_SRUN) !== 0 && !this.bus.waits;
  }

  updateIrq(): void {
    const { regs } = this;
    const dma = regs[r.DSTAT] !== 0;
    const scsi = regs[r.SIST0] !== 0 || regs[r.SIST1] !== 0;
    regs[r.ISTAT0] =
      (regs[r.ISTAT0] & ~(r.ISTAT0_DIP | r.ISTAT0_SIP)) |
      (dma ? r.ISTAT0_DIP : 0) |
      (scsi ? r.ISTAT0_SIP : 0);
    const level =
      (regs[r.DSTAT] & regs[r.DIEN]) !== 0 ||
      (regs[r.SIST0] & regs[r.SIEN0]) !== 0 ||
      (regs[r.SIST1] & regs[r.SIEN1]) !== 0 ||
      (regs[r.ISTAT0] & r.ISTAT0_INTF) !== 0;
    this.setIntx(level);
    if (!level) this.bus.interruptsServed();
  }

  #softReset(): void {
    this.regs.set(r.RESET_VALUES);
    this.carry = false;
    this.updateIrq();
  }

  readRegister(offset: number): number {
    const { regs } = this;
    switch (offset) {
      case r.DSTAT: {
        const value = regs[r.DSTAT] | r.DSTAT_DFE;
        if ((regs[r.ISTAT0] & r.ISTAT0_INTF) === 0) regs[r.DSTAT] = 0;
        this.updateIrq();
        return value;
      }
      case r.SSTAT2:
        return (regs[r.SCNTL1] & r.SCNTL1_CON) !== 0 ? 0 : 2;
      case r.CTEST2: {
        const signal = (regs[r.ISTAT0] & r.ISTAT0_SIGP) !== 0 ? r.CTEST2_SIGP : 0;
        regs[r.ISTAT0] &= ~r.ISTAT0_SIGP;
        return regs[r.CTEST2] | 0x10 | signal;
      }
      case r.SIST0:
      case r.SIST1: {
        const value = regs[offset];
        regs[offset] = 0;
        this.updateIrq();
        return value;
      }
      case r.SBDL:
        return this.bus.peek();
      case r.SFBR:
        // QEMU: the number of a revision is read here.
        return 0;
      default:
        return regs[offset];
    }
  }

  writeRegister(offset: number, value: number): void {
    const { regs } = this;
    if (offset === r.ISTAT0) {
      this.#writeIstat(value);
      return;
    }
    const bits = r.WRITABLE[offset];
    regs[offset] = (regs[offset] & ~bits) | (value & bits);
    switch (offset) {
      case r.SCNTL1:
        this.#writeScntl1(value);
        break;
      case r.DSP + 3:
        if ((regs[r.DMODE] & r.DMODE_MAN) === 0 && (regs[r.ISTAT1] & r.ISTAT1_SRUN) === 0) this.#start();
        break;
      case r.DCNTL:
        if ((value & r.DCNTL_STD) !== 0 && (regs[r.ISTAT1] & r.ISTAT1_SRUN) === 0) this.#start();
        break;
      case r.STIME1:
        // QEMU: the timer has run out at once.
        if ((value & 0xf) !== 0) this.scsiInterrupt(0, r.SIST1_GEN);
        break;
      case r.DIEN:
      case r.SIEN0:
      case r.SIEN1:
        this.updateIrq();
        break;
      default:
        break;
    }
  }

  #writeIstat(value: number): void {
    const { regs } = this;
    regs[r.ISTAT0] = (regs[r.ISTAT0] & 0x0f) | (value & 0xf0);
    if ((value & r.ISTAT0_ABRT) !== 0) this.dmaInterrupt(r.DSTAT_ABRT);
    if ((value & r.ISTAT0_INTF) !== 0) {
      regs[r.ISTAT0] &= ~r.ISTAT0_INTF;
      this.updateIrq();
    }
    if ((value & r.ISTAT0_SIGP) !== 0 && this.bus.wakeBySignal()) {
      this.setU32(r.DSP, this.u32(r.DNAD));
      this.goOn();
    }
    if ((value & r.ISTAT0_SRST) !== 0) {
      this.#softReset();
      this.bus.reset();
    }
  }

  #writeScntl1(value: number): void {
    const { regs } = this;
    if ((value & r.SCNTL1_RST) === 0) {
      regs[r.SSTAT0] &= ~r.SSTAT0_RST;
      return;
    }
    if ((regs[r.SSTAT0] & r.SSTAT0_RST) !== 0) return;
    this.bus.resetUnits();
    regs[r.SSTAT0] |= r.SSTAT0_RST;
    this.scsiInterrupt(r.SIST0_RST, 0);
  }

  /** Registers are bytes; the block of memory has them four times. */
  #registers(): IoHandler {
    const chip: BytePorts = {
      readByte: (offset) => this.readRegister(offset & 0xff),
      writeByte: (offset, value) => this.writeRegister(offset & 0xff, value),
    };
    return byteWide(chip, { unaligned: true });
  }

  #ramHandler(): IoHandler {
    const chip: BytePorts = {
      readByte: (offset) => this.#ram[offset] ?? 0,
      writeByte: (offset, value) => {
        this.#ram[offset] = value;
      },
    };
    return byteWide(chip, { unaligned: true });
  }
}
