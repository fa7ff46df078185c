/**
 * SCSI host device. Spec: virtio 1.2 §5.6. Units are plugged into its bus; their commands are those of `emu/scsi`.
 *
 * | queue | use |
 * |---|---|
 * | 0 | control: task management |
 * | 1 | events: units that come and go, sizes that change |
 * | 2 … | commands |
 */
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import { type Segment, scatter, segmentsLength } from '../memory/segments.ts';
import {
  isWork,
  type ScsiAction,
  type ScsiEnd,
  STATUS_CHECK_CONDITION,
  STATUS_GOOD,
} from '../scsi/scsi-action.ts';
import { ScsiBus, type ScsiController } from '../scsi/scsi-bus.ts';
import type { ScsiCommand } from '../scsi/scsi-cdb.ts';
import type { ScsiDisk } from '../scsi/scsi-disk.ts';
import { type Sense, senseBytes } from '../scsi/scsi-sense.ts';
import { gatherList, type ScsiTask, ScsiTasks, transferOf } from '../scsi/scsi-tasks.ts';
import {
  VIRTIO_CONFIG_S_DRIVER_OK,
  VirtioDevice,
  type VirtioState,
  type VirtioWiring,
} from './virtio-device.ts';
import { answerControl } from './virtio-scsi-control.ts';
import { pushEvent, type ScsiEvent, VIRTIO_SCSI_EVENTS } from './virtio-scsi-events.ts';
import type { CommandRequest, VirtioScsiConfig, VirtioScsiState } from './virtio-scsi-request.ts';
import * as request from './virtio-scsi-request.ts';
import type { Chain } from './virtqueue.ts';

const VIRTIO_ID_SCSI = 8;
const VIRTIO_SCSI_F_HOTPLUG = 1n << 1n;
const VIRTIO_SCSI_F_CHANGE = 1n << 2n;
export const CONTROL_QUEUE = 0;
export const EVENT_QUEUE = 1;
const FIRST_COMMAND_QUEUE = 2;

/** QEMU's properties of virtio-scsi, with its names in camel case. */
export interface VirtioScsiProperties extends VirtioScsiConfig {
  readonly hotplug: boolean;
  readonly paramChange: boolean;
}

export const VIRTIO_SCSI_DEFAULTS: VirtioScsiProperties = {
  ...{ numQueues: 1, queueSize: 256, segMaxAdjust: true, maxSectors: 0xffff, cmdPerLun: 128 },
  ...{ hotplug: true, paramChange: true },
};

/** A command that is not done at once. */
export interface VirtioScsiTask extends ScsiTask {
  readonly request: CommandRequest;
}

/** What an answer says beside its data. */
interface Answer {
  readonly code: number;
  readonly sense?: Sense | undefined;
  /** Bytes of room that were not used. */
  readonly residual?: number;
}

export class VirtioScsi extends VirtioDevice<VirtioScsiState> implements ScsiController {
  readonly deviceId = VIRTIO_ID_SCSI;
  readonly legacyOnlyFeatures = 0n;
  readonly configLength = request.CONFIG_BYTES;
  readonly fields = request.virtioScsiFields(this.commonFields, this.queues);
  readonly deviceFeatures: bigint;
  readonly bus = new ScsiBus({ channel: 0, target: request.MAX_TARGET, lun: request.MAX_LUN }, this);
  readonly tasks: ScsiTasks<VirtioScsiTask>;
  protected override readonly notifyEvent = 'virtio_notify_irqfd';
  readonly #properties: VirtioScsiProperties;
  /** Queues that have answers of the turn that is under way, for which the driver is told at its end. */
  #answered: Set<number> | undefined;
  /** Task management functions that wait for tasks to let go, with those tasks. */
  readonly #waiting = new Set<Promise<void>>();
  #eventsDropped = false;
  #senseSize = request.SENSE_SIZE_DEFAULT;
  #cdbSize = request.CDB_SIZE_DEFAULT;

  constructor(properties: VirtioScsiProperties, wiring: VirtioWiring) {
    super(wiring, new Array<number>(FIRST_COMMAND_QUEUE + properties.numQueues).fill(properties.queueSize));
    this.#properties = properties;
    this.deviceFeatures =
      (properties.hotplug ? VIRTIO_SCSI_F_HOTPLUG : 0n) |
      (properties.paramChange ? VIRTIO_SCSI_F_CHANGE : 0n);
    this.tasks = new ScsiTasks({
      taskEnded: (task, end) => this.#taskEnded(task, end),
      taskWaits: () => this.scheduleKept(),
    });
  }

