/**
 * USB attached SCSI: commands, their ends and their data have a pipe each, and many commands are under way at once. At super speed each command
 * has streams of its tag; at high speed the device says whose data move next. Spec: UAS 1.0 (T10/2095-D). QEMU: hw/usb/dev-uas.c of 7.2.
 */
import type { Clock, Timer } from '../core/clock.ts';
import { BOOLEAN, integer, kind, list, record, type StateKind } from '../core/state-fields.ts';
import { BusRequest, type BusRequestOwner } from '../scsi/bus-request.ts';
import { restoreRequest, SAVED_REQUEST, type SavedRequest, saveRequest } from '../scsi/bus-request-state.ts';
import { type ScsiEnd, STATUS_CHECK_CONDITION, STATUS_GOOD } from '../scsi/scsi-action.ts';
import { ScsiBus, type ScsiController } from '../scsi/scsi-bus.ts';
import type { ScsiDisk } from '../scsi/scsi-disk.ts';
import {
  INVALID_PARAMETER,
  INVALID_TAG,
  LUN_NOT_SUPPORTED,
  OVERLAPPED_COMMANDS,
  type Sense,
} from '../scsi/scsi-sense.ts';
import * as uas from './uas-units.ts';
import { USB_DEVICE_FIELDS, UsbDevice, type UsbDeviceSettings, type UsbDeviceState } from './usb-device.ts';
import { PID_IN, PID_OUT, type UsbPacket, type UsbStatus } from './usb-packet.ts';
import { NO_BYTES, type UsbAnswer, type UsbRequest } from './usb-request.ts';
import { SPEED_SUPER } from './usb-speed.ts';

const CLEAR_ENDPOINT_FEATURE = 0x0201;

export const PIPE_COMMAND = 1;
export const PIPE_STATUS = 2;
export const PIPE_DATA_IN = 3;
export const PIPE_DATA_OUT = 4;

/** As a power of two, and how many that are. */
export const STREAMS_LOG2 = 4;
const STREAMS_MAX = 1 << STREAMS_LOG2;
/** QEMU has no limit; no driver has more under way. */
const QUEUED_MAX = 256;
const MAX_LUN = 255;
const TAKEN_MAX = 0x7fff_ffff;

interface Task {
  readonly request: BusRequest;
  /** The packet that moves its data. */
  packet: UsbPacket | undefined;
  /** The packet waits for the request. */
  waits: boolean;
  /** Without streams: its data are moved now. */
  active: boolean;
  ended: boolean;
  /** Bytes at the start of its next packet that it took before a snapshot. */
  taken: number;
}

/** What waits for a packet of the status pipe. */
type Answer = { readonly stream: number; readonly bytes: Uint8Array };

type SavedTask = { readonly request: SavedRequest; readonly active: boolean; readonly taken: number };

export type UsbUasState = {
  readonly usb: UsbDeviceState;
  readonly attached: boolean;
  readonly tasks: readonly SavedTask[];
  readonly answers: readonly Answer[];
};

const ANSWER_BYTES: StateKind<Uint8Array> = kind(
  (value) => value instanceof Uint8Array && value.length <= uas.ANSWER_MAX,
  `at most ${uas.ANSWER_MAX} bytes`,
);
const FIELDS = record<UsbUasState>({
  usb: USB_DEVICE_FIELDS,
  attached: BOOLEAN,
  tasks: list(record<SavedTask>({ request: SAVED_REQUEST, active: BOOLEAN, taken: integer(0, TAKEN_MAX) }), {
    max: QUEUED_MAX,
  }),
  answers: list(record<Answer>({ stream: integer(0, 0xffff), bytes: ANSWER_BYTES }), { max: 2 * QUEUED_MAX }),
});

export interface UsbUasWiring {
  readonly clock: Clock;
  /** Drivers see it as soon as it is plugged in. */
  readonly attachesItself: boolean;
}

export class UsbUas extends UsbDevice<UsbUasState> implements ScsiController, BusRequestOwner {
  readonly vmstate = { name: 'usb-uas', version: 1, fields: FIELDS };
  readonly scsi = new ScsiBus({ channel: 0, target: 0, lun: MAX_LUN }, this);
  readonly tellsSense = true;
  readonly #wiring: UsbUasWiring;
  /** The end of a command is told after the packet with its data. */
  readonly #answerTimer: Timer;
  #tasks: Task[] = [];
  /** Those of a snapshot, until the units are restored too. */
  #saved: readonly SavedTask[] = [];
  #answers: Answer[] = [];
  /** Packets of the status pipe and, before their command has come, of data, by stream. */
  readonly #statusPackets = new Map<number, UsbPacket>();
  readonly #dataPackets = new Map<number, UsbPacket>();

