/**
 * The SCSI core of the Am53C974 on its bus: selection, messages, data, status. What its driver sees of it is in `esp.ts`.
 *
 * | phase in STAT | what TRANSFER INFORMATION moves |
 * |---|---|
 * | 0 data out, 1 data in | a piece of the command's data |
 * | 2 command, 6 message out | bytes of the message and the command block, which are kept until the block is whole |
 * | 3 status | nothing: INITIATOR COMMAND COMPLETE takes status and message |
 */
import { BottomHalf, hasRoom, type Portion } from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import { BusRequest, type BusRequestOwner, drainRequests } from './bus-request.ts';
import { CDB_MAX } from './bus-request-state.ts';
import * as r from './esp-registers.ts';
import { ESP_FIFO_BYTES, ESP_MESSAGE_BYTES, type EspWork } from './esp-state.ts';
import { type ScsiEnd, STATUS_CHECK_CONDITION, STATUS_GOOD } from './scsi-action.ts';
import { ScsiBus, type ScsiController } from './scsi-bus.ts';
import type { ScsiDisk } from './scsi-disk.ts';

/** QEMU: one more than a bus of eight lines has beside the chip. */
export const MAX_TARGET = 7;
const MAX_LUN = 7;
/** What the core needs of the function around it. */
export interface EspWiring {
  readonly clock: Clock;
  /** Read in the counter's highest byte until that was written. */
  readonly chipId: number;
  /** Fills `target` from guest memory, as far as the DMA engine is set up for that. */
  fetch(target: Uint8Array): void;
  /** Stores `source` in guest memory, as far as the DMA engine is set up for that. */
  store(source: Uint8Array): void;
  interrupt(level: boolean): void;
}

export class EspPhases implements ScsiController, BusRequestOwner {
  readonly scsi = new ScsiBus({ channel: 0, target: MAX_TARGET, lun: MAX_LUN }, this, false);
  protected readonly wiring: EspWiring;
  protected readonly bottomHalf: BottomHalf;
  protected request: BusRequest | undefined;
  #isServing = false;
  protected readonly s = {
    /** What a driver reads. */
    regs: new Uint8Array(r.ESP_REGISTERS),
    /** What it wrote last. */
    written: new Uint8Array(r.ESP_REGISTERS),
    fifo: [] as number[],
    /** A message, and a command block behind it, on their way to a target. */
    message: [] as number[],
    /** So many bytes of them are the message. */
    messageBytes: 0,
    takesMessage: false,
    /** Selected; -1: nobody. */
    target: -1,
    lun: 0,
    status: STATUS_GOOD,
    countWritten: false,
    /** The last command moves its data by DMA. */
    dma: false,
    dmaEnabled: false,
    /** What is done once DMA is enabled. */
    deferred: 'nothing' as EspWork,
    /** Bytes of the command's data: those of a read that are left, those of a write that were moved. */
    transferSize: 0,
    /** The TRANSFER INFORMATION that moves the data, or 0. */
    transferCommand: 0,
    /** The driver knows that the first data is there. */
    dataInReady: false,
    /** Data is to be moved as soon as there is a portion for it. */
    mustMove: false,
  };

  constructor(wiring: EspWiring) {
    this.wiring = wiring;
    this.bottomHalf = new BottomHalf(wiring.clock, (portion) => this.#serve(portion));
  }

  /** The function's DMA engine was started or stopped. */
  enableDma(on: boolean): void {
    const s = this.s;
    s.dmaEnabled = on;
    if (!on || s.deferred === 'nothing') return;
    const work = s.deferred;
    s.deferred = 'nothing';
    this.perform(work);
  }

  /** The driver gives the command up. */
  cancel(): void {
    this.dropRequest();
  }

  get #interrupts(): boolean {
    return (this.s.regs[r.STAT] & r.STAT_INT) !== 0;
  }

  unitPlugged(unit: ScsiDisk): void {
    const { gate } = unit.drive;
    gate.onDrain = () => drainRequests(gate, this.request?.unit === unit ? [this.request] : []);
  }

  /** What it has under way never ends; QEMU: the driver's time runs out. */
  unitUnplugged(unit: ScsiDisk): void {
    this.#forget(unit);
  }

  /** Nobody can be told on such a bus. */
  unitChanged(): void {}

  unitReset(unit: ScsiDisk): void {
    this.#forget(unit);
  }

  /** A target has data, or room for it. */
  dataReady(request: BusRequest): void {
    if (request !== this.request) return;
    const s = this.s;
    if (!this.#isOut && !s.dataInReady) {
      s.dataInReady = true;
      s.regs[r.STAT] |= r.STAT_TC;
      this.interrupt(r.INTR_BS);
    }
    // The first data of a command waits for the driver to say how it is to be moved.
    if (s.transferCommand === r.CMD_TI) this.#moveByte();
    else if (s.transferCommand !== (r.CMD_TI | r.CMD_DMA)) return;
    else if (this.count > 0) this.#move();
    else if (s.transferSize <= 0) this.#dmaDone();
  }

