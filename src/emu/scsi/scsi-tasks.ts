/** The commands of a controller that are about its disks and not done at once: they go on in portions, wait for limits, end. */
import { type BlockBackend, BlockError } from '../block/block-backend.ts';
import type { CountedRequest } from '../block/block-statistics.ts';
import { BlkTransfer, type BlockTransfer } from '../block/block-transfer.ts';
import { FillTransfer, RangesTransfer } from '../block/list-transfers.ts';
import type { HeldRequest } from '../block/throttle-groups.ts';
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import { Budget } from '../core/budget.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { gather, type Segment, segmentsLength, sliceSegments } from '../memory/segments.ts';
import { check, countedAs, endOfError, GOOD, type ScsiEnd, type ScsiWork } from './scsi-action.ts';
import type { ScsiCommand } from './scsi-cdb.ts';
import type { ScsiDisk } from './scsi-disk.ts';
import { NO_MEDIUM } from './scsi-sense.ts';

/** Copies of guest memory that wait for a back end: a driver may have a thousand requests of gigabytes under way. */
const PIECES_BYTES = 16 << 20;

export interface ScsiTask {
  readonly unit: ScsiDisk;
  readonly command: ScsiCommand;
  readonly work: ScsiWork;
  /** The driver's buffers for data. */
  readonly segments: readonly Segment[];
  readonly backend: BlockBackend | undefined;
  /** Absent: it only stores the cache. */
  readonly transfer: BlockTransfer | undefined;
  counted: CountedRequest | undefined;
  /** While the drive's limits hold it back, or an error has it wait, and after that. */
  held: HeldRequest | undefined;
  /** What a back end is doing for it; undefined: nothing. */
  busy: Promise<void> | undefined;
}

export interface TaskOwner<T> {
  /** The task is over, and forgotten. */
  taskEnded(task: T, end: ScsiEnd): void;
  /** A task waits for the next portion. */
  taskWaits(): void;
}

type Step = ScsiEnd | 'paused' | 'held';

/** The transfer that `work` asks for, of which `done` bytes were done before a snapshot. */
export function transferOf(
  work: ScsiWork,
  backend: BlockBackend | undefined,
  memory: DmaPort,
  segments: readonly Segment[],
  done = 0,
): BlockTransfer | undefined {
  if (work.kind === 'flush' || backend === undefined) return undefined;
  if (work.kind === 'ranges') return new RangesTransfer(backend, work.verb, work.ranges, done);
  if (work.kind === 'fill') return new FillTransfer(backend, work.pattern, work.offset, work.bytes, done);
  // QEMU moves as many bytes as the driver has given room for, also beyond what the command asks for. Here it is what was asked for.
  const own = sliceSegments(segments, 0, Math.min(work.bytes, segmentsLength(segments)));
  return new BlkTransfer(memory, backend, work.direction, own, work.offset, done);
}

/** The list of parameters that a driver sends. */
export function gatherList(memory: DmaPort, segments: readonly Segment[], bytes: number): Uint8Array {
  const list = new Uint8Array(bytes);
  gather(memory, segments, list);
  return list;
}

export class ScsiTasks<T extends ScsiTask> {
  readonly #owner: TaskOwner<T>;
  readonly #all = new Set<T>();
  readonly #pieces = new Budget(PIECES_BYTES);
  /** Called when a task is done, pauses, or is forgotten. */
  readonly #moved: (() => void)[] = [];
  #paused: T[] = [];

  constructor(owner: TaskOwner<T>) {
    this.#owner = owner;
  }

  /** In the order in which they were begun. */
  get all(): ReadonlySet<T> {
    return this.#all;
  }

  /** Those that wait for the next portion, in order. */
  get paused(): readonly T[] {
    return this.#paused;
  }

