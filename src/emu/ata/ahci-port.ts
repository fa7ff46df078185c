/** A port of an AHCI controller with the device that is at it. Spec: AHCI 1.3.1 §3.3, §5, §10. The order of events is QEMU's. */
import { hasRoom, type Portion } from '../core/bottom-half.ts';
import { DWORD, integer, list, nullable, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, scatter, segmentsLength } from '../memory/segments.ts';
import { AhciBuffers } from './ahci-buffers.ts';
import { AhciQueue, QUEUED_STATE, type QueuedState } from './ahci-queue.ts';
import * as h from './ahci-registers.ts';
import type { AtaHost, AtaTask, DmaBuffers } from './ata-host.ts';
import * as r from './ata-registers.ts';
import { ATA_KEPT_STATE, ATA_UNIT_STATE, type AtaKeptState, type AtaUnitState } from './ata-state.ts';
import type { AtaTasks } from './ata-tasks.ts';
import { AtaUnit } from './ata-unit.ts';

export type PortRegisters = {
  readonly clb: number;
  readonly clbu: number;
  readonly fb: number;
  readonly fbu: number;
  readonly is: number;
  readonly ie: number;
  readonly cmd: number;
  readonly tfd: number;
  readonly sig: number;
  readonly sctl: number;
  readonly serr: number;
  readonly sact: number;
  readonly ci: number;
};

export type AhciPortState = PortRegisters & {
  /** The slot of the command that is carried out, or was last. */
  readonly slot: number;
  /** The slot of the command that the device is busy with, or null. */
  readonly busySlot: number | null;
  /** The device has told its signature. */
  readonly told: boolean;
  /** The driver has asked for a software reset, and not ended it. */
  readonly resetting: number;
  /** The packet of a command, or another first block of data, has moved. */
  readonly movedFirst: number;
  /** Tags of queued commands that have ended, for the next FIS that tells so. */
  readonly finished: number;
  readonly queued: readonly QueuedState[];
  readonly unit: AtaUnitState;
};

const FLAG = integer(0, 1);

export const AHCI_PORT_STATE = record<AhciPortState>({
  ...{ clb: DWORD, clbu: DWORD, fb: DWORD, fbu: DWORD, is: DWORD, ie: DWORD, cmd: DWORD, tfd: DWORD },
  ...{ sig: DWORD, sctl: DWORD, serr: DWORD, sact: DWORD, ci: DWORD },
  slot: integer(0, h.SLOTS - 1),
  busySlot: nullable(integer(0, h.SLOTS - 1)),
  told: { misfit: (value) => (typeof value === 'boolean' ? undefined : { field: '', text: 'is no flag' }) },
  resetting: FLAG,
  movedFirst: FLAG,
  finished: DWORD,
  queued: list(QUEUED_STATE, { max: h.SLOTS }),
  unit: ATA_UNIT_STATE,
});
export const AHCI_KEPT_STATE = ATA_KEPT_STATE;

const LIMIT_32 = 2 ** 32;
const SRST = 0x04;
const CONTROL_AT = 15;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type OwnState = Omit<AhciPortState, 'unit' | 'queued'>;

/** What a port says to its controller. */
export interface AhciHba {
  readonly trace: Trace;
  readonly memory: DmaPort;
  readonly tasks: AtaTasks;
  /** Interrupts may have come or gone. */
  updateIrq(): void;
  /** The port has commands to look at, when what is under way is over. */
  scheduleCommands(): void;
}

export class AhciPort implements AtaHost {
  readonly movesPio = true;
  readonly queues = h.SLOTS;
  readonly hba: AhciHba;
  readonly number: number;
  readonly unit: AtaUnit;
  readonly #queue: AhciQueue;
  s: Mutable<OwnState> = powerOn();
  #buffers: AhciBuffers | undefined;
  /** Commands are being looked at. */
  #looking = false;

  constructor(hba: AhciHba, number: number) {
    this.hba = hba;
    this.number = number;
    this.unit = new AtaUnit(this);
    this.#queue = new AhciQueue(this);
  }

  get trace(): Trace {
    return this.hba.trace;
  }

  get memory(): DmaPort {
    return this.hba.memory;
  }

  get status(): number {
    return this.unit.device === undefined ? 0 : h.SSTS_PRESENT;
  }

  /** Interrupts that the driver wants to hear of. */
  get pending(): boolean {
    return (this.s.is & this.s.ie) !== 0;
  }

  writeIs(value: number): void {
    this.s.is = (this.s.is & ~value) >>> 0;
    this.hba.updateIrq();
  }

  writeIe(value: number): void {
    this.s.ie = (value & h.IE_BITS) >>> 0;
    this.hba.updateIrq();
  }