  ended(request: BusRequest, end: ScsiEnd): void {
    if (request !== this.request) return;
    const s = this.s;
    // The last byte of a read without DMA is in the FIFO still.
    if (s.dma || this.#isOut) s.transferSize = 0;
    s.status = end.kind === 'check' ? STATUS_CHECK_CONDITION : STATUS_GOOD;
    if (s.transferSize === 0) {
      s.regs[r.STAT] = r.STAT_TC | r.PHASE_STATUS;
      this.#dmaDone();
    }
    this.request = undefined;
    s.target = -1;
  }

  get #isOut(): boolean {
    return (this.s.regs[r.STAT] & r.STAT_PHASE) === r.PHASE_DATA_OUT;
  }

  /** Bytes that are left of a transfer by DMA. */
  protected get count(): number {
    const { regs } = this.s;
    return regs[r.TCLO] | (regs[r.TCMID] << 8) | (regs[r.TCHI] << 16);
  }

  protected set count(count: number) {
    const { regs } = this.s;
    regs[r.TCLO] = count;
    regs[r.TCMID] = count >>> 8;
    regs[r.TCHI] = count >>> 16;
  }

  protected interrupt(reason: number): void {
    const { regs } = this.s;
    regs[r.INTR] |= reason;
    if (this.#interrupts) return;
    regs[r.STAT] |= r.STAT_INT;
    this.wiring.interrupt(true);
  }

  #dmaDone(): void {
    const { regs } = this.s;
    regs[r.STAT] |= r.STAT_TC;
    regs[r.FLAGS] = 0;
    this.count = 0;
    this.interrupt(r.INTR_BS);
  }

