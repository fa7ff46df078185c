/** The requests of a controller to its disks that are not done at once: they go on in portions, wait for limits, end. */
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import { Budget } from '../core/budget.ts';
import { type BlockBackend, BlockError } from './block-backend.ts';
import type { CountedKind, CountedRequest } from './block-statistics.ts';
import type { BlockTransfer } from './block-transfer.ts';
import type { DriveGate } from './drive-gate.ts';
import type { HeldRequest } from './throttle-groups.ts';

/** Copies of guest memory that wait for a back end: a driver may have a thousand requests of gigabytes under way. */
const PIECES_BYTES = 16 << 20;
const ENOMEDIUM = 123;

/** How a request to an empty drive ends. */
export const NO_MEDIUM_ERROR = BlockError.ofLinux(ENOMEDIUM);

export interface BlockTask {
  readonly gate: DriveGate;
  readonly kind: CountedKind;
  /** Absent: the drive is empty. */
  readonly backend: BlockBackend | undefined;
  /** Absent: it only stores the cache. */
  readonly transfer: BlockTransfer | undefined;
  /** The cache is stored before the transfer, after it, or not at all. */
  readonly flush: 'before' | 'after' | 'no';
  counted: CountedRequest | undefined;
  /** While the drive's limits hold it back, and after that. */
  held: HeldRequest | undefined;
  /** What a back end is doing for it; undefined: nothing. */
  busy: Promise<void> | undefined;
}

/** Of a task that was just made. */
export const NOT_BEGUN = { counted: undefined, held: undefined, busy: undefined };

export interface TaskOwner<T> {
  /** The task is over, and forgotten. @param error undefined: it went well */
  taskEnded(task: T, error: BlockError | undefined): void;
  /** A task waits for the next portion. */
  taskWaits(): void;
}

type Step = BlockError | 'done' | 'paused';

export class BlockTasks<T extends BlockTask> {
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
    const { gate, kind } = task;
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
    task.counted = task.gate.statistics.begin(task.kind, task.transfer?.total ?? 0);
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
    const gates = new Set(gone.filter(({ held }) => held !== undefined).map(({ gate }) => gate));
    for (const gate of gates) gate.withdraw((request) => wanted.has(request));
    this.#tellMoved();
    return gone;
  }

  /** Carries out, beyond limits and portions, what the drive behind `gate` has under way; undefined: that is nothing. */
  drain(gate: DriveGate): Promise<void> | undefined {
    const wanted = new Set([...this.#all].filter((task) => task.gate === gate));
    return wanted.size === 0 ? undefined : this.#drain(gate, wanted);
  }

  async #drain(gate: DriveGate, wanted: ReadonlySet<T>): Promise<void> {
    const all = (): Portion => ({ ...PORTION, bytes: Number.POSITIVE_INFINITY });
    const held = new Set(gate.takeHeld());
    for (const task of wanted) if (task.held !== undefined && held.has(task.held)) this.#run(task, all());
    while ([...wanted].some((task) => this.#all.has(task))) {
      const paused = this.#paused.filter((task) => wanted.has(task));
      this.#paused = this.#paused.filter((task) => !wanted.has(task));
      for (const task of paused) this.#run(task, all());
      if (![...wanted].some((task) => this.#all.has(task))) return;
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
      .catch((error: unknown) => {
        if (error instanceof BlockError) return error;
        throw error;
      })
      .then((end) => {
        if (task.busy === busy) task.busy = undefined;
        if (!this.#all.has(task)) return;
        this.#stepped(task, end);
        if (end === 'paused') this.#owner.taskWaits();
      });
    task.busy = busy;
  }

  #stepped(task: T, step: Step): void {
    if (step === 'paused') {
      this.#paused.push(task);
      this.#tellMoved();
      return;
    }
    this.#all.delete(task);
    const error = step === 'done' ? undefined : step;
    if (task.counted !== undefined) task.gate.statistics.end(task.counted, error === undefined);
    this.#owner.taskEnded(task, error);
    this.#tellMoved();
  }

  /** As much of a task as the portion allows. */
  #step(task: T, portion: Portion): Step | Promise<Step> {
    const { backend, transfer, flush } = task;
    if (backend === undefined) return NO_MEDIUM_ERROR;
    if (transfer === undefined) return backend.flush().then(() => 'done');
    const { end, cost } = transfer.step(portion.bytes);
    portion.bytes -= cost;
    const isLast = end === transfer.total;
    const step: Step = isLast ? 'done' : 'paused';
    const flushBefore = flush === 'before' && transfer.done === 0;
    const flushAfter = flush === 'after' && isLast;
    if (!flushBefore && trySync(transfer, end)) return flushAfter ? backend.flush().then(() => step) : step;
    const alive = (): boolean => this.#all.has(task);
    return (flushBefore ? backend.flush() : Promise.resolve())
      .then(() => transfer.async(end, alive, this.#pieces))
      .then(() => (flushAfter && alive() ? backend.flush() : undefined))
      .then(() => step);
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
