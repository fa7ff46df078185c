/** The parallel bus of the 53C895A as its targets drive it: phases, messages, who has the bus. Spec: SPI-3 §10–11; QEMU's ways. */
import type { DmaPort } from '../memory/dma-port.ts';
import { BusRequest, type BusRequestOwner, drainRequests } from './bus-request.ts';
import { CDB_MAX, restoreRequest, type SavedRequest, saveRequest } from './bus-request-state.ts';
import { type AfterMessage, type LsiBusState, REQUESTS_MAX, type Waiting } from './lsi-bus-state.ts';
import * as r from './lsi-registers.ts';
import { type ScsiEnd, STATUS_CHECK_CONDITION, STATUS_GOOD } from './scsi-action.ts';
import { ScsiBus, type ScsiController } from './scsi-bus.ts';
import type { ScsiDisk } from './scsi-disk.ts';

const MAX_TARGET = 7;
const TAGGED = 0x1_0000;

/** Messages. Spec: SPI-3 §11. */
const COMMAND_COMPLETE = 0x00;
const EXTENDED = 0x01;
const SAVE_DATA_POINTER = 0x02;
const DISCONNECT = 0x04;
const ABORT = 0x06;
const MESSAGE_REJECT = 0x07;
const NO_OPERATION = 0x08;
const BUS_DEVICE_RESET = 0x0c;
const ABORT_TAG = 0x0d;
const CLEAR_QUEUE = 0x0e;
const SIMPLE_QUEUE = 0x20;
const ORDERED_QUEUE = 0x22;
const IDENTIFY = 0x80;
const SYNCHRONOUS = 1;
const WIDE = 3;
const PARALLEL_PROTOCOL = 4;

interface Chip {
  readonly regs: Uint8Array;
  readonly dma: DmaPort;
  u32(offset: number): number;
  setU32(offset: number, value: number): void;
  readBytes(address: number, target: Uint8Array): void;
  writeBytes(address: number, source: Uint8Array): void;
  scsiInterrupt(stat0: number, stat1: number): void;
  phaseMismatch(isOut: boolean, phase: number): void;
  /** Bytes were moved, which count in the portion. */
  spend(moved: number): void;
  goOn(): void;
  stop(): void;
}
export type LsiChip = Chip;

export class LsiBus implements ScsiController, BusRequestOwner {
  readonly scsi = new ScsiBus({ channel: 0, target: MAX_TARGET, lun: 0 }, this);
  readonly #chip: Chip;
  #waiting: Waiting = 'no';
  #selectTag = 0;
  #lun = 0;
  #message: number[] = [];
  #afterMessage: AfterMessage = 'command';
  #status = 0;
  #current: BusRequest | undefined;
  #queue: BusRequest[] = [];
  /** Set while a command is begun: it was answered at once. */
  #answered: 'no' | 'data' | 'end' = 'no';
  /** Bytes that can be moved for the current request. */
  #ready = 0;
  /** The script's own instruction moves data. */
  #inTransfer = false;

  constructor(chip: Chip) {
    this.#chip = chip;
  }

  get waits(): boolean {
    return this.#waiting !== 'no';
  }

  woken(): void {
    this.#waiting = 'no';
  }

  reset(): void {
    this.#forget();
    this.#waiting = 'no';
    this.#selectTag = 0;
    this.#lun = 0;
    this.#message = [];
    this.#afterMessage = 'command';
    this.#status = 0;
    this.#ready = 0;
  }