  #forget(unit: ScsiDisk): void {
    if (this.request?.unit === unit) this.dropRequest();
  }

  protected dropRequest(): void {
    this.request?.cancel();
    this.request = undefined;
    this.s.target = -1;
  }

  protected pushMessage(bytes: readonly number[]): void {
    const { message } = this.s;
    message.push(...bytes.slice(0, ESP_MESSAGE_BYTES - message.length));
  }

  /** Does it now, or once the DMA engine that it needs is started. */
  protected perform(work: EspWork): void {
    const s = this.s;
    if (s.dma && !s.dmaEnabled) s.deferred = work;
    else if (work === 'transfer') this.#transfer();
    else if (work === 'select-atn-stop') this.#selectAndStop();
    else this.#select(work === 'select-atn' ? 1 : 0);
  }

  /** Selects, and sends a message of so many bytes with the command block behind it. */
  #select(messageBytes: number): void {
    const s = this.s;
    const taken = this.#takeMessage(ESP_MESSAGE_BYTES);
    if (taken === undefined) return;
    if (taken > 0) {
      s.messageBytes = messageBytes;
      s.takesMessage = false;
      this.#beginCommand();
    } else {
      s.takesMessage = true;
      s.regs[r.SEQ] = r.SEQ_COMMAND;
      s.regs[r.STAT] = r.PHASE_COMMAND;
    }
  }

  /** Selects and sends the first byte of a message: the driver sends the rest. */
  #selectAndStop(): void {
    const s = this.s;
    const taken = this.#takeMessage(1);
    if (taken === undefined) return;
    s.takesMessage = true;
    s.regs[r.SEQ] = r.SEQ_MESSAGE;
    s.regs[r.STAT] = r.PHASE_MESSAGE_OUT;
    if (taken === 0) return;
    s.messageBytes = 1;
    this.interrupt(r.INTR_BS | r.INTR_FC);
  }

  /** How many bytes of message and command block came with a selection; undefined: there is no such target. */
  #takeMessage(most: number): number | undefined {
    const s = this.s;
    // A command that has not ended when the next one begins is given up.
    if (this.request !== undefined) this.dropRequest();
    let bytes: number[];
    if (s.dma) {
      const target = new Uint8Array(Math.min(this.count, most));
      if (target.length === 0) return 0;
      this.wiring.fetch(target);
      bytes = [...target];
    } else {
      bytes = s.fifo.splice(0, most);
      if (bytes.length === 0) return 0;
    }
    const before = s.message.length;
    this.pushMessage(bytes);
    const pushed = s.message.length - before;
    s.transferSize = 0;
    s.fifo = [];
    const target = s.written[r.DEST] & r.DEST_ID;
    if (this.scsi.ofTarget(0, target).length === 0) {
      s.target = -1;
      s.message = [];
      this.#noTarget();
      return undefined;
    }
    s.target = target;
    s.regs[r.INTR] |= r.INTR_FC;
    s.regs[r.SEQ] = r.SEQ_COMMAND;
    return pushed;
  }

  #noTarget(): void {
    const { regs } = this.s;
    regs[r.STAT] = 0;
    regs[r.INTR] = 0;
    regs[r.SEQ] = r.SEQ_NONE;
    this.interrupt(r.INTR_DC);
  }

  /** A message and a command block are whole. */
  #beginCommand(): void {
    const s = this.s;
    if (s.messageBytes > 0) {
      s.lun = (s.message.shift() ?? 0) & MAX_LUN;
      // QEMU: the rest of the message, as one with a tag, is not looked at.
      s.message.splice(0, s.messageBytes - 1);
      s.messageBytes = 0;
    }
    const { target } = s;
    if (s.message.length === 0 || target < 0) return;
    const cdb = Uint8Array.from(s.message.splice(0)).subarray(0, CDB_MAX);
    const unit = this.scsi.find(0, target, s.lun);
    if (unit === undefined) {
      this.#noTarget();
      return;
    }
    const request = new BusRequest(this, unit, { tag: target, lun: s.lun, cdb, resumed: false });
    this.request = request;
    const { dataBytes, out } = request;
    if (dataBytes > 0) {
      s.transferSize = out ? -dataBytes : dataBytes;
      s.regs[r.STAT] = r.STAT_TC;
      s.regs[r.SEQ] = r.SEQ_COMMAND;
      s.transferCommand = 0;
      this.count = 0;
      if (out) {
        s.regs[r.STAT] |= r.PHASE_DATA_OUT;
        this.interrupt(r.INTR_BS | r.INTR_FC);
      } else {
        // The driver is told when the first data is there.
        s.dataInReady = false;
        s.regs[r.STAT] |= r.PHASE_DATA_IN;
      }
    }
    request.go();
  }

  #transfer(): void {
    const s = this.s;
    s.transferCommand = s.regs[r.CMD];
    if (s.dma) s.regs[r.STAT] &= ~r.STAT_TC;
    if (s.takesMessage) this.#transferMessage();
    else if (s.dma) this.#move();
    else this.#moveByte();
  }

  /** More of the message, or the command block. */
  #transferMessage(): void {
    const s = this.s;
    if (s.dma) {
      const bytes = new Uint8Array(Math.min(this.count, ESP_MESSAGE_BYTES - s.message.length));
      this.wiring.fetch(bytes);
      this.pushMessage([...bytes]);
    }
    s.transferSize = 0;
    if ((s.regs[r.STAT] & r.STAT_PHASE) === r.PHASE_COMMAND) {
      if (s.messageBytes === s.message.length) return;
      s.takesMessage = false;
      this.#beginCommand();
      return;
    }
    s.messageBytes = s.message.length;
    s.regs[r.STAT] = r.STAT_TC | r.PHASE_COMMAND;
    s.regs[r.SEQ] = r.SEQ_COMMAND;
    this.interrupt(r.INTR_BS);
  }

  /** Data is to be moved by DMA: now, or when it is there. */
  #move(): void {
    this.s.mustMove = true;
    if (!this.#isServing) this.bottomHalf.kick();
  }

  /** Pieces follow one another for as long as the targets have them at hand. */
  #serve(portion: Portion): boolean {
    const s = this.s;
    this.#isServing = true;
    while (s.mustMove && hasRoom(portion)) {
      s.mustMove = false;
      portion.requests--;
      portion.bytes -= this.#movePiece();
    }
    this.#isServing = false;
    return s.mustMove;
  }

  /** Moves what can be moved of a piece; gives how much that was. */
  #movePiece(): number {
    const s = this.s;
    const request = this.request;
    if (request === undefined || request.ready === 0) return 0;
    const isOut = this.#isOut;
    const length = Math.min(this.count, request.ready);
    const piece = request.piece.subarray(request.moved, request.moved + length);
    if (isOut) this.wiring.fetch(piece);
    else this.wiring.store(piece);
    this.count -= length;
    request.moved += length;
    s.transferSize += isOut ? length : -length;
    if (request.ready === 0) {
      request.go();
      if (isOut || this.count !== 0 || s.transferSize === 0) return length;
    }
    // A part of what the target has, or the last of what was asked for.
    this.#dmaDone();
    return length;
  }

  /** Without DMA: what is in the FIFO goes out, or one byte comes in. */
  #moveByte(): void {
    const s = this.s;
    const request = this.request;
    if (request === undefined || request.ready === 0) return;
    const { piece } = request;
    if (this.#isOut) {
      const bytes = s.fifo.splice(0, Math.min(request.ready, ESP_FIFO_BYTES));
      piece.set(bytes, request.moved);
      request.moved += bytes.length;
      s.transferSize += bytes.length;
    } else if (s.fifo.length === 0) {
      s.fifo.push(piece[request.moved] ?? 0);
      request.moved++;
      s.transferSize--;
    }
    if (request.ready === 0) request.go();
    else this.interrupt(r.INTR_BS);
  }

  /** INITIATOR COMMAND COMPLETE: the driver gets the status, and COMMAND COMPLETE. */
  protected giveStatus(): void {
    const s = this.s;
    const bytes = [s.status, 0];
    if (s.dma) {
      this.wiring.store(Uint8Array.from(bytes));
      s.regs[r.STAT] = r.STAT_TC | r.PHASE_STATUS;
      s.regs[r.SEQ] = r.SEQ_COMMAND;
      this.interrupt(r.INTR_BS | r.INTR_FC);
    } else {
      s.fifo = bytes;
      s.regs[r.FLAGS] = bytes.length;
      this.interrupt(0);
    }
  }
}
