/**
 * A mass storage device with the bulk-only transport: a SCSI bus at the other end of two pipes. The host sends a command block, data go one way or the
 * other, and the device ends with a status. Spec: USB Mass Storage Class, Bulk-Only Transport 1.0. QEMU: hw/usb/dev-storage.c of 7.2.
 */
import { BOOLEAN, bytes, DWORD, integer, nullable, oneOf, record } from '../core/state-fields.ts';
import { BusRequest, type BusRequestOwner } from '../scsi/bus-request.ts';
import { restoreRequest, SAVED_REQUEST, type SavedRequest, saveRequest } from '../scsi/bus-request-state.ts';
import type { ScsiEnd } from '../scsi/scsi-action.ts';
import { ScsiBus, type ScsiController, type ScsiLimits } from '../scsi/scsi-bus.ts';
import type { ScsiDisk } from '../scsi/scsi-disk.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceSettings, type UsbDeviceState } from './usb-device.ts';
import { PID_IN, PID_OUT, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';

const CLEAR_ENDPOINT_FEATURE = 0x0201;
const MASS_STORAGE_RESET = 0x21ff;
const GET_MAX_LUN = 0xa1fe;

const ENDPOINT_IN = 1;
const ENDPOINT_OUT = 2;

/** Command block wrapper. Spec: §5.1. */
const CBW_BYTES = 31;
const CBW_SIGNATURE = 0x4342_5355;
const CBW_TAG_AT = 4;
const CBW_LENGTH_AT = 8;
const CBW_FLAGS_AT = 12;
const CBW_LUN_AT = 13;
const CBW_COMMAND_LENGTH_AT = 14;
const CBW_COMMAND_AT = 15;
const DIRECTION_IN = 0x80;

/** Command status wrapper. Spec: §5.2. */
const CSW_BYTES = 13;
const CSW_SIGNATURE = 0x5342_5355;
const CSW_TAG_AT = 4;
const CSW_RESIDUE_AT = 8;
const CSW_STATUS_AT = 12;
const COMMAND_FAILED = 1;

/** What the next packet is about: a command, data to the device or from it, or the status. */
type Stage = 'command' | 'data-out' | 'data-in' | 'status';

export type UsbStorageState = {
  readonly usb: UsbDeviceState;
  readonly attached: boolean;
  readonly stage: Stage;
  /** Bytes of data that the host still means to move. */
  readonly dataLeft: number;
  /** The status wrapper of the last command; zeros once the host has it. */
  readonly csw: Uint8Array;
  /** The host did what cannot be: nothing is answered before it resets the device. */
  readonly needsReset: boolean;
  readonly request: SavedRequest | null;
  /** Bytes of the packet that waits that the request has taken: the host sends that packet again. */
  readonly taken: number;
};

const UINT32_MAX = 0xffff_ffff;
const FIELDS = record<UsbStorageState>({
  usb: USB_DEVICE_FIELDS,
  attached: BOOLEAN,
  stage: oneOf('command', 'data-out', 'data-in', 'status'),
  dataLeft: DWORD,
  csw: bytes(CSW_BYTES),
  needsReset: BOOLEAN,
  request: nullable(SAVED_REQUEST),
  taken: integer(0, UINT32_MAX),
});

interface Volatile {
  stage: Stage;
  dataLeft: number;
  csw: Uint8Array;
  needsReset: boolean;
}

function powerOn(): Volatile {
  return { stage: 'command', dataLeft: 0, csw: new Uint8Array(CSW_BYTES), needsReset: false };
}

export interface UsbStorageProperties {
  readonly limits: ScsiLimits;
  /** Drivers see it as soon as it is plugged in. */
  readonly attachesItself: boolean;
}

export class UsbStorage extends UsbDevice<UsbStorageState> implements ScsiController, BusRequestOwner {
  readonly vmstate = { name: 'usb-storage', version: 1, fields: FIELDS };
  readonly scsi: ScsiBus;
  readonly #attachesItself: boolean;
  #s = powerOn();
  #request: BusRequest | undefined;
  /** One of a snapshot, until the units are restored too. */
  #saved: SavedRequest | undefined;
  /** The packet that waits for the request, and what it has moved of its data. */
  #packet: UsbPacket | undefined;
  #packetData = 0;
  /** A packet came while another one waited: its controller is to look again. */
  #hasRefused = false;
  /** Bytes at the start of the next packet that the request took before a snapshot. */
  #taken = 0;

  constructor({ limits, attachesItself }: UsbStorageProperties, settings: UsbDeviceSettings) {
    super(settings);
    this.#attachesItself = attachesItself;
    this.scsi = new ScsiBus(limits, this, false);
  }

  override get attachesItself(): boolean {
    return this.#attachesItself;
  }

  reset(): void {
    this.resetUsb();
    this.busWasReset();
  }

  save(): UsbStorageState {
    const { stage, dataLeft, csw, needsReset } = this.#s;
    const packet = this.#packet;
    const moved = packet?.actual ?? 0;
    const isIn = packet?.pid === PID_IN;
    return {
      usb: this.saveUsb(),
      attached: this.attached,
      stage,
      // The host offers a packet that waits again, from its beginning.
      dataLeft: isIn ? dataLeft + this.#packetData : dataLeft,
      csw: csw.slice(),
      needsReset,
      request: this.#savedRequest(isIn ? moved : 0),
      taken: isIn ? 0 : moved + this.#taken,
    };
  }

  /** A request goes on when the units are restored too. */
  restore(state: UsbStorageState): void {
    const { usb, attached, stage, dataLeft, csw, needsReset, request, taken } = state;
    this.restoreUsb(usb);
    this.restoreAttached(attached);
    this.#request?.cancel();
    this.#request = undefined;
    this.#packet = undefined;
    this.#s = { stage, dataLeft, csw: csw.slice(), needsReset };
    this.#taken = taken;
    this.#saved = request ?? undefined;
    if (request !== null) void Promise.resolve().then(() => this.#resume(request));
  }

  override detached(): void {
    this.#end('no-device');
  }

  unitPlugged(unit: ScsiDisk): void {
    unit.drive.gate.onDrain = () => undefined;
  }

  unitUnplugged(unit: ScsiDisk): void {
    if (this.#request?.unit === unit) this.#cancelRequest();
  }

  /** QEMU: the driver is not told. */
  unitChanged(): void {}

  unitReset(unit: ScsiDisk): void {
    if (this.#request?.unit === unit) this.#cancelRequest();
  }

  dataReady(request: BusRequest): void {
    if (request !== this.#request) return;
    if ((this.#s.stage === 'data-out') !== request.out) {
      this.#refuseAll();
      return;
    }
    const packet = this.#packet;
    if (packet === undefined) return;
    this.#move(packet);
    if (this.#packet === packet && packet.left === 0) this.#endAndWake();
  }

  ended(request: BusRequest, end: ScsiEnd): void {
    if (request !== this.#request) return;
    this.#request = undefined;
    const s = this.#s;
    this.#setStatus({ tag: request.tag, residue: s.dataLeft, failed: end.kind === 'check' });
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_cmd_complete', end.kind === 'check' ? 2 : 0, request.tag);
    const packet = this.#packet;
    if (packet === undefined) {
      if (s.dataLeft === 0) s.stage = 'status';
      return;
    }
    // A packet that waits after the last data to the device is the one for the status.
    if (s.stage === 'status' || (s.stage === 'data-out' && s.dataLeft === 0)) this.#giveStatus(packet);
    else if (s.dataLeft === 0) s.stage = 'status';
    else this.#pad(packet);
    this.#endAndWake();
  }

  override cancel(packet: UsbPacket): void {
    if (packet !== this.#packet) return;
    this.#packet = undefined;
    this.#cancelRequest();
  }

  protected busWasReset(): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_reset');
    this.#cancelRequest();
    this.#end('stall');
    this.#s = powerOn();
    this.#taken = 0;
  }

  protected classRequest(request: UsbRequest): UsbAnswer {
    switch ((request.type << 8) | request.request) {
      case CLEAR_ENDPOINT_FEATURE:
        return NO_BYTES;
      case MASS_STORAGE_RESET:
        // QEMU: a command that is under way goes on, and its end is taken for that of the next one.
        this.#cancelRequest();
        this.#s.stage = 'command';
        return NO_BYTES;
      case GET_MAX_LUN: {
        const maxLun = this.#maxLun();
        const { trace } = this.settings;
        if (trace.on) trace.event('usb_msd_maxlun', maxLun);
        return Uint8Array.of(maxLun);
      }
      default:
        return 'stall';
    }
  }

  protected handleData(packet: UsbPacket): UsbStatus {
    if (this.#s.needsReset) return 'stall';
    if (this.#packet !== undefined) {
      // QEMU: forgets the first packet.
      this.#hasRefused = true;
      return 'nak';
    }
    if (packet.pid === PID_OUT && packet.endpoint === ENDPOINT_OUT) return this.#takeOut(packet);
    return packet.pid === PID_IN && packet.endpoint === ENDPOINT_IN ? this.#giveIn(packet) : 'stall';
  }

  #takeOut(packet: UsbPacket): UsbStatus {
    const s = this.#s;
    if (s.stage === 'command') return this.#command(packet);
    if (s.stage !== 'data-out') return 'stall';
    packet.skip(this.#taken);
    this.#taken = 0;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_data_out', packet.data.length, s.dataLeft);
    if (packet.left > s.dataLeft) return 'stall';
    this.#packetData = 0;
    this.#move(packet);
    if (this.#residue !== 0) this.#pad(packet);
    return packet.left > 0 ? this.#keep(packet) : 'success';
  }

  #giveIn(packet: UsbPacket): UsbStatus {
    const { stage, dataLeft } = this.#s;
    if (stage === 'command') return 'stall';
    if (stage === 'data-in') return this.#giveData(packet);
    if (packet.data.length < CSW_BYTES) return 'stall';
    // After the last data to the device its driver waits for the end of the command.
    if (stage === 'data-out') return dataLeft === 0 ? this.#keep(packet) : 'stall';
    if (this.#isBusy) return this.#keep(packet);
    this.#giveStatus(packet);
    return 'success';
  }

  #giveData(packet: UsbPacket): UsbStatus {
    const { trace } = this.settings;
    if (trace.on) {
      trace.event('usb_msd_data_in', packet.data.length, this.#s.dataLeft, this.#request?.ready ?? 0);
    }
    this.#packetData = 0;
    this.#move(packet);
    if (this.#residue !== 0) this.#pad(packet);
    // Moving the last of the data may have ended the request.
    return packet.left > 0 && this.#s.stage === 'data-in' ? this.#keep(packet) : 'success';
  }

  #command(packet: UsbPacket): UsbStatus {
    const { trace } = this.settings;
    if (packet.data.length !== CBW_BYTES) {
      trace.guestError('usb-msd: Bad CBW size');
      return 'stall';
    }
    const view = new DataView(packet.data.buffer, packet.data.byteOffset, CBW_BYTES);
    const signature = view.getUint32(0, true);
    if (signature !== CBW_SIGNATURE) {
      trace.guestError('usb-msd: Bad signature %08x', signature);
      return 'stall';
    }
    const lun = view.getUint8(CBW_LUN_AT);
    const unit = this.scsi.find(0, 0, lun);
    if (unit === undefined) {
      trace.guestError('usb-msd: Bad LUN %d', lun);
      return 'stall';
    }
    const s = this.#s;
    const [tag, length] = [view.getUint32(CBW_TAG_AT, true), view.getUint32(CBW_LENGTH_AT, true)];
    const flags = view.getUint8(CBW_FLAGS_AT);
    s.dataLeft = length;
    if (length === 0) s.stage = 'status';
    else s.stage = (flags & DIRECTION_IN) === 0 ? 'data-out' : 'data-in';
    if (trace.on) {
      const commandLength = view.getUint8(CBW_COMMAND_LENGTH_AT);
      trace.event('usb_msd_cmd_submit', lun, tag, flags, commandLength, length);
    }
    packet.take(CBW_BYTES);
    const cdb = packet.data.slice(CBW_COMMAND_AT, CBW_BYTES);
    this.#cancelRequest();
    this.#request = new BusRequest(this, unit, { tag, lun, cdb, resumed: false });
    this.#request.go();
    return 'success';
  }

  /** As much as the request has, or takes, at once. */
  #move(packet: UsbPacket): void {
    const s = this.#s;
    for (let request = this.#request; request !== undefined; request = this.#request) {
      const length = Math.min(packet.left, request.ready);
      if (length === 0) return;
      const part = request.piece.subarray(request.moved, request.moved + length);
      if (packet.pid === PID_IN) packet.give(part);
      else part.set(packet.take(length));
      request.moved += length;
      const counted = Math.min(length, s.dataLeft);
      s.dataLeft -= counted;
      this.#packetData += counted;
      if (request.ready === 0 || s.dataLeft === 0) request.go();
    }
  }

  /** The rest of the packet is not about anything: the request had less to move than the host meant. */
  #pad(packet: UsbPacket): void {
    const s = this.#s;
    const { left } = packet;
    packet.skip(left);
    s.dataLeft -= Math.min(left, s.dataLeft);
    if (s.dataLeft === 0) s.stage = 'status';
  }

  #keep(packet: UsbPacket): UsbStatus {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_packet_async');
    this.#packet = packet;
    return 'async';
  }

  /** The packet that waits is over. */
  #end(status: UsbStatus): void {
    const packet = this.#packet;
    if (packet === undefined) return;
    this.#packet = undefined;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_packet_complete');
    packet.complete(status);
  }

  /** The packet that waits is done; its controller may go on with one that was refused meanwhile. */
  #endAndWake(): void {
    this.#end('success');
    if (!this.#hasRefused) return;
    this.#hasRefused = false;
    this.wakeUp();
  }

  /** QEMU: direction and command do not go together, and nothing is answered until a reset. */
  #refuseAll(): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_msd_fatal_error');
    this.#end('stall');
    this.#s.needsReset = true;
  }

  get #residue(): number {
    return new DataView(this.#s.csw.buffer).getUint32(CSW_RESIDUE_AT, true);
  }

  get #isBusy(): boolean {
    return this.#request !== undefined || this.#saved !== undefined;
  }

  #setStatus(told: { readonly tag: number; readonly residue: number; readonly failed: boolean }): void {
    const view = new DataView(this.#s.csw.buffer);
    view.setUint32(0, CSW_SIGNATURE, true);
    view.setUint32(CSW_TAG_AT, told.tag, true);
    view.setUint32(CSW_RESIDUE_AT, told.residue, true);
    view.setUint8(CSW_STATUS_AT, told.failed ? COMMAND_FAILED : 0);
  }

  /** QEMU: a command that is not wanted any more has failed. */
  #setCancelled(tag: number): void {
    this.#setStatus({ tag, residue: this.#residue, failed: true });
  }

  #giveStatus(packet: UsbPacket): void {
    const s = this.#s;
    const { trace } = this.settings;
    if (trace.on) {
      const tag = new DataView(s.csw.buffer).getUint32(CSW_TAG_AT, true);
      trace.event('usb_msd_send_status', s.csw[CSW_STATUS_AT] ?? 0, tag, packet.data.length);
    }
    packet.give(s.csw);
    s.csw = new Uint8Array(CSW_BYTES);
    s.stage = 'command';
  }

  #cancelRequest(): void {
    const tag = this.#request?.tag ?? this.#saved?.tag;
    this.#request?.cancel();
    this.#request = undefined;
    this.#saved = undefined;
    if (tag !== undefined) this.#setCancelled(tag);
  }

  /** Numbers of units without a gap, from 0. */
  #maxLun(): number {
    const luns = new Set(this.scsi.ofTarget(0, 0).map(({ address }) => address.lun));
    let max = 0;
    while (luns.has(max + 1)) max++;
    return max;
  }

  /** @param back bytes that a packet was given and whose driver gets them again */
  #savedRequest(back: number): SavedRequest | null {
    const request = this.#request;
    if (request === undefined) return this.#saved ?? null;
    const saved = saveRequest(request);
    if (back <= saved.moved) return { ...saved, moved: saved.moved - back };
    const done = Math.max(0, saved.done + saved.moved - back);
    return { ...saved, piece: new Uint8Array(), moved: 0, done };
  }

  #resume(saved: SavedRequest): void {
    // Something else may have been restored meanwhile, or the bus reset.
    if (this.#saved !== saved) return;
    this.#saved = undefined;
    const unit = this.scsi.find(0, 0, saved.lun);
    if (unit === undefined) {
      this.#setCancelled(saved.tag);
      return;
    }
    const request = restoreRequest(this, unit, saved);
    this.#request = request;
    if (request.ready === 0) request.goWithMachine();
  }
}
