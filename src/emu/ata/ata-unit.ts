/**
 * One of the places for devices on an ATA bus, with the device in it: registers, PIO, the course of commands.
 * Spec: ATA/ATAPI-6. The order in which things happen is that of QEMU 7.2.
 */
import type { BlockError } from '../block/block-backend.ts';
import type { BlockTransfer } from '../block/block-transfer.ts';
import type { DriveTray } from '../block/drive-tray.ts';
import { ATA_COMMANDS } from './ata-commands.ts';
import type { AtaDevice } from './ata-device.ts';
import { dmaEnded, runDma } from './ata-dma.ts';
import { type AtaHost, type AtaTask, NO_MEDIUM_ERROR, NOT_BEGUN } from './ata-host.ts';
import { changeSize } from './ata-identify.ts';
import { sectorRead, sectorWrite } from './ata-pio.ts';
import * as r from './ata-registers.ts';
import {
  type After,
  type AtaKeptState,
  type AtaUnitState,
  type DmaKind,
  type Mutable,
  NOT_RUN,
  SELF_TESTS,
  type Work,
} from './ata-state.ts';
import { execute } from './atapi.ts';
import * as packet from './atapi-answer.ts';

const EMPTY = new Uint8Array();
const DEVICE_RESET = 0x08;
/** Spec: ATA/ATAPI-6 §9.12: by which a driver tells devices apart. */
const SIGNATURE_CD = [0x14, 0xeb] as const;
const SIGNATURE_HD = [0, 0] as const;
/** QEMU: where there is no device. */
const SIGNATURE_NONE = [0xff, 0xff] as const;

export class AtaUnit implements DriveTray {
  readonly host: AtaHost;
  device: AtaDevice | undefined;
  s: Mutable<AtaUnitState> = emptyUnit().unit;
  kept: Mutable<AtaKeptState> = keptOf(undefined);

  /** What is moving, as far as it is known how much of it the disk has done. */
  underWay: BlockTransfer | undefined;

  constructor(host: AtaHost) {
    this.host = host;
  }

  get kind(): 'hd' | 'cd' {
    return this.device?.properties.kind ?? 'hd';
  }

  /** A device is plugged in, before the machine runs; undefined: it leaves with its controller. */
  attach(device: AtaDevice | undefined): void {
    if (this.device !== undefined) this.cancel();
    this.device = device;
    this.kept = keptOf(device);
    if (device !== undefined) {
      const { gate } = device.drive;
      if (device.properties.kind === 'cd') gate.tray = this;
      gate.onResize = () => this.#resized();
    }
    this.reset();
    this.host.deviceChanged();
  }

  reset(): void {
    const { kept } = this;
    if (kept.reverts) Object.assign(kept, { reverts: false, ...tracksOf(this.device) });
    this.s = powerOn();
    this.setSignature();
  }

  /** SRST: what is under way is given up, and the device says that it is well. */
  softReset(): void {
    this.cancel();
    this.reset();
    this.diagnose();
  }

  /** The work of the disk for this device is not wanted any more. */
  cancel(): void {
    const { work } = this.s;
    this.host.forget(this);
    this.s.work = null;
    this.s.workDone = 0;
    if (work === 'dma' || work === 'packet dma') this.host.dmaEnded(false);
    this.underWay = undefined;
    this.s.dmaWaits = false;
  }

  /** Spec: ATA/ATAPI-6 §8.9. QEMU: a packet device clears its whole status, and does not interrupt. */
  diagnose(): void {
    this.s.device = r.DEVICE_ALWAYS;
    this.setSignature();
    this.s.status = this.kind === 'cd' ? 0 : r.DRDY | r.DSC;
    this.s.error = r.PASSED;
    if (this.kind !== 'cd') this.host.interrupt();
  }

  setSignature(): void {
    const none = this.device === undefined ? SIGNATURE_NONE : SIGNATURE_HD;
    const [mid, high] = this.kind === 'cd' ? SIGNATURE_CD : none;
    Object.assign(this.s, { device: this.s.device & ~r.DEVICE_HEAD, count: 1, low: 1, mid, high });
  }

  /** The driver has written a command. */
  execute(code: number): void {
    const { s, host } = this;
    if (host.trace.on) host.trace.event('ide_exec_cmd', host, this, code);
    // Spec: ATA/ATAPI-6 §8.10: only this command is taken by a device that is busy.
    if ((s.status & (r.BSY | r.DRQ)) !== 0 && (code !== DEVICE_RESET || this.kind !== 'cd')) return;
    const command = ATA_COMMANDS.get(code);
    if (command === undefined || !command.kinds.includes(this.kind)) {
      this.abort();
      this.host.interrupt();
      return;
    }
    s.status = r.DRDY | r.BSY;
    s.error = 0;
    s.dmaDone = 0;
    if (command.run(this, code) !== 'done') return;
    s.status &= ~r.BSY;
    if (command.seeks && s.error === 0) s.status |= r.DSC;
    this.host.commandDone();
    this.host.interrupt();
  }