  constructor(wiring: UsbUasWiring, settings: UsbDeviceSettings) {
    super(settings);
    this.#wiring = wiring;
    this.#answerTimer = wiring.clock.timer(() => this.#giveAnswers());
  }

  override get attachesItself(): boolean {
    return this.#wiring.attachesItself;
  }

  /** The device has left the machine. */
  disconnect(): void {
    this.#answerTimer.cancel();
  }

  reset(): void {
    this.resetUsb();
    this.#forgetTasks();
    this.#answers = [];
  }

  save(): UsbUasState {
    const answers = this.#answers.map(({ stream, bytes }) => ({ stream, bytes: bytes.slice() }));
    const tasks = [...this.#saved, ...this.#tasks.map(savedTask)];
    return { usb: this.saveUsb(), attached: this.attached, tasks, answers };
  }

  /** Commands go on when the units are restored too; packets that waited are offered again. */
  restore({ usb, attached, tasks, answers }: UsbUasState): void {
    this.restoreUsb(usb);
    this.restoreAttached(attached);
    this.#forgetTasks();
    this.#statusPackets.clear();
    this.#dataPackets.clear();
    this.#answerTimer.cancel();
    this.#answers = answers.map(({ stream, bytes }) => ({ stream, bytes: bytes.slice() }));
    this.#saved = tasks;
    if (tasks.length > 0) void Promise.resolve().then(() => this.#resume(tasks));
  }

  override detached(): void {
    const waiting = [...this.#statusPackets.values(), ...this.#dataPackets.values()];
    for (const { packet, waits } of this.#tasks) if (packet !== undefined && waits) waiting.push(packet);
    for (const packet of waiting) {
      this.cancel(packet);
      packet.complete('no-device');
    }
  }

  unitPlugged(unit: ScsiDisk): void {
    unit.drive.gate.onDrain = () => undefined;
  }

  unitUnplugged(unit: ScsiDisk): void {
    this.#cancelTasks(({ request }) => request.unit === unit);
  }

  /** QEMU: the driver is not told. */
  unitChanged(): void {}

  unitReset(unit: ScsiDisk): void {
    this.#cancelTasks(({ request }) => request.unit === unit);
  }

  dataReady(request: BusRequest, length: number): void {
    const task = this.#tasks.find((one) => one.request === request);
    if (task === undefined) return;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_uas_scsi_data', this.address, request.tag, length);
    if (task.packet === undefined) this.#startNext();
    // One that does not wait is being moved: it goes on by itself.
    else if (task.waits) this.#move(task, task.packet);
  }

  ended(request: BusRequest, end: ScsiEnd): void {
    const task = this.#tasks.find((one) => one.request === request);
    if (task === undefined) return;
    const status = end.kind === 'check' ? STATUS_CHECK_CONDITION : STATUS_GOOD;
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_uas_scsi_complete', this.address, request.tag, status, 0);
    task.ended = true;
    this.#endPacket(task);
    this.#tellEnd(request.tag, end.kind === 'check' ? end.sense : undefined);
    this.#remove(task);
  }

  override cancel(packet: UsbPacket): void {
    for (const packets of [this.#statusPackets, this.#dataPackets]) {
      if (packets.get(packet.stream) === packet) packets.delete(packet.stream);
    }
    const task = this.#tasks.find((one) => one.packet === packet);
    if (task !== undefined) task.packet = undefined;
  }

  protected busWasReset(): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_uas_reset', this.address);
    this.#forgetTasks();
    this.#answers = [];
  }

  protected classRequest(request: UsbRequest): UsbAnswer {
    return ((request.type << 8) | request.request) === CLEAR_ENDPOINT_FEATURE ? NO_BYTES : 'stall';
  }

  protected handleData(packet: UsbPacket): UsbStatus {
    const { endpoint, pid, stream } = packet;
    if (endpoint === PIPE_COMMAND && pid === PID_OUT) return this.#hear(packet);
    if (stream > STREAMS_MAX) return this.#wrong('invalid stream %d', stream);
    if (endpoint === PIPE_STATUS && pid === PID_IN) return this.#giveStatus(packet);
    if (endpoint === PIPE_DATA_IN && pid === PID_IN) return this.#moveData(packet);
    if (endpoint === PIPE_DATA_OUT && pid === PID_OUT) return this.#moveData(packet);
    return this.#wrong('invalid endpoint %d', endpoint);
  }

  get #hasStreams(): boolean {
    return this.speed === SPEED_SUPER;
  }

  #wrong(message: string, value: number): 'stall' {
    this.settings.trace.guestError(`usb-uas: ${message}`, value);
    return 'stall';
  }

  #hear(packet: UsbPacket): UsbStatus {
    // A driver that does not take its answers has to wait.
    if (this.#tasks.length + this.#saved.length + this.#answers.length >= QUEUED_MAX) return 'nak';
    const unit = uas.readUnit(packet.take(uas.UNIT_BYTES));
    if (unit.id === uas.COMMAND_UNIT) this.#command(unit);
    else if (unit.id === uas.TASK_UNIT) this.#manage(unit);
    else return this.#wrong('unknown command iu: id 0x%x', unit.id);
    return 'success';
  }

  #command({ tag, lun, moreCdb, cdb, lunWords }: uas.HostUnit): void {
    const unit = lun === undefined ? undefined : this.scsi.find(0, 0, lun);
    if (moreCdb > 0) this.#tellEnd(tag, INVALID_PARAMETER);
    else if (this.#hasStreams && tag > STREAMS_MAX) this.#tellEnd(tag, INVALID_TAG);
    else if (this.#find(tag) !== undefined) this.#tellEnd(tag, OVERLAPPED_COMMANDS);
    else if (unit === undefined || lun === undefined) this.#tellEnd(tag, LUN_NOT_SUPPORTED);
    else {
      const { trace } = this.settings;
      if (trace.on) trace.event('usb_uas_command', this.address, tag, lun, ...lunWords);
      const request = new BusRequest(this, unit, { tag, lun, cdb, resumed: false });
      const task: Task = { request, packet: undefined, waits: false, active: false, ended: false, taken: 0 };
      this.#tasks.push(task);
      const packet = this.#hasStreams ? this.#dataPackets.get(tag) : undefined;
      if (packet !== undefined) {
        this.#dataPackets.delete(tag);
        task.packet = packet;
        task.waits = true;
      }
      request.go();
    }
  }

  #manage({ tag, lun, taskFunction, taskTag }: uas.HostUnit): void {
    const unit = lun === undefined ? undefined : this.scsi.find(0, 0, lun);
    const { trace } = this.settings;
    if (this.#hasStreams && tag > STREAMS_MAX) this.#respond(tag, uas.INVALID_UNIT);
    else if (this.#find(tag) !== undefined) this.#respond(tag, uas.OVERLAPPED_TAG);
    else if (unit === undefined || lun === undefined) this.#respond(tag, uas.INCORRECT_LUN);
    else if (taskFunction === uas.ABORT_TASK) {
      if (trace.on) trace.event('usb_uas_tmf_abort_task', this.address, tag, taskTag);
      this.#cancelTasks(({ request }) => request.tag === taskTag && request.unit === unit);
      this.#respond(tag, uas.TASK_COMPLETE);
    } else if (taskFunction === uas.LOGICAL_UNIT_RESET) {
      if (trace.on) trace.event('usb_uas_tmf_logical_unit_reset', this.address, tag, lun);
      unit.reset();
      this.#respond(tag, uas.TASK_COMPLETE);
    } else {
      if (trace.on) trace.event('usb_uas_tmf_unsupported', this.address, tag, taskFunction);
      this.#respond(tag, uas.TASK_NOT_SUPPORTED);
    }
  }

  #giveStatus(packet: UsbPacket): UsbStatus {
    const { stream } = packet;
    const at = stream === 0 ? 0 : this.#answers.findIndex((answer) => answer.stream === stream);
    const answer = this.#answers[at];
    if (answer === undefined) return this.#keep(this.#statusPackets, packet);
    this.#answers.splice(at, 1);
    packet.give(answer.bytes);
    return 'success';
  }

  /** The packet waits; where another one does already, it has to come again. */
  #keep(packets: Map<number, UsbPacket>, packet: UsbPacket): UsbStatus {
    if (packets.has(packet.stream)) return 'nak';
    packets.set(packet.stream, packet);
    return 'async';
  }

  #moveData(packet: UsbPacket): UsbStatus {
    const { stream, pid } = packet;
    const isOut = pid === PID_OUT;
    const task =
      stream === 0
        ? this.#tasks.find(({ active, request }) => active && isOutCommand(request) === isOut)
        : this.#find(stream);
    if (task === undefined) {
      return stream === 0 ? this.#wrong('no inflight request', 0) : this.#keep(this.#dataPackets, packet);
    }
    if (task.packet !== undefined) return 'nak';
    task.packet = packet;
    task.waits = false;
    if (isOut) packet.skip(task.taken);
    task.taken = 0;
    this.#move(task, packet);
    if (packet.left === 0 || task.ended) {
      task.packet = undefined;
      this.#startNext();
      return 'success';
    }
    task.waits = true;
    this.#startNext();
    return 'async';
  }

  /** As much as the request has, or takes, at once. */
  #move(task: Task, packet: UsbPacket): void {
    const { request } = task;
    while (!task.ended && task.packet === packet) {
      const length = Math.min(packet.left, request.ready);
      if (length === 0) return;
      const part = request.piece.subarray(request.moved, request.moved + length);
      if (packet.pid === PID_IN) packet.give(part);
      else part.set(packet.take(length));
      request.moved += length;
      if (packet.left === 0) this.#endPacket(task);
      if (request.ready === 0) request.go();
    }
  }

