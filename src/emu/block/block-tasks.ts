/** What a controller has under way on its disks and that is not done at once: it goes on in portions, waits for limits, ends. */
import { hasRoom, PORTION, type Portion } from '../core/bottom-half.ts';
import { Budget } from '../core/budget.ts';
import { type BlockBackend, BlockError } from './block-backend.ts';
import type { CountedKind, CountedRequest } from './block-statistics.ts';
import type { BlockTransfer } from './block-transfer.ts';
import type { DriveGate } from './drive-gate.ts';
import type { HeldRequest } from './throttle-groups.ts';

/** Copies of guest memory that wait for a back end: a driver may have a thousand requests of gigabytes under way. */
const PIECES_BYTES = 16 << 20;

export interface BlockTask {
  /** Undefined: there is no medium. */
  readonly backend: BlockBackend | undefined;
  /** Absent: it only stores the cache. */
  readonly transfer: BlockTransfer | undefined;
  counted: CountedRequest | undefined;
  /** While the drive's limits hold it back, or an error has it wait, and after that. */
  held: HeldRequest | undefined;
  /** What a back end is doing for it; undefined: nothing. */
  busy: Promise<void> | undefined;
}

export interface TaskOwner<T, E> {
  /** The task is over, and forgotten. */
  taskEnded(task: T, end: E): void;
  /** A task waits for the next portion. */
  taskWaits(): void;
}

type Step<E> = { readonly end: E } | 'paused' | 'held';

/** @typeParam E how a task ends, in the words of its kind of controller */
export abstract class BlockTasks<T extends BlockTask, E> {
  readonly #owner: TaskOwner<T, E>;
  readonly #all = new Set<T>();
  readonly #pieces = new Budget(PIECES_BYTES);
  /** Called when a task is done, pauses, or is forgotten. */
  readonly #moved: (() => void)[] = [];
  #paused: T[] = [];

  constructor(owner: TaskOwner<T, E>) {
    this.#owner = owner;
  }

  protected abstract gateOf(task: T): DriveGate;
  protected abstract kindOf(task: T): CountedKind;
  /** When the cache is stored as well: before the transfer, after it, or not. */
  protected abstract flushOf(task: T): 'before' | 'after' | undefined;
  /** How a task ends of which all is done. */
  protected abstract doneOf(task: T): E;
  /** How a task ends without a medium. */
  protected abstract emptyOf(task: T): E;
  /** How a task ends after an error of the image; `stop`: it is tried again when the machine, which the error has stopped, goes on. */
  protected abstract failed(task: T, error: BlockError): E | 'stop';
  /** The drive's statistics count the end as a success. */
  protected abstract isGood(task: T, end: E): boolean;

  /** The drive's statistics count it. */
  protected isCounted(_task: T): boolean {
    return true;
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
    const gate = this.gateOf(task);
    const kind = this.kindOf(task);
    const bytes = task.transfer?.total ?? 0;
    if (this.isCounted(task)) task.counted = gate.statistics.begin(kind, bytes);
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
    task.counted = this.gateOf(task).statistics.begin(this.kindOf(task), task.transfer?.total ?? 0);
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
    const gates = new Set(gone.filter(({ held }) => held !== undefined).map((task) => this.gateOf(task)));
    for (const gate of gates) gate.withdraw((request) => wanted.has(request));
    this.#tellMoved();
    return gone;
  }

  /** Carries out, beyond limits and portions, what is under way through a drive's gate; undefined: that is nothing. */
  drain(gate: DriveGate): Promise<void> | undefined {
    const wanted = new Set([...this.#all].filter((task) => this.gateOf(task) === gate));
    return wanted.size === 0 ? undefined : this.#drain(gate, wanted);
  }

  async #drain(gate: DriveGate, wanted: ReadonlySet<T>): Promise<void> {
    const all = (): Portion => ({ ...PORTION, bytes: Number.POSITIVE_INFINITY });
    const held = new Set(gate.takeHeld());
    for (const task of wanted) if (task.held !== undefined && held.has(task.held)) this.#run(task, all());
    const isUnderWay = (task: T): boolean => this.#all.has(task) && !gate.isKept(task.held);
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

  #kept(task: T): 'held' {
    task.held = { bytes: 0, go: () => this.#goOn(task) };
    this.gateOf(task).keep(task.held);
    return 'held';
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
      .catch((error: unknown): Step<E> => {
        if (!(error instanceof BlockError)) throw error;
        const end = this.failed(task, error);
        return end === 'stop' ? this.#kept(task) : { end };
      })
      .then((next) => {
        if (task.busy === busy) task.busy = undefined;
        if (!this.#all.has(task)) return;
        this.#stepped(task, next);
        if (next === 'paused') this.#owner.taskWaits();
      });
    task.busy = busy;
  }

  #stepped(task: T, step: Step<E>): void {
    if (step === 'paused' || step === 'held') {
      if (step === 'paused') this.#paused.push(task);
      this.#tellMoved();
      return;
    }
    this.#all.delete(task);
    if (task.counted !== undefined) {
      this.gateOf(task).statistics.end(task.counted, this.isGood(task, step.end));
    }
    this.#owner.taskEnded(task, step.end);
    this.#tellMoved();
  }

  /** As much of a task as the portion allows. */
  #step(task: T, portion: Portion): Step<E> | Promise<Step<E>> {
    const { backend, transfer } = task;
    if (backend === undefined) return { end: this.emptyOf(task) };
    if (transfer === undefined) return backend.flush().then(() => ({ end: this.doneOf(task) }));
    const { end, cost } = transfer.step(portion.bytes);
    portion.bytes -= cost;
    const isLast = end === transfer.total;
    const next = (): Step<E> => (isLast ? { end: this.doneOf(task) } : 'paused');
    const flush = this.flushOf(task);
    const flushBefore = flush === 'before' && transfer.done === 0;
    const flushAfter = flush === 'after' && isLast;
    if (!flushBefore && trySync(transfer, end)) return flushAfter ? backend.flush().then(next) : next();
    const alive = (): boolean => this.#all.has(task);
    return (flushBefore ? backend.flush() : Promise.resolve())
      .then(() => transfer.async(end, alive, this.#pieces))
      .then(() => (flushAfter && alive() ? backend.flush() : undefined))
      .then(next);
  }

  /** The task is still wanted, so that its errors are told. */
  protected isWanted(task: T): boolean {
    return this.#all.has(task);
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