  /** The command is refused. */
  abort(): void {
    this.s.status = r.DRDY | r.ERR;
    this.s.error = r.ABRT;
    this.stopTransfer();
  }

  /** It ends with an error, of which the driver is told. */
  abortAndTell(): void {
    this.abort();
    this.host.interrupt();
  }

  /** Data is ready to move, or to be given. True: the controller has moved it already, and the caller goes on. */
  startTransfer(data: Uint8Array, after: After): boolean {
    const { s, host } = this;
    s.buffer = data;
    s.at = 0;
    s.after = after;
    if ((s.status & r.ERR) === 0) s.status |= r.DRQ;
    if (!host.movesPio) return false;
    host.movePio(data, isToDriver(after));
    s.at = data.length;
    return true;
  }

  /** The same, and what comes after. */
  transfer(data: Uint8Array, after: After): void {
    if (this.startTransfer(data, after)) this.#goOn(after);
  }

  haltTransfer(): void {
    Object.assign(this.s, { after: 'stop', buffer: EMPTY, at: 0 });
    this.s.status &= ~r.DRQ;
  }

  stopTransfer(): void {
    this.haltTransfer();
    this.host.commandDone();
  }

  /** The data register. */
  readData(size: number): number {
    const { s } = this;
    if ((s.status & r.DRQ) === 0 || !isToDriver(s.after) || s.at + size > s.buffer.length) return 0;
    let value = 0;
    for (let n = size - 1; n >= 0; n--) value = value * 256 + s.buffer[s.at + n];
    this.#pass(size);
    return value;
  }

  writeData(size: number, value: number): void {
    const { s } = this;
    if ((s.status & r.DRQ) === 0 || isToDriver(s.after) || s.at + size > s.buffer.length) return;
    for (let n = 0; n < size; n++) s.buffer[s.at + n] = value >>> (8 * n);
    this.#pass(size);
  }