  /** The packet that waits for the task is done. */
  #endPacket(task: Task): void {
    const { packet, waits } = task;
    if (packet === undefined || !waits) return;
    task.packet = undefined;
    task.waits = false;
    packet.complete('success');
  }

  /** Without streams, the device says whose data move next, one command for each direction. */
  #startNext(): void {
    if (this.#hasStreams) return;
    const next = this.#tasks.find(
      ({ active, ended, request }) =>
        !active && !ended && hasDirection(request) && !this.#isBusy(isOutCommand(request)),
    );
    if (next === undefined) return;
    next.active = true;
    const { request } = next;
    const { trace } = this.settings;
    const isOut = isOutCommand(request);
    if (trace.on)
      trace.event(isOut ? 'usb_uas_write_ready' : 'usb_uas_read_ready', this.address, request.tag);
    this.#answer(request.tag, uas.readyUnit(request.tag, isOut));
  }

  #isBusy(isOut: boolean): boolean {
    return this.#tasks.some(({ active, request }) => active && isOutCommand(request) === isOut);
  }

  #find(tag: number): Task | undefined {
    return this.#tasks.find(({ request }) => request.tag === tag);
  }

  #remove(task: Task): void {
    this.#tasks = this.#tasks.filter((one) => one !== task);
    this.#startNext();
  }

  /** QEMU: the driver is not told. */
  #cancelTasks(isMeant: (task: Task) => boolean): void {
    for (const task of this.#tasks.filter(isMeant)) {
      task.request.cancel();
      this.#remove(task);
    }
  }

  #forgetTasks(): void {
    for (const { request } of this.#tasks) request.cancel();
    this.#tasks = [];
    this.#saved = [];
  }

  #tellEnd(tag: number, sense: Sense | undefined): void {
    const { trace } = this.settings;
    const status = sense === undefined ? STATUS_GOOD : STATUS_CHECK_CONDITION;
    if (trace.on) trace.event('usb_uas_sense', this.address, tag, status);
    this.#answer(tag, uas.senseUnit(tag, sense));
  }

  #respond(tag: number, code: number): void {
    const { trace } = this.settings;
    if (trace.on) trace.event('usb_uas_response', this.address, tag, code);
    this.#answer(tag, uas.responseUnit(tag, code));
  }

  #answer(tag: number, bytes: Uint8Array): void {
    const stream = this.#hasStreams ? tag : 0;
    this.#answers.push({ stream, bytes });
    if (this.#statusPackets.has(stream)) this.#answerTimer.arm(this.#wiring.clock.nowNs());
    else this.wakeUp();
  }

  /** QEMU: in their order; one whose packet has not come holds up those behind it. */
  #giveAnswers(): void {
    for (let answer = this.#answers[0]; answer !== undefined; answer = this.#answers[0]) {
      const packet = this.#statusPackets.get(answer.stream);
      if (packet === undefined) return;
      this.#statusPackets.delete(answer.stream);
      this.#answers.shift();
      packet.give(answer.bytes);
      packet.complete('success');
    }
  }

  #resume(saved: readonly SavedTask[]): void {
    // Something else may have been restored meanwhile, or the bus reset.
    if (this.#saved !== saved) return;
    this.#saved = [];
    for (const { request: of, active, taken } of saved) {
      const unit = this.scsi.find(0, 0, of.lun);
      if (unit === undefined) continue;
      const request = restoreRequest(this, unit, of);
      this.#tasks.push({ request, packet: undefined, waits: false, active, ended: false, taken });
    }
    for (const { request } of [...this.#tasks]) if (request.ready === 0) request.goWithMachine();
  }
}

function isOutCommand({ command }: BusRequest): boolean {
  return command?.mode === 'out';
}

function hasDirection({ command }: BusRequest): boolean {
  return command !== undefined && command.mode !== 'none';
}

/** The host offers a packet that waits again, from its beginning. */
function savedTask({ request, packet, active, taken }: Task): SavedTask {
  const saved = saveRequest(request);
  const moved = packet?.actual ?? 0;
  if (packet === undefined || moved === 0) return { request: saved, active, taken };
  if (packet.pid === PID_OUT) return { request: saved, active, taken: Math.min(moved, TAKEN_MAX) };
  if (moved <= saved.moved) return { request: { ...saved, moved: saved.moved - moved }, active, taken: 0 };
  const done = Math.max(0, saved.done + saved.moved - moved);
  return { request: { ...saved, piece: new Uint8Array(), moved: 0, done }, active, taken: 0 };
}