  readConfig(): Uint8Array {
    return request.configBytes(this.#properties, this.#sizes);
  }

  /** QEMU: of the configuration the driver may write two words, each of them whole. */
  protected configWritten(offset: number, size: number, value: number): void {
    const bytes = this.readConfig();
    const view = new DataView(bytes.buffer);
    for (let n = 0; n < size; n++) bytes[offset + n] = value >>> (8 * n);
    const [sense, cdb] = [request.SENSE_SIZE_AT, request.CDB_SIZE_AT].map((at) => view.getUint32(at, true));
    if (sense >= request.SIZE_LIMIT || cdb >= request.SIZE_LIMIT) {
      this.fault('bad data written to virtio-scsi configuration space');
      return;
    }
    this.#senseSize = sense;
    this.#cdbSize = cdb;
  }

  get #sizes(): request.ScsiSizes {
    return { cdb: this.#cdbSize, sense: this.#senseSize };
  }

  unitPlugged(unit: ScsiDisk, hotplugged: boolean): void {
    unit.drive.gate.onDrain = () => this.tasks.drain(unit.drive.gate);
    if (hotplugged) this.#unitsChanged(unit, VIRTIO_SCSI_EVENTS.rescan);
  }

  unitUnplugged(unit: ScsiDisk): void {
    this.#endAll((task) => task.unit === unit, request.VIRTIO_SCSI_S_ABORTED);
    this.#unitsChanged(unit, VIRTIO_SCSI_EVENTS.removed);
  }

  unitChanged(unit: ScsiDisk, { asc, ascq }: Sense): void {
    if (this.has(VIRTIO_SCSI_F_CHANGE)) this.#event({ ...VIRTIO_SCSI_EVENTS.changed(asc, ascq), unit });
  }

  unitReset(unit: ScsiDisk): void {
    this.#endAll((task) => task.unit === unit, request.VIRTIO_SCSI_S_RESET);
  }

  /** Ends tasks whose commands are not wanted any more. */
  abortTasks(isMeant: (task: VirtioScsiTask) => boolean): readonly VirtioScsiTask[] {
    return this.#endAll(isMeant, request.VIRTIO_SCSI_S_ABORTED);
  }

  /** Gives a request of the control queue back, now or when `after` has settled. */
  answerLater(chain: Chain, bytes: Uint8Array, after: readonly (Promise<void> | undefined)[]): void {
    const busy = after.filter((one) => one !== undefined);
    const answer = (): void => {
      scatter(this.memory, chain.in, bytes);
      this.#push(CONTROL_QUEUE, chain.head, bytes.length);
    };
    if (busy.length === 0) {
      answer();
      return;
    }
    const wait = Promise.all(busy).then(() => {
      if (this.#waiting.delete(wait)) answer();
    });
    this.#waiting.add(wait);
  }

  abandon(): void {
    this.tasks.forget(() => true);
    this.#waiting.clear();
  }

  override resetQueue(index: number): void {
    this.tasks.forget((task) => task.request.queueIndex === index);
    if (index === CONTROL_QUEUE) this.#waiting.clear();
    super.resetQueue(index);
  }

  /** QEMU: what is on the bus is reset with it. */
  protected resetDevice(): void {
    this.bus.attention = null;
    this.bus.reset();
    this.#eventsDropped = false;
    this.#senseSize = request.SENSE_SIZE_DEFAULT;
    this.#cdbSize = request.CDB_SIZE_DEFAULT;
  }

  protected saveDevice(common: VirtioState): VirtioScsiState {
    return {
      ...common,
      senseSize: this.#senseSize,
      cdbSize: this.#cdbSize,
      eventsDropped: this.#eventsDropped,
      attention: this.bus.attention,
      inFlight: [...this.tasks.all].map(({ request: { queueIndex, head }, transfer }) => [
        queueIndex,
        head,
        transfer?.done ?? 0,
      ]),
    };
  }

  /** Guest memory must be restored before: commands that were not done are read from it, and go on when the units are restored too. */
  protected restoreDevice(state: VirtioScsiState): void {
    this.#senseSize = state.senseSize;
    this.#cdbSize = state.cdbSize;
    this.#eventsDropped = state.eventsDropped;
    this.bus.attention = state.attention;
    if (state.inFlight.length === 0) return;
    void Promise.resolve().then(() => {
      for (const [queue, head, done] of state.inFlight) this.#resume(queue, head, done);
      this.scheduleKept();
    });
  }

  protected override serveKept(portion: Portion): boolean {
    return this.#inTurn(() => this.tasks.serve(portion));
  }

  protected serveQueue(index: number, portion: Portion): void {
    this.#inTurn(() => {
      if (index === EVENT_QUEUE) {
        portion.requests--;
        if (this.#eventsDropped) this.#event(VIRTIO_SCSI_EVENTS.missed);
        return;
      }
      const queue = this.queues[index];
      let drained = false;
      while (!drained && hasRoom(portion) && this.active) {
        queue.setNotification(false);
        for (let chain = queue.take(portion); chain !== undefined; chain = queue.take(portion)) {
          if (index === CONTROL_QUEUE) answerControl(this, chain);
          else this.#accept(index, chain, portion);
        }
        if (hasRoom(portion)) {
          queue.setNotification(true);
          drained = queue.empty;
        }
      }
    });
  }

  /** Answers of one turn are told of together. */
  #inTurn<R>(turn: () => R): R {
    const answered = new Set<number>();
    this.#answered = answered;
    const result = turn();
    this.#answered = undefined;
    for (const index of answered) this.interruptQueue(this.queues[index]);
    return result;
  }