  #pass(size: number): void {
    const { s } = this;
    s.at += size;
    if (s.at < s.buffer.length) return;
    s.status &= ~r.DRQ;
    this.#goOn(s.after);
  }

  #goOn(after: After): void {
    if (after === 'sector read') sectorRead(this);
    else if (after === 'sector write') sectorWrite(this);
    else if (after === 'packet') execute(this);
    else if (after === 'reply') packet.reply(this);
    else this.stopTransfer();
  }

  /** The command's data moves by DMA as soon as the controller can. */
  startDma(kind: DmaKind): void {
    this.s.dma = kind;
    this.s.dmaWaits = true;
    this.host.startDma(this);
  }

  /** The controller can. */
  runDma(): void {
    if (!this.s.dmaWaits) return;
    this.s.dmaWaits = false;
    if (this.s.dma === 'packet') packet.dma(this);
    else runDma(this);
  }

  /** The controller's DMA was stopped in the middle: what has not moved does not. */
  stopDma(): void {
    const { work } = this.s;
    if (work === 'dma' || work === 'packet dma') this.cancel();
  }

  /** Has the disk do something for the command. @param ended what is done then, when it went well */
  begin(work: Work, task: Pick<AtaTask, 'kind' | 'transfer' | 'flush'>, ended: () => void): void {
    const { device, s } = this;
    s.work = work;
    if (device === undefined) return;
    const { gate, medium } = device.drive;
    this.host.begin({
      ...{ ...task, unit: this, gate, backend: medium?.backend, ...NOT_BEGUN },
      ended: (error) => {
        s.work = null;
        s.workDone = 0;
        this.underWay = undefined;
        if (error === undefined) ended();
        else this.failed(error, work);
      },
    });
  }

  /** The disk could not. */
  failed(error: BlockError, work: Work): void {
    if (work === 'dma') {
      this.host.moved(0);
      this.abort();
      dmaEnded(this, false);
      this.host.interrupt();
    } else if (work === 'packet pio' || work === 'packet dma') {
      packet.failed(this, error === NO_MEDIUM_ERROR);
    } else this.abortAndTell();
  }

  /** The work of a snapshot is begun again, or goes on. */
  resume(): void {
    const { work } = this.s;
    if (work === null || this.device === undefined) return;
    if (work === 'pio read') sectorRead(this);
    else if (work === 'pio write') sectorWrite(this);
    else if (work === 'flush') this.flush();
    else if (work === 'dma') runDma(this);
    else if (work === 'packet pio') packet.reply(this);
    else packet.dma(this);
  }

  /** FLUSH CACHE. */
  flush(): void {
    const done = (): void => {
      this.s.status = r.DRDY | r.DSC;
      this.host.commandDone();
      this.host.interrupt();
    };
    if (this.device === undefined) {
      done();
      return;
    }
    this.s.status |= r.BSY;
    this.begin('flush', { kind: 'flush', transfer: undefined, flush: 'no' }, done);
  }

  get isOpen(): boolean {
    return this.s.trayOpen;
  }

  get isLocked(): boolean {
    return this.s.trayLocked;
  }

  requestEject(force: boolean): void {
    this.kept.ejectRequested = true;
    if (force) this.s.trayLocked = false;
    this.host.interrupt();
  }

  /** The user opens the tray, or closes it over another disc. */
  move(open: boolean): void {
    this.moveTray(open);
    this.kept.sectors = this.device?.sectors ?? 0;
    this.s.discChanged = 1;
    this.kept.newMedium = true;
    this.kept.ejectRequested = false;
    this.host.interrupt();
  }

  /** The guest or the user does. */
  moveTray(open: boolean): void {
    if (this.s.trayOpen === open) return;
    this.s.trayOpen = open;
    this.device?.onTrayMoved(open);
  }

  save(): { readonly unit: AtaUnitState; readonly kept: AtaKeptState } {
    const { s, kept } = this;
    return {
      unit: {
        ...s,
        workDone: this.underWay?.done ?? s.workDone,
        buffer: s.buffer.slice(),
        packet: { ...s.packet, given: s.packet.given.slice() },
      },
      kept: { ...kept, identity: kept.identity?.slice() ?? null, selfTests: [...kept.selfTests] },
    };
  }

  /** The controller calls `resume` when all that it stands on is restored. */
  restore(unit: AtaUnitState, kept: AtaKeptState): void {
    this.host.forget(this);
    this.s = { ...unit, buffer: unit.buffer.slice() };
    // What a snapshot says may be more than there is.
    if (this.s.at > this.s.buffer.length) this.s.at = this.s.buffer.length;
    this.kept = { ...kept, identity: kept.identity?.slice() ?? null, selfTests: [...kept.selfTests] };
  }

  #resized(): void {
    if (this.kind === 'cd' || this.device === undefined) return;
    this.kept.sectors = this.device.sectors;
    changeSize(this);
  }
}

function isToDriver(after: After): boolean {
  return after !== 'sector write' && after !== 'packet';
}

function tracksOf(device: AtaDevice | undefined): Pick<AtaKeptState, 'heads' | 'trackSectors'> {
  const { heads = 0, sectors = 0 } = device?.properties.geometry ?? {};
  return { heads, trackSectors: sectors };
}

function powerOn(): AtaUnitState {
  return {
    ...{ feature: 0, count: 0, low: 0, mid: 0, high: 0 },
    ...{ hobFeature: 0, hobCount: 0, hobLow: 0, hobMid: 0, hobHigh: 0 },
    ...{ device: r.DEVICE_ALWAYS, status: r.DRDY | r.DSC, error: 0, lba48: false },
    ...{ multiple: r.MAX_MULTIPLE, block: 0, buffer: EMPTY, at: 0, after: 'stop' },
    ...{ dma: null, dmaWaits: false, dmaDone: 0, work: null, workDone: 0 },
    packet: { left: 0, given: EMPTY, disc: null, byDma: false },
    ...{ senseKey: 0, asc: 0, trayOpen: false, trayLocked: false, discChanged: 0 },
  };
}

function keptOf(device: AtaDevice | undefined): AtaKeptState {
  return {
    sectors: device?.sectors ?? 0,
    writeCache: device?.properties.writeCache ?? false,
    ...tracksOf(device),
    ...{ reverts: false, identity: null, smart: true, smartAutosave: true },
    ...{ selfTests: new Array<number>(SELF_TESTS).fill(NOT_RUN), selfTest: 0 },
    ...{ newMedium: false, ejectRequested: false },
  };
}

/** The state of a place without a device. */
export function emptyUnit(): { readonly unit: AtaUnitState; readonly kept: AtaKeptState } {
  const [mid, high] = SIGNATURE_NONE;
  return { unit: { ...powerOn(), count: 1, low: 1, mid, high }, kept: keptOf(undefined) };
}
