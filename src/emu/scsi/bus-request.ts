/** A command whose data goes in pieces, when the initiator asks for them: on a parallel bus, or on a USB. */
import type { BlockBackend } from '../block/block-backend.ts';
import { BlockError } from '../block/block-backend.ts';
import type { CountedRequest } from '../block/block-statistics.ts';
import type { BlockTransfer } from '../block/block-transfer.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import { FillTransfer, RangesTransfer } from '../block/list-transfers.ts';
import type { HeldRequest } from '../block/throttle-groups.ts';
import { PORTION } from '../core/bottom-half.ts';
import { Budget } from '../core/budget.ts';
import {
  check,
  countedAs,
  endOfError,
  GOOD,
  type ScsiAction,
  type ScsiEnd,
  type ScsiMove,
  type ScsiWork,
} from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import type { ScsiDisk } from './scsi-disk.ts';
import { NO_MEDIUM } from './scsi-sense.ts';

/** QEMU: a disk hands out or takes so much at a time. */
export const PIECE_BYTES = 131_072;

/** What a request says to its controller. */
export interface BusRequestOwner {
  /** `length` bytes can be moved now. */
  dataReady(request: BusRequest, length: number): void;
  ended(request: BusRequest, end: ScsiEnd): void;
  /** The driver is told of sense data with the end of a command, and does not ask for them. Absent: it asks. */
  readonly tellsSense?: boolean;
}

export class BusRequest {
  /** As its controller numbers it. */
  readonly tag: number;
  readonly unit: ScsiDisk;
  readonly lun: number;
  readonly command: ScsiCommand | undefined;
  /** Data goes from the driver to the disk. */
  readonly out: boolean;
  /** Bytes that can be moved when the target has the bus again; 0: none yet. */
  pending = 0;
  /** The piece that is being moved, and how much of it was. */
  piece: Uint8Array<ArrayBufferLike> = new Uint8Array();
  moved = 0;
  /** Bytes of the work that are done, before the piece. */
  done = 0;
  #action: ScsiAction;
  #alive = true;
  /** The piece, or what is done with none. QEMU: each piece counts as a request. */
  #counted: CountedRequest | undefined;
  #isAdmitted = false;
  /** While the drive's limits hold it back, or an error has it wait, and after that. */
  #held: HeldRequest | undefined;
  /** What a back end does for it. */
  #busy: Promise<void> | undefined;
  readonly #owner: BusRequestOwner;

  constructor(
    owner: BusRequestOwner,
    unit: ScsiDisk,
    parts: {
      readonly tag: number;
      readonly lun: number;
      readonly cdb: Uint8Array;
      readonly resumed: boolean;
    },
  ) {
    this.#owner = owner;
    this.unit = unit;
    this.tag = parts.tag;
    this.lun = parts.lun;
    this.command = unit.parse(parts.cdb);
    this.#action =
      parts.resumed && this.command !== undefined
        ? unit.resume(parts.lun, this.command)
        : unit.begin(parts.lun, this.command);
    const { kind } = this.#action;
    this.out = kind === 'list' || (this.#action.kind === 'move' && this.#action.direction === 'write');
  }

  /** It moves data. */
  get hasData(): boolean {
    return this.#action.kind === 'answer' || this.#action.kind === 'list' || this.#action.kind === 'move';
  }

  /** Bytes of data that it moves, either way. */
  get dataBytes(): number {
    const action = this.#action;
    if (action.kind === 'answer') return action.bytes.length;
    if (action.kind === 'list') return this.command?.transferBytes ?? 0;
    return action.kind === 'move' ? action.bytes : 0;
  }

  /** Bytes of its piece that can be moved now. */
  get ready(): number {
    return this.piece.length - this.moved;
  }

  /** Goes on: fetches the next piece, stores the last one, or ends. */
  go(): void {
    const action = this.#action;
    if (!this.#alive) return;
    if (action.kind === 'good' || action.kind === 'check') this.#end(action);
    else if (action.kind === 'answer') this.#answer(action.bytes);
    else if (action.kind === 'list') this.#list(action.take);
    else this.#work(action);
  }

  /** It is not wanted any more: its owner is not told of it again. */
  cancel(): void {
    this.#alive = false;
    this.unit.drive.gate.withdraw((request) => request !== this.#held);
  }

  /** A request of a snapshot goes on when the machine does. */
  goWithMachine(): void {
    this.#held = { bytes: 0, go: () => this.go() };
    this.unit.drive.gate.keep(this.#held);
  }

  /** Its disk does at once what limits hold back. */
  goHeld(held: readonly HeldRequest[]): void {
    if (this.#held !== undefined && held.includes(this.#held)) this.#held.go();
  }

  /** Resolves when its disk has done what is begun; undefined: it waits for its initiator, or for a machine that an error has stopped. */
  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  #end(end: ScsiEnd): void {
    this.#alive = false;
    this.#endCount(end.kind === 'good');
    const told = this.#owner.tellsSense === true ? 'with the answer' : 'asked for';
    this.unit.ended(this.command, end.kind === 'check' ? end.sense : undefined, told);
    this.#owner.ended(this, end);
  }

  #count(work: ScsiWork, bytes: number): void {
    this.#counted = this.unit.drive.gate.statistics.begin(countedAs(work), bytes);
  }

  /** There is no piece to move. */
  #drop(): void {
    this.piece = new Uint8Array();
    this.moved = 0;
  }

  #endCount(isGood: boolean): void {
    if (this.#counted !== undefined) this.unit.drive.gate.statistics.end(this.#counted, isGood);
    this.#counted = undefined;
  }

  #offer(piece: Uint8Array): void {
    this.piece = piece;
    this.moved = 0;
    this.#owner.dataReady(this, piece.length);
  }

  #answer(bytes: Uint8Array): void {
    if (this.done < bytes.length && this.piece.length === 0) {
      this.done = bytes.length;
      this.#offer(bytes);
    } else this.#end(GOOD);
  }