  /** Begins a task; when it is not done at once, its owner is told later. */
  begin(task: T, portion: Portion): void {
    this.#all.add(task);
    const { gate } = task.unit.drive;
    const kind = countedAs(task.work);
    const bytes = task.transfer?.total ?? 0;
    task.counted = gate.statistics.begin(kind, bytes);
    if (kind === 'read' || kind === 'write') {
      const held: HeldRequest = { bytes, go: () => this.#goOn(task) };
      if (!gate.admit(kind, held)) {
        task.held = held;
        return;
      }
    }
    this.#run(task, portion);
  }

  /** A task of a snapshot waits for its next portion again. */
  resume(task: T): void {
    task.counted = task.unit.drive.gate.statistics.begin(countedAs(task.work), task.transfer?.total ?? 0);
    this.#all.add(task);
    this.#paused.push(task);
  }

  /** Tasks that waited for a portion go on; true when not all of them could. */
  serve(portion: Portion): boolean {
    for (const task of this.#paused.splice(0)) {
      if (hasRoom(portion)) this.#run(task, portion);
      else this.#paused.push(task);
    }
    return this.#paused.length > 0;
  }

  /** Forgets tasks: their owner is not told, and what a back end still does for them touches no guest. Gives those that were. */
  forget(isMeant: (task: T) => boolean): readonly T[] {
    const gone = [...this.#all].filter(isMeant);
    for (const task of gone) this.#all.delete(task);
    this.#paused = this.#paused.filter((task) => !gone.includes(task));
    const wanted = new Set([...this.#all].map(({ held }) => held));
    const gates = new Set(gone.filter(({ held }) => held !== undefined).map(({ unit }) => unit.drive.gate));
    for (const gate of gates) gate.withdraw((request) => wanted.has(request));
    this.#tellMoved();
    return gone;
  }

  /** Carries out, beyond limits and portions, what a unit has under way; undefined: that is nothing. */
  drain(unit: ScsiDisk): Promise<void> | undefined {
    const wanted = new Set([...this.#all].filter((task) => task.unit === unit));
    return wanted.size === 0 ? undefined : this.#drain(unit, wanted);
  }

  async #drain(unit: ScsiDisk, wanted: ReadonlySet<T>): Promise<void> {
    const all = (): Portion => ({ ...PORTION, bytes: Number.POSITIVE_INFINITY });
    const held = new Set(unit.drive.gate.takeHeld());
    for (const task of wanted) if (task.held !== undefined && held.has(task.held)) this.#run(task, all());
    const isUnderWay = (task: T): boolean => this.#all.has(task) && !unit.drive.gate.isKept(task.held);
    while ([...wanted].some(isUnderWay)) {
      const paused = this.#paused.filter((task) => wanted.has(task));
      this.#paused = this.#paused.filter((task) => !wanted.has(task));
      for (const task of paused) this.#run(task, all());
      if (![...wanted].some(isUnderWay)) return;
      await new Promise<void>((resolve) => {
        this.#moved.push(resolve);
      });
    }
  }

  #goOn(task: T): void {
    if (!this.#all.has(task)) return;
    this.#paused.push(task);
    this.#owner.taskWaits();
  }

  #run(task: T, portion: Portion): void {
    const step = this.#step(task, portion);
    if (!(step instanceof Promise)) {
      this.#stepped(task, step);
      return;
    }
    const busy = step
      .catch((error: unknown) => this.#failed(task, error))
      .then((end) => {
        if (task.busy === busy) task.busy = undefined;
        if (!this.#all.has(task)) return;
        this.#stepped(task, end);
        if (end === 'paused') this.#owner.taskWaits();
      });
    task.busy = busy;
  }

  #stepped(task: T, step: Step): void {
    if (step === 'paused') this.#paused.push(task);
    if (step === 'paused' || step === 'held') {
      this.#tellMoved();
      return;
    }
    this.#all.delete(task);
    if (task.counted !== undefined) {
      task.unit.drive.gate.statistics.end(task.counted, step.kind === 'good' || task.work.kind === 'ranges');
    }
    this.#owner.taskEnded(task, step);
    this.#tellMoved();
  }

  /** As much of a task as the portion allows. */
  #step(task: T, portion: Portion): Step | Promise<Step> {
    const { work, backend, transfer } = task;
    if (backend === undefined) return check(NO_MEDIUM);
    if (work.kind === 'flush' || transfer === undefined) return backend.flush().then(() => GOOD);
    const { end, cost } = transfer.step(portion.bytes);
    portion.bytes -= cost;
    const isLast = end === transfer.total;
    const over: ScsiEnd = work.kind === 'ranges' && work.bad !== undefined ? check(work.bad) : GOOD;
    const step: Step = isLast ? over : 'paused';
    const reads = work.kind === 'move' && work.direction === 'read';
    const flushBefore = reads && work.flush && transfer.done === 0;
    const flushAfter = !reads && work.flush && isLast;
    if (!flushBefore && trySync(transfer, end)) return flushAfter ? backend.flush().then(() => step) : step;
    const alive = (): boolean => this.#all.has(task);
    return (flushBefore ? backend.flush() : Promise.resolve())
      .then(() => transfer.async(end, alive, this.#pieces))
      .then(() => (flushAfter && alive() ? backend.flush() : undefined))
      .then(() => step);
  }

  /** What the drive's policy makes of an error. */
  #failed(task: T, error: unknown): Step {
    if (!(error instanceof BlockError)) throw error;
    if (!this.#all.has(task)) return endOfError(error);
    const action = task.unit.onIoError(countedAs(task.work) === 'read' ? 'read' : 'write', error);
    if (action !== 'stop') return action === 'ignore' ? GOOD : endOfError(error);
    task.held = { bytes: 0, go: () => this.#goOn(task) };
    task.unit.drive.gate.keep(task.held);
    return 'held';
  }

  #tellMoved(): void {
    for (const resolve of this.#moved.splice(0)) resolve();
  }
}

/** An error is left to the asynchronous path, which reports it. */
function trySync(transfer: BlockTransfer, end: number): boolean {
  try {
    return transfer.sync(end);
  } catch (error) {
    if (error instanceof BlockError) return false;
    throw error;
  }
}