  writeCmd(value: number): void {
    const { s } = this;
    // Spec: §3.3.13, §3.3.14: what was issued is forgotten.
    if ((s.cmd & h.CMD_ST) !== 0 && (value & h.CMD_ST) === 0) Object.assign(s, { sact: 0, ci: 0 });
    const writable = ~(h.CMD_READ_ONLY | h.CMD_ICC);
    s.cmd = ((s.cmd & h.CMD_READ_ONLY) | (value & writable)) >>> 0;
    this.#startEngines();
    if ((s.cmd & h.CMD_FR) !== 0 && !s.told) this.#tellSignature();
    this.lookLater();
  }

  writeSctl(value: number): void {
    const ends = (this.s.sctl & h.DET) === h.DET_INIT && (value & h.DET) === 0;
    if (ends) this.resetPort();
    this.s.sctl = value;
  }

  writeCi(value: number): void {
    this.s.ci = (this.s.ci | value) >>> 0;
    this.lookLater();
  }

  /** Spec: §10.3.1. QEMU: of two engines whose memory is not there one starts all the same. */
  #startEngines(): void {
    const { s } = this;
    const listIsThere = this.memory.isRam(this.#list, h.LIST_BYTES);
    if ((s.cmd & h.CMD_ST) === 0) s.cmd &= ~h.CMD_CR;
    else if ((s.cmd & h.CMD_CR) === 0) s.cmd |= h.CMD_CR;
    const isAlone = listIsThere || (s.cmd & h.CMD_CR) === 0;
    if ((s.cmd & h.CMD_FRE) === 0) s.cmd &= ~h.CMD_FR;
    else if ((s.cmd & h.CMD_FR) === 0) {
      if (isAlone || this.memory.isRam(this.#received, h.RECEIVED_BYTES)) s.cmd |= h.CMD_FR;
      else s.cmd &= ~h.CMD_FRE;
    }
    s.cmd >>>= 0;
  }

  get #list(): number {
    return this.s.clbu * LIMIT_32 + this.s.clb;
  }

  get #received(): number {
    return this.s.fbu * LIMIT_32 + this.s.fb;
  }

  /** Commands that the driver has issued are begun, now or with the next portion. */
  lookLater(): void {
    if (this.hasCommands && !this.#looking) this.hba.tasks.kick();
  }

  /** Some that could be begun. */
  get hasCommands(): boolean {
    const { s, unit } = this;
    if ((s.cmd & h.CMD_ST) === 0 || s.ci === 0) return false;
    return (unit.s.status & (r.BSY | r.DRQ)) === 0 && (s.cmd & h.CMD_CR) !== 0 && unit.device !== undefined;
  }

  /** Begins commands as far as the portion and the device allow; true: the portion was too small. */
  look(portion: Portion): boolean {
    if (!this.hasCommands || this.#looking) return false;
    this.#looking = true;
    for (let slot = 0; slot < h.SLOTS && this.hasCommands && hasRoom(portion); slot++) {
      if ((this.s.ci & (1 << slot)) === 0) continue;
      portion.requests--;
      this.#begin(slot, portion);
    }
    this.#looking = false;
    return this.hasCommands && !hasRoom(portion);
  }

  #begin(slot: number, portion: Portion): void {
    this.s.slot = slot;
    const header = this.header(slot);
    const table = header.table;
    const fis = new Uint8Array(h.TABLE_BYTES);
    if (!this.memory.read(table, fis)) {
      // QEMU: a table that is no memory at all is passed by; one that is in part is an error of the bus.
      if (this.memory.isRam(table, 1)) this.trigger(h.IS_HBFS_BIT);
    } else if (fis[0] === h.FIS_H2D) {
      this.#buffers = undefined;
      portion.descriptors -= header.entries;
      this.#hostToDevice(slot, fis, header.flags);
    }
  }

  /** Spec: §5.5.1. A command that failed stays issued until the driver stops the list. */
  clearIssued(slot: number): void {
    if ((this.unit.s.status & (r.BSY | r.DRQ | r.ERR)) === 0) this.s.ci = (this.s.ci & ~(1 << slot)) >>> 0;
  }

  header(slot: number): { readonly flags: number; readonly entries: number; readonly table: number } {
    const at = this.#list + slot * h.HEADER_BYTES;
    const { memory } = this;
    const table = memory.readU32(at + 12) * LIMIT_32 + memory.readU32(at + 8);
    return { flags: memory.readU16(at), entries: memory.readU16(at + 2), table };
  }

  #hostToDevice(slot: number, fis: Uint8Array, flags: number): void {
    const { s, unit } = this;
    if ((fis[1] & (h.H2D_PORT | h.H2D_RESERVED)) !== 0) return;
    if ((fis[1] & h.H2D_COMMAND) === 0) {
      const resets = (fis[CONTROL_AT] & SRST) !== 0;
      if (s.resetting === 0 && resets) s.resetting = 1;
      // Spec: §10.4.1: the device does not answer to this, so that the driver has said that none is waited for.
      if (s.resetting === 1 && resets) {
        if ((flags & h.HEADER_CLEAR_BUSY) !== 0) this.clearIssued(slot);
      } else if (s.resetting === 1 && !resets) this.resetPort();
      return;
    }
    if (h.QUEUED.has(fis[2])) {
      this.#queue.begin(fis, slot);
      return;
    }
    Object.assign(unit.s, {
      ...{ feature: fis[3], low: fis[4], mid: fis[5], high: fis[6], device: fis[7] },
      ...{ hobLow: fis[8], hobMid: fis[9], hobHigh: fis[10], hobFeature: fis[11] },
      count: fis[13] * 256 + fis[12],
      error: 0,
    });
    s.movedFirst = 0;
    this.#packet =
      (flags & h.HEADER_ATAPI) === 0 ? undefined : fis.slice(h.TABLE_PACKET, h.TABLE_PACKET + r.PACKET_BYTES);
    this.memory.writeU32(this.#countAt, 0);
    s.busySlot = slot;
    unit.execute(fis[2]);
  }

  #packet: Uint8Array | undefined;

  takePacket(): Uint8Array | undefined {
    const packet = this.#packet;
    this.#packet = undefined;
    return packet;
  }

  /** Where the driver reads how much has moved. */
  get #countAt(): number {
    return this.#list + this.s.slot * h.HEADER_BYTES + 4;
  }