  #list(take: (bytes: Uint8Array) => ScsiAction): void {
    const length = this.command?.transferBytes ?? 0;
    if (this.piece.length < length) {
      this.#offer(new Uint8Array(length));
      return;
    }
    this.#action = take(this.piece);
    this.#drop();
    this.go();
  }

  #work(work: ScsiWork): void {
    const backend = this.unit.drive.medium?.backend;
    if (backend === undefined) {
      this.#end(check(NO_MEDIUM));
      return;
    }
    const { gate } = this.unit.drive;
    const kind = countedAs(work);
    const bytes = work.kind === 'move' || work.kind === 'fill' ? work.bytes : 0;
    if (!this.#isAdmitted) {
      this.#isAdmitted = true;
      this.#held = { bytes, go: () => this.#perform(work, backend) };
      if ((kind === 'read' || kind === 'write') && !gate.admit(kind, this.#held)) return;
    }
    this.#perform(work, backend);
  }

  #perform(work: ScsiWork, backend: BlockBackend): void {
    if (!this.#alive) return;
    if (work.kind === 'move' && work.direction === 'read') this.#read(work, backend);
    else if (work.kind === 'move') this.#write(work, backend);
    else {
      this.#count(work, work.kind === 'fill' ? work.bytes : 0);
      const bad = work.kind === 'ranges' && work.bad !== undefined ? check(work.bad) : GOOD;
      this.#later(
        work,
        () => all(work, backend),
        () => this.#end(bad),
      );
    }
  }

  #read(work: ScsiMove, backend: BlockBackend): void {
    this.done += this.piece.length;
    if (this.done >= work.bytes) {
      this.#end(GOOD);
      return;
    }
    const piece = new Uint8Array(Math.min(PIECE_BYTES, work.bytes - this.done));
    const offset = work.offset + this.done;
    this.#drop();
    this.#count(work, piece.length);
    const offer = (): void => {
      this.#endCount(true);
      this.#offer(piece);
    };
    if (!work.flush && tried(() => backend.readSync(offset, piece))) {
      offer();
      return;
    }
    const isFirst = this.done === 0;
    const read = async (): Promise<void> => {
      if (work.flush && isFirst) await backend.flush();
      await backend.read(offset, piece);
    };
    this.#later(work, read, offer);
  }

  #write(work: ScsiMove, backend: BlockBackend): void {
    const { piece } = this;
    const end = (): void => this.#end(GOOD);
    if (piece.length > 0) this.#count(work, piece.length);
    const next = (): void => {
      this.#endCount(true);
      this.done += piece.length;
      this.#drop();
      if (this.done < work.bytes) this.#offer(new Uint8Array(Math.min(PIECE_BYTES, work.bytes - this.done)));
      else if (work.flush) this.#later(work, () => backend.flush(), end);
      else end();
    };
    const offset = work.offset + this.done;
    if (piece.length === 0 || tried(() => backend.writeSync(offset, piece))) next();
    else this.#later(work, () => backend.write(offset, piece), next);
  }

  /** @param act may be done again, when its error has stopped the machine */
  #later(work: ScsiWork, act: () => Promise<void>, then: () => void): void {
    const busy = act().then(
      () => {
        if (this.#alive) then();
      },
      (error: unknown) => {
        if (!(error instanceof BlockError)) throw error;
        if (this.#alive) this.#failed(work, error, { act, then });
      },
    );
    this.#busy = busy;
    void busy.then(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
  }

  /** What the drive's policy makes of an error. */
  #failed(
    work: ScsiWork,
    error: BlockError,
    step: { readonly act: () => Promise<void>; readonly then: () => void },
  ): void {
    const action = this.unit.onIoError(countedAs(work) === 'read' ? 'read' : 'write', error);
    if (action === 'report') this.#end(endOfError(error));
    else if (action === 'ignore') step.then();
    else {
      this.#held = {
        bytes: 0,
        go: () => {
          if (this.#alive) this.#later(work, step.act, step.then);
        },
      };
      this.unit.drive.gate.keep(this.#held);
    }
  }
}

/** Carries out, beyond limits, what a disk has begun for these requests of its; undefined: that is nothing. What initiators have to move waits for them. */
export function drainRequests(gate: DriveGate, requests: readonly BusRequest[]): Promise<void> | undefined {
  const held = gate.takeHeld();
  for (const request of requests) request.goHeld(held);
  return requests.some(({ busy }) => busy !== undefined) ? whileBusy(requests) : undefined;
}

async function whileBusy(requests: readonly BusRequest[]): Promise<void> {
  while (requests.some(({ busy }) => busy !== undefined)) await Promise.all(requests.map(({ busy }) => busy));
}

/** An error is left to the asynchronous way, which reports it. */
function tried(act: () => boolean): boolean {
  try {
    return act();
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}

async function all(work: ScsiWork, backend: BlockBackend): Promise<void> {
  if (work.kind === 'flush') return backend.flush();
  if (work.kind === 'move') return;
  const transfer: BlockTransfer =
    work.kind === 'ranges'
      ? new RangesTransfer(backend, work.verb, work.ranges)
      : new FillTransfer(backend, work.pattern, work.offset, work.bytes);
  const room = new Budget(PIECE_BYTES);
  while (transfer.done < transfer.total) {
    await transfer.async(transfer.step(PORTION.bytes).end, () => true, room);
  }
  if (work.flush) await backend.flush();
}