  #push(queueIndex: number, head: number, written: number): void {
    this.queues[queueIndex].push(head, written);
    if (this.#answered === undefined) this.interruptQueue(this.queues[queueIndex]);
    else this.#answered.add(queueIndex);
  }

  #accept(index: number, chain: Chain, portion: Portion): void {
    const asked = request.commandFrom(this.memory, index, chain, this.#sizes);
    if (asked === undefined) {
      this.fault('wrong size for virtio-scsi headers');
      return;
    }
    if (this.trace.on)
      this.trace.event('virtio_scsi_cmd_req', asked.lun, Number(asked.tag & 0xffff_ffffn), asked.cdb[0]);
    const unit = asked.isValid ? this.bus.find(0, asked.target, asked.lun) : undefined;
    if (asked.dataOut.length > 0 && asked.dataIn.length > 0) {
      this.#answer(asked, { code: request.VIRTIO_SCSI_S_FAILURE });
    } else if (unit === undefined) this.#answer(asked, { code: request.VIRTIO_SCSI_S_BAD_TARGET });
    else this.#begin(asked, unit, portion);
  }

  #begin(asked: CommandRequest, unit: ScsiDisk, portion: Portion): void {
    const command = unit.parse(asked.cdb);
    if (command !== undefined && !fits(asked, command)) {
      this.#answer(asked, { code: request.VIRTIO_SCSI_S_OVERRUN });
      return;
    }
    this.#perform(asked, unit, command, unit.begin(asked.lun, command), portion);
  }

  #perform(
    asked: CommandRequest,
    unit: ScsiDisk,
    command: ScsiCommand | undefined,
    action: ScsiAction,
    portion: Portion,
  ): void {
    if (command === undefined || action.kind === 'good' || action.kind === 'check') {
      const sense = action.kind === 'check' ? action.sense : undefined;
      unit.ended(command, sense);
      this.#answer(asked, { code: request.VIRTIO_SCSI_S_OK, sense, residual: residualOf(asked, command) });
    } else if (action.kind === 'answer') {
      const room = segmentsLength(asked.dataIn);
      scatter(this.memory, asked.dataIn, action.bytes);
      portion.bytes -= action.bytes.length;
      unit.ended(command, undefined);
      this.#answer(asked, { code: request.VIRTIO_SCSI_S_OK, residual: room - action.bytes.length });
    } else if (action.kind === 'list') {
      portion.bytes -= command.transferBytes;
      const next = action.take(gatherList(this.memory, asked.dataOut, command.transferBytes));
      this.#perform(asked, unit, command, next, portion);
    } else this.tasks.begin(this.#task(asked, unit, command, action, 0), portion);
  }

  #task(
    asked: CommandRequest,
    unit: ScsiDisk,
    command: ScsiCommand,
    work: VirtioScsiTask['work'],
    done: number,
  ): VirtioScsiTask {
    const backend = unit.drive.medium?.backend;
    const segments = dataOf(asked);
    const transfer = transferOf(work, backend, this.memory, segments, done);
    return { request: asked, unit, command, work, segments, backend, transfer, ...NOT_BEGUN };
  }

  /** A command of a snapshot goes on where it was. */
  #resume(queueIndex: number, head: number, done: number): void {
    const chain = this.queues[queueIndex]?.chainAt(head);
    const asked = chain && request.commandFrom(this.memory, queueIndex, chain, this.#sizes);
    const unit = asked?.isValid === true ? this.bus.find(0, asked.target, asked.lun) : undefined;
    const command = asked && unit?.parse(asked.cdb);
    if (asked === undefined || unit === undefined || command === undefined || !fits(asked, command)) return;
    let action = unit.resume(asked.lun, command);
    if (action.kind === 'list') {
      action = action.take(gatherList(this.memory, asked.dataOut, command.transferBytes));
    }
    if (isWork(action)) this.tasks.resume(this.#task(asked, unit, command, action, done));
    // Only a driver that has changed a request that was under way comes here.
    else this.#perform(asked, unit, command, action, { ...PORTION });
  }

  #taskEnded({ request: asked, unit, command }: VirtioScsiTask, end: ScsiEnd): void {
    const sense = end.kind === 'check' ? end.sense : undefined;
    unit.ended(command, sense);
    this.#answer(asked, { code: request.VIRTIO_SCSI_S_OK, sense, residual: residualOf(asked, command) });
  }

  #answer(asked: CommandRequest, { code, sense, residual = 0 }: Answer): void {
    const bytes = new Uint8Array(segmentsLength(asked.response));
    const view = new DataView(bytes.buffer);
    const status = sense === undefined ? STATUS_GOOD : STATUS_CHECK_CONDITION;
    if (sense !== undefined) {
      const room = bytes.subarray(request.RESPONSE_HEADER_BYTES);
      const data = senseBytes(sense).subarray(0, room.length);
      view.setUint32(0, data.length, true);
      room.set(data);
    } else view.setUint32(4, residual, true);
    view.setUint8(request.STATUS_AT, status);
    view.setUint8(request.RESPONSE_AT, code);
    scatter(this.memory, asked.response, bytes);
    if (this.trace.on) {
      const tag = Number(asked.tag & 0xffff_ffffn);
      this.trace.event('virtio_scsi_cmd_resp', asked.lun, tag, code, status);
    }
    // QEMU: what the driver sent counts too.
    this.#push(asked.queueIndex, asked.head, bytes.length + segmentsLength(dataOf(asked)));
  }

  #endAll(isMeant: (task: VirtioScsiTask) => boolean, code: number): readonly VirtioScsiTask[] {
    const gone = this.tasks.forget(isMeant);
    for (const task of gone) this.#answer(task.request, { code });
    return gone;
  }

  #unitsChanged(unit: ScsiDisk, event: Omit<ScsiEvent, 'unit'>): void {
    if (!this.has(VIRTIO_SCSI_F_HOTPLUG)) return;
    this.#event({ ...event, unit });
    this.bus.unitsChanged();
  }

  #event(event: ScsiEvent): void {
    if ((this.status & VIRTIO_CONFIG_S_DRIVER_OK) === 0) return;
    const told = pushEvent(this, this.queues[EVENT_QUEUE], event, this.#eventsDropped);
    this.#eventsDropped = !told;
    if (told) this.interruptQueue(this.queues[EVENT_QUEUE]);
  }
}

const NOT_BEGUN = { counted: undefined, held: undefined, busy: undefined };

function dataOf({ dataOut, dataIn }: CommandRequest): readonly Segment[] {
  return dataOut.length > 0 ? dataOut : dataIn;
}

/** Bytes of the driver's buffers that a command has no use for. QEMU: none, when the command has no data at all. */
function residualOf(asked: CommandRequest, command: ScsiCommand | undefined): number {
  if (command === undefined || command.mode === 'none') return 0;
  return segmentsLength(dataOf(asked)) - command.transferBytes;
}

/** The driver has given buffers of the right way, and enough of them. */
function fits({ dataOut, dataIn }: CommandRequest, { mode, transferBytes }: ScsiCommand): boolean {
  if (mode === 'none') return true;
  return transferBytes <= segmentsLength(mode === 'out' ? dataOut : dataIn);
}