  get #requests(): readonly BusRequest[] {
    return this.#current === undefined ? this.#queue : [this.#current, ...this.#queue];
  }

  #forget(): void {
    for (const request of this.#requests) request.cancel();
    this.#current = undefined;
    this.#queue = [];
  }

  resetUnits(): void {
    for (const unit of this.scsi.units) unit.reset();
  }

  setPhase(phase: number): void {
    const { regs } = this.#chip;
    regs[r.SBCL] = (regs[r.SBCL] & ~r.SSTAT1_PHASE) | phase | r.SBCL_REQ;
    regs[r.SSTAT1] = (regs[r.SSTAT1] & ~r.SSTAT1_PHASE) | phase;
  }

  get #phase(): number {
    return this.#chip.regs[r.SSTAT1] & r.SSTAT1_PHASE;
  }

  /** The first byte of the message that is offered. */
  peek(): number {
    return this.#phase === r.PHASE_MESSAGE_IN ? (this.#message[0] ?? 0) : 0;
  }

  select(id: number, withAttention: boolean): void {
    const { regs } = this.#chip;
    regs[r.SDID] = id;
    if ((regs[r.SCNTL1] & r.SCNTL1_CON) !== 0) {
      // Reselected before: the script goes on elsewhere.
      this.#chip.setU32(r.DSP, this.#chip.u32(r.DNAD));
      return;
    }
    regs[r.SSTAT0] |= r.SSTAT0_WOA;
    regs[r.SCNTL1] &= ~r.SCNTL1_IARB;
    if (this.scsi.find(0, id, 0) === undefined) {
      this.#badSelection();
      return;
    }
    this.#selectTag = id << 8;
    regs[r.SCNTL1] |= r.SCNTL1_CON;
    if (withAttention) regs[r.SOCL] |= r.SOCL_ATN;
    if (withAttention) regs[r.SBCL] |= r.SOCL_ATN;
    regs[r.SBCL] |= r.SBCL_BSY;
    this.setPhase(r.PHASE_MESSAGE_OUT);
  }

  #badSelection(): void {
    this.#chip.scsiInterrupt(0, r.SIST1_STO);
    this.disconnect();
  }

  disconnect(): void {
    const { regs } = this.#chip;
    regs[r.SCNTL1] &= ~r.SCNTL1_CON;
    regs[r.SSTAT1] &= ~r.SSTAT1_PHASE;
    regs[r.SBCL] = 0;
  }

  waitReselect(): void {
    const ready = this.#queue.find(({ pending }) => pending > 0);
    if (ready !== undefined) this.#reselect(ready);
    if (this.#current === undefined) this.#waiting = 'reselect';
  }

  /** The driver wrote SIGP; true when the script waited for it. */
  wakeBySignal(): boolean {
    if (this.#waiting !== 'reselect') return false;
    this.#waiting = 'no';
    return true;
  }

  /** No interrupt is pending any more: a target that asks by one may have the bus. */
  interruptsServed(): void {
    if (!this.#interruptsOnReselect || this.#isConnected) return;
    const ready = this.#queue.find(({ pending }) => pending > 0);
    if (ready !== undefined) this.#reselect(ready);
  }

  transfer(phase: number): void {
    switch (phase) {
      case r.PHASE_DATA_OUT:
      case r.PHASE_DATA_IN:
        this.#inTransfer = true;
        this.#waiting = 'data';
        this.#moveData(phase === r.PHASE_DATA_OUT);
        this.#inTransfer = false;
        return;
      case r.PHASE_COMMAND:
        this.#takeCommand();
        return;
      case r.PHASE_STATUS:
        this.#giveStatus();
        return;
      case r.PHASE_MESSAGE_OUT:
        this.#takeMessages();
        return;
      case r.PHASE_MESSAGE_IN:
        this.#giveMessage();
        return;
      default:
        return;
    }
  }

  dataReady(request: BusRequest, length: number): void {
    const isFree = this.#interruptsOnReselect && !this.#isConnected;
    if (this.#waiting === 'reselect' || request !== this.#current || isFree) {
      request.pending = length;
      const { regs } = this.#chip;
      const isServed = (regs[r.ISTAT0] & (r.ISTAT0_SIP | r.ISTAT0_DIP)) === 0;
      if (this.#waiting !== 'reselect' && !(isFree && isServed)) return;
      this.#reselect(request);
    }
    this.#ready = length;
    this.#answered = 'data';
    if (this.#waiting === 'no') return;
    if (this.#waiting === 'reselect' || this.#left === 0) this.#goOn();
    else this.#moveData(this.#phase === r.PHASE_DATA_OUT);
  }

  ended(request: BusRequest, end: ScsiEnd): void {
    const isOut = this.#phase === r.PHASE_DATA_OUT;
    this.#status = end.kind === 'check' ? STATUS_CHECK_CONDITION : STATUS_GOOD;
    this.#answered = 'end';
    if (this.#waiting !== 'no' && this.#left !== 0) this.#chip.phaseMismatch(isOut, r.PHASE_STATUS);
    else this.setPhase(r.PHASE_STATUS);
    if (request === this.#current) this.#current = undefined;
    this.#queue = this.#queue.filter((one) => one !== request);
    this.#goOn();
  }

  unitPlugged(unit: ScsiDisk): void {
    const { gate } = unit.drive;
    gate.onDrain = () =>
      drainRequests(
        gate,
        this.#requests.filter((request) => request.unit === unit),
      );
  }

  /** What it has under way never ends; QEMU: the driver's time runs out. */
  unitUnplugged(unit: ScsiDisk): void {
    this.#cancel((request) => request.unit === unit);
  }

  /** Nobody can be told on such a bus. */
  unitChanged(): void {}

  unitReset(unit: ScsiDisk): void {
    this.#cancel((request) => request.unit === unit);
  }

  save(): LsiBusState {
    return {
      ...{ waiting: this.#waiting, selectTag: this.#selectTag, lun: this.#lun, message: [...this.#message] },
      ...{ afterMessage: this.#afterMessage, status: this.#status },
      current: this.#current === undefined ? null : saveRequest(this.#current),
      queue: this.#queue.map(saveRequest),
    };
  }

  /** Requests go on when the units are restored too. */
  restore(state: LsiBusState): void {
    this.reset();
    this.#waiting = state.waiting;
    this.#selectTag = state.selectTag;
    this.#lun = state.lun;
    this.#message = [...state.message];
    this.#afterMessage = state.afterMessage;
    this.#status = state.status;
    void Promise.resolve().then(() => {
      if (state.current !== null) this.#current = this.#resumed(state.current);
      this.#ready = this.#current === undefined ? 0 : this.#current.piece.length - this.#current.moved;
      for (const saved of state.queue) {
        const request = this.#resumed(saved);
        if (request !== undefined) this.#queue.push(request);
      }
      for (const request of this.#requests)
        if (request.piece.length === request.moved) request.goWithMachine();
    });
  }

  #resumed(saved: SavedRequest): BusRequest | undefined {
    const unit = this.scsi.find(0, (saved.tag >> 8) & 0xf, saved.lun);
    return unit && restoreRequest(this, unit, saved);
  }

  #cancel(isMeant: (request: BusRequest) => boolean): void {
    for (const request of this.#requests.filter(isMeant)) {
      request.cancel();
      this.#queue = this.#queue.filter((one) => one !== request);
      if (request === this.#current) this.#current = undefined;
    }
  }

  get #isConnected(): boolean {
    return (this.#chip.regs[r.SCNTL1] & r.SCNTL1_CON) !== 0;
  }

  get #interruptsOnReselect(): boolean {
    const { regs } = this.#chip;
    return (regs[r.SIEN0] & r.SIST0_RSL) !== 0 && (regs[r.SCID] & 0x40) !== 0;
  }

  /** What is left of the block move. */
  get #left(): number {
    return this.#chip.u32(r.DBC) & 0xff_ffff;
  }

  set #left(count: number) {
    this.#chip.setU32(r.DBC, (this.#chip.u32(r.DBC) & 0xff00_0000) + count);
  }

  get #address(): number {
    return this.#chip.u32(r.DNAD) + this.#chip.u32(r.DNAD64) * 2 ** 32;
  }

  #goOn(): void {
    this.#waiting = 'no';
    if (!this.#inTransfer) this.#chip.goOn();
  }

  #moveData(isOut: boolean): void {
    const request = this.#current;
    if (request === undefined || this.#ready === 0) return;
    const count = Math.min(this.#left, this.#ready);
    const piece = request.piece.subarray(request.moved, request.moved + count);
    if (isOut) this.#chip.readBytes(this.#address, piece);
    else this.#chip.writeBytes(this.#address, piece);
    this.#chip.spend(count);
    this.#chip.setU32(r.CSBC, this.#chip.u32(r.CSBC) + count);
    this.#chip.setU32(r.DNAD, this.#chip.u32(r.DNAD) + count);
    this.#left -= count;
    request.moved += count;
    this.#ready -= count;
    if (this.#ready === 0) request.go();
    else this.#goOn();
  }

  #takeCommand(): void {
    const cdb = new Uint8Array(Math.min(this.#left, CDB_MAX));
    this.#chip.readBytes(this.#address, cdb);
    this.#chip.regs[r.SFBR] = cdb[0] ?? 0;
    const unit = this.scsi.find(0, (this.#selectTag >> 8) & 0xf, this.#lun);
    if (unit === undefined) {
      this.#badSelection();
      return;
    }
    this.#current?.cancel();
    const request = new BusRequest(this, unit, {
      ...{ tag: this.#selectTag, lun: this.#lun, cdb, resumed: false },
    });
    this.#current = request;
    this.#ready = 0;
    this.#answered = 'no';
    if (request.hasData) this.setPhase(request.out ? r.PHASE_DATA_OUT : r.PHASE_DATA_IN);
    request.go();
    if (this.#answered !== 'no') return;
    if (request.hasData && this.#queue.length < REQUESTS_MAX) this.#giveUpBus(request);
    else this.setPhase(r.PHASE_DATA_IN);
  }

  /** The data is not there yet: the target lets others have the bus. */
  #giveUpBus(request: BusRequest): void {
    this.#message = [SAVE_DATA_POINTER, DISCONNECT];
    this.#afterMessage = 'free';
    this.setPhase(r.PHASE_MESSAGE_IN);
    this.#queue.push(request);
    this.#current = undefined;
  }

  #reselect(request: BusRequest): void {
    const { regs } = this.#chip;
    this.#queue = this.#queue.filter((one) => one !== request);
    this.#current = request;
    const id = (request.tag >> 8) & 0xf;
    regs[r.SSID] = id | 0x80;
    // Spec: §4.2, DCNTL: in the older mode the first byte tells who it is.
    if ((regs[r.DCNTL] & r.DCNTL_COM) === 0) regs[r.SFBR] = 1 << (id & 7);
    regs[r.SCNTL1] |= r.SCNTL1_CON;
    this.setPhase(r.PHASE_MESSAGE_IN);
    this.#afterMessage = request.out ? 'data-out' : 'data-in';
    this.#ready = request.pending;
    request.pending = 0;
    this.#message = [IDENTIFY];
    if ((request.tag & TAGGED) !== 0) this.#message.push(SIMPLE_QUEUE, request.tag & 0xff);
    if (this.#interruptsOnReselect) this.#chip.scsiInterrupt(r.SIST0_RSL, 0);
  }

  /** QEMU: of status and message bytes the counter is not counted down. */
  #giveStatus(): void {
    this.#left = 1;
    this.#chip.regs[r.SFBR] = this.#status;
    this.#chip.writeBytes(this.#address, Uint8Array.of(this.#status));
    this.setPhase(r.PHASE_MESSAGE_IN);
    this.#afterMessage = 'free';
    this.#message = [COMMAND_COMPLETE];
  }

  #giveMessage(): void {
    const { regs } = this.#chip;
    const count = Math.min(this.#left, this.#message.length);
    if (count > 0) {
      this.#chip.writeBytes(this.#address, Uint8Array.from(this.#message.slice(0, count)));
      regs[r.SFBR] = this.#message[0] ?? 0;
      // QEMU: Linux looks there for the last byte.
      regs[r.SIDL] = this.#message[count - 1] ?? 0;
      this.#message = this.#message.slice(count);
    }
    if (this.#message.length > 0) return;
    if (this.#afterMessage === 'command') this.setPhase(r.PHASE_COMMAND);
    else if (this.#afterMessage === 'free') this.disconnect();
    else this.setPhase(this.#afterMessage === 'data-out' ? r.PHASE_DATA_OUT : r.PHASE_DATA_IN);
  }

  #messageByte(): number {
    const byte = new Uint8Array(1);
    this.#chip.readBytes(this.#address, byte);
    this.#chip.setU32(r.DNAD, this.#chip.u32(r.DNAD) + 1);
    this.#left = Math.max(0, this.#left - 1);
    return byte[0] ?? 0;
  }

  #takeMessages(): void {
    // No driver sends more, and each byte counts.
    this.#chip.spend(this.#left);
    for (let left = Math.min(this.#left, 256); left > 0 && this.#left > 0; left--) {
      const message = this.#messageByte();
      this.#chip.regs[r.SFBR] = message;
      if (!this.#message1(message)) {
        this.setPhase(r.PHASE_MESSAGE_IN);
        this.#message = [MESSAGE_REJECT];
        this.#afterMessage = 'command';
        return;
      }
    }
  }

  /** False for a message that is not known. */
  #message1(message: number): boolean {
    if ((message & IDENTIFY) !== 0) {
      this.#lun = message & 7;
      this.setPhase(r.PHASE_COMMAND);
      return true;
    }
    if (message >= SIMPLE_QUEUE && message <= ORDERED_QUEUE) {
      this.#selectTag = (this.#selectTag & 0xff00) | TAGGED | this.#messageByte();
      return true;
    }
    const target = (this.#selectTag >> 8) & 0xf;
    switch (message) {
      case DISCONNECT:
        this.disconnect();
        return true;
      case NO_OPERATION:
        this.setPhase(r.PHASE_COMMAND);
        return true;
      case EXTENDED:
        return this.#extended();
      case ABORT_TAG:
        this.#cancel(({ tag }) => tag === this.#selectTag);
        this.disconnect();
        return true;
      case BUS_DEVICE_RESET:
        for (const unit of this.scsi.ofTarget(0, target)) unit.reset();
        this.disconnect();
        return true;
      case ABORT:
      case CLEAR_QUEUE:
        this.#cancel(({ tag }) => ((tag >> 8) & 0xf) === target);
        this.disconnect();
        return true;
      default:
        return false;
    }
  }

  /** QEMU: agreements about speed and width are taken and change nothing. */
  #extended(): boolean {
    this.#messageByte();
    const code = this.#messageByte();
    const skipped = code === SYNCHRONOUS ? 2 : code === WIDE ? 1 : code === PARALLEL_PROTOCOL ? 5 : 0;
    for (let n = 0; n < skipped; n++) this.#messageByte();
    return skipped > 0;
  }
}