  buffersOf(slot: number): AhciBuffers {
    const { entries, table } = this.header(slot);
    return new AhciBuffers(this.memory, table, entries);
  }

  get #current(): AhciBuffers {
    this.#buffers ??= this.buffersOf(this.s.slot);
    return this.#buffers;
  }

  /** Spec: §5.4.11: nobody hears of it but by FIS. */
  interrupt(): void {}

  deviceChanged(): void {
    this.resetPort();
  }

  movePio(data: Uint8Array, toDriver: boolean): void {
    const { s } = this;
    const { flags } = this.header(s.slot);
    const isPacket = (flags & h.HEADER_ATAPI) !== 0 && s.movedFirst === 0;
    const toDevice = (flags & h.HEADER_WRITE) !== 0;
    // Spec: SATA 3.0 §11: a packet, and the first block of a write, are taken without an interrupt.
    const interrupts = s.movedFirst === 1 || ((flags & h.HEADER_ATAPI) === 0 && !toDevice);
    this.#sendPioSetup(data.length, interrupts);
    if (!isPacket) {
      const segments = this.#current.part(this.unit.s.dmaDone, data.length);
      if (toDevice && !toDriver) gather(this.memory, segments, data);
      else if (!toDevice && toDriver) scatter(this.memory, segments, data);
      this.moved(data.length);
      this.unit.s.dmaDone += data.length;
    }
    s.movedFirst = 1;
    if (interrupts) this.trigger(h.IS_PSS_BIT);
  }

  startDma(unit: AtaUnit): void {
    unit.runDma();
  }

  commandBuffers(bytes: number, done: number): DmaBuffers {
    const segments = this.#current.part(done, bytes);
    return { segments, described: segmentsLength(segments) };
  }

  nextBuffers(bytes: number, done: number): readonly Segment[] {
    return this.#current.part(done, bytes);
  }

  /** QEMU: a list that has any room at all is taken for long enough. */
  takesPart(room: number): boolean {
    return room > 0;
  }

  moved(bytes: number): void {
    const count = this.memory.readU32(this.#countAt) + bytes;
    this.memory.writeU32(this.#countAt, count >>> 0);
  }

  dmaEnded(): void {}

  commandDone(): void {
    const { s, trace } = this;
    if (trace.on) trace.event('ahci_cmd_done', this.hba, this.number);
    if (s.busySlot !== null) this.clearIssued(s.busySlot);
    s.busySlot = null;
    this.sendRegisters(true);
    const failed = (this.unit.s.status & r.ERR) !== 0;
    if (!failed && s.ci !== 0 && !this.#looking) this.hba.scheduleCommands();
  }

  begin(task: AtaTask): void {
    this.hba.tasks.begin(task);
  }

  forget(unit: AtaUnit): void {
    this.hba.tasks.forgetUnit(unit);
    this.#queue.clear();
  }

  trigger(bit: number): void {
    this.s.is = (this.s.is | (1 << bit)) >>> 0;
    this.hba.updateIrq();
  }

  /** False: the driver takes no FIS. */
  #send(at: number, bytes: readonly number[]): boolean {
    if ((this.s.cmd & h.CMD_FR) === 0 || (this.s.cmd & h.CMD_FRE) === 0) return false;
    this.memory.write(this.#received + at, Uint8Array.from(bytes));
    return true;
  }

  /** What two kinds of FIS have of the registers, from the third byte on. */
  #registers(): number[] {
    const { s } = this.unit;
    return [
      ...[s.status, s.error, s.low, s.mid, s.high, s.device],
      ...[s.hobLow, s.hobMid, s.hobHigh, 0, s.count & 0xff, (s.count >> 8) & 0xff],
    ];
  }

  #showStatus(): void {
    const { status, error } = this.unit.s;
    this.s.tfd = (error << 8) | status;
    if ((status & r.ERR) !== 0) this.trigger(h.IS_TFES_BIT);
  }

  #sendPioSetup(bytes: number, interrupts: boolean): void {
    const { status } = this.unit.s;
    const flags = interrupts ? h.FIS_INTERRUPT : 0;
    const tail = [0, status, bytes & 0xff, (bytes >> 8) & 0xff, 0, 0];
    if (this.#send(h.RECEIVED_PIO, [h.FIS_PIO, flags, ...this.#registers(), ...tail])) this.#showStatus();
  }

  /** Tells the registers; false: the driver takes no FIS. */
  sendRegisters(interrupts: boolean): boolean {
    const flags = interrupts ? h.FIS_INTERRUPT : 0;
    const fis = [h.FIS_D2H, flags, ...this.#registers(), ...new Array<number>(6).fill(0)];
    if (!this.#send(h.RECEIVED_D2H, fis)) return false;
    this.#showStatus();
    if (interrupts) this.trigger(h.IS_DHRS_BIT);
    return true;
  }

  /** Tells of queued commands that have ended. */
  sendFinished(): void {
    const { s } = this;
    const { status, error } = this.unit.s;
    const tags = [0, 8, 16, 24].map((shift) => (s.finished >>> shift) & 0xff);
    if (!this.#send(h.RECEIVED_SDB, [h.FIS_SDB, h.FIS_INTERRUPT, status & 0x77, error, ...tags])) return;
    s.tfd = (error << 8) | (status & 0x77) | (s.tfd & (r.BSY | r.DRQ));
    s.sact = (s.sact & ~s.finished) >>> 0;
    s.finished = 0;
    this.trigger((status & r.ERR) === 0 ? h.IS_SDBS_BIT : h.IS_TFES_BIT);
  }

  #tellSignature(): void {
    if (!this.sendRegisters(true)) return;
    const { high, mid, low, count } = this.unit.s;
    this.s.told = true;
    this.s.sig = ((high << 24) | (mid << 16) | (low << 8) | (count & 0xff)) >>> 0;
  }

  /** COMRESET, or the end of a software reset. */
  resetPort(): void {
    const { s, unit } = this;
    unit.cancel();
    unit.reset();
    Object.assign(s, {
      serr: 0,
      sact: 0,
      tfd: h.TFD_RESET,
      sig: h.SIG_NONE,
      ci: 0,
      busySlot: null,
      told: false,
    });
    this.#buffers = undefined;
    if (unit.device === undefined) return;
    s.resetting = 0;
    unit.s.status = r.DSC | r.DF | (unit.kind === 'cd' ? r.DRDY : 0);
    unit.s.error = r.PASSED;
    this.#tellSignature();
  }

  /** The whole controller is reset. */
  resetHost(): void {
    Object.assign(this.s, { is: 0, ie: 0, sctl: 0, cmd: h.CMD_SUD | h.CMD_POD });
    this.resetPort();
  }

  reset(): void {
    this.unit.cancel();
    this.s = powerOn();
    this.resetHost();
  }

  save(): { readonly state: AhciPortState; readonly kept: AtaKeptState } {
    const { unit, kept } = this.unit.save();
    return { state: { ...this.s, queued: this.#queue.save(), unit }, kept };
  }

  restore({ unit, queued, ...own }: AhciPortState, kept: AtaKeptState): void {
    this.unit.restore(unit, kept);
    this.s = { ...own };
    this.#buffers = undefined;
    this.#queue.restore(queued);
  }

  /** What was under way goes on. */
  resume(): void {
    this.unit.resume();
    this.#queue.resume();
    this.lookLater();
  }
}

function powerOn(): OwnState {
  return {
    ...{ clb: 0, clbu: 0, fb: 0, fbu: 0, is: 0, ie: 0, cmd: h.CMD_SUD | h.CMD_POD, tfd: h.TFD_RESET },
    ...{ sig: h.SIG_NONE, sctl: 0, serr: 0, sact: 0, ci: 0 },
    ...{ slot: 0, busySlot: null, told: false, resetting: 0, movedFirst: 0, finished: 0 },
  };
}
