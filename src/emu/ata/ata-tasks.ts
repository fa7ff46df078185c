/** The requests of a controller's devices to their disks: begun in their order, in portions. */
import type { BlockError } from '../block/block-backend.ts';
import type { CountedKind } from '../block/block-statistics.ts';
import { BlockTasks } from '../block/block-tasks.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import { BottomHalf, type BottomHalfState, hasRoom, type Portion } from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import { type AtaTask, NO_MEDIUM_ERROR } from './ata-host.ts';
import type { AtaUnit } from './ata-unit.ts';

/** A task ends well, or with an error. */
type End = BlockError | undefined;

class DiskTasks extends BlockTasks<AtaTask, End> {
  protected gateOf({ gate }: AtaTask): DriveGate {
    return gate;
  }

  protected kindOf({ kind }: AtaTask): CountedKind {
    return kind;
  }

  protected flushOf({ flush }: AtaTask): 'before' | 'after' | undefined {
    return flush === 'no' ? undefined : flush;
  }

  protected doneOf(): End {
    return undefined;
  }

  /** QEMU: of an empty drive the user is told as of one that fails. */
  protected emptyOf({ unit, kind }: AtaTask): End {
    unit.device?.onIoError(kind === 'read' ? 'read' : 'write', NO_MEDIUM_ERROR);
    return NO_MEDIUM_ERROR;
  }

  protected failed(task: AtaTask, error: BlockError): End | 'stop' {
    if (!this.isWanted(task)) return error;
    const action = task.unit.device?.onIoError(task.kind === 'read' ? 'read' : 'write', error);
    if (action === 'stop') return action;
    return action === 'ignore' ? undefined : error;
  }

  protected isGood(_task: AtaTask, end: End): boolean {
    return end === undefined;
  }
}

export class AtaTasks {
  readonly #tasks = new DiskTasks({
    taskEnded: (task, error) => {
      task.ended(error);
      if (!this.#serving && this.#waiting.length > 0) this.#bottomHalf.kick();
    },
    taskWaits: () => this.#bottomHalf.schedule(),
  });
  readonly #bottomHalf: BottomHalf;
  readonly #also: (portion: Portion) => boolean;
  /** Those that are not begun. */
  #waiting: AtaTask[] = [];
  #serving = false;

  /** @param also what else the controller does in a portion; true: there is more of it */
  constructor(clock: Clock, also: (portion: Portion) => boolean = () => false) {
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
    this.#also = also;
  }

  begin(task: AtaTask): void {
    this.#waiting.push(task);
    this.kick();
  }

  /** There is something to do. */
  kick(): void {
    if (!this.#serving) this.#bottomHalf.kick();
  }

  /** There is something to do, after what is under way. */
  schedule(): void {
    this.#bottomHalf.schedule();
  }

  forget(isMeant: (task: AtaTask) => boolean): void {
    this.#waiting = this.#waiting.filter((task) => !isMeant(task));
    this.#tasks.forget(isMeant);
  }

  /** What the drive behind `gate` has under way is carried out whatever limits hold it back. */
  drain(gate: DriveGate): Promise<void> | undefined {
    return this.#tasks.drain(gate);
  }

  /** All of a device's. */
  forgetUnit(unit: AtaUnit): void {
    this.forget((task) => task.unit === unit);
  }

  /** The controller has left. */
  cancel(): void {
    this.forget(() => true);
    this.#bottomHalf.cancel();
  }

  reset(): void {
    this.forget(() => true);
    this.#bottomHalf.reset();
  }

  save(): BottomHalfState {
    return this.#bottomHalf.save();
  }

  restore(state: BottomHalfState): void {
    this.forget(() => true);
    this.#bottomHalf.restore(state);
  }

  #serve(portion: Portion): boolean {
    this.#serving = true;
    let isLeft = this.#tasks.serve(portion);
    do {
      for (let task = this.#next(portion); task !== undefined; task = this.#next(portion)) {
        portion.requests--;
        this.#tasks.begin(task, portion);
      }
      isLeft = this.#also(portion) || isLeft;
    } while (this.#waiting.length > 0 && hasRoom(portion));
    this.#serving = false;
    return isLeft || this.#waiting.length > 0 || this.#tasks.paused.length > 0;
  }

  #next(portion: Portion): AtaTask | undefined {
    return hasRoom(portion) ? this.#waiting.shift() : undefined;
  }
}
