/** The requests of a floppy controller to its drives' images: a sector each, one at a time. */

import { type BlockTask, BlockTasks } from '../block/block-tasks.ts';
import type { Direction } from '../block/block-transfer.ts';
import { BufferTransfer } from '../block/buffer-transfer.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import type { Portion } from '../core/bottom-half.ts';
import type { FloppyUnit } from './floppy-drive.ts';

interface SectorTask extends BlockTask {
  readonly kind: Direction;
  readonly gate: DriveGate;
  /** Where the bytes go that were read, if the controller still wants them. */
  readonly read: () => void;
}

/** True: the sector was moved. */
export class FloppyTasks extends BlockTasks<SectorTask, boolean> {
  #ended: boolean | undefined;
  #isBeginning = false;

  /** @param endedLater told how a request has ended that did not do so at once */
  constructor(owner: { readonly endedLater: (isGood: boolean) => void; readonly waits: () => void }) {
    super({
      taskEnded: ({ read }, isGood) => {
        if (isGood) read();
        if (this.#isBeginning) this.#ended = isGood;
        else owner.endedLater(isGood);
      },
      taskWaits: () => owner.waits(),
    });
  }

  /** Moves a sector between `fifo` and the image. @returns undefined: it is told later how that ends */
  move(
    { drive: { medium, gate } }: FloppyUnit,
    kind: Direction,
    fifo: Uint8Array,
    offset: number,
    portion: Portion,
  ): boolean | undefined {
    const backend = medium?.backend;
    // A back end may still be at it when the controller was reset, and uses the FIFO for something else.
    const sector = kind === 'write' ? fifo.slice() : new Uint8Array(fifo.length);
    const transfer = backend && new BufferTransfer(backend, kind, sector, offset);
    const read = (): void => {
      if (kind === 'read') fifo.set(sector);
    };
    const task = { kind, gate, read, backend, transfer };
    this.#ended = undefined;
    this.#isBeginning = true;
    this.begin({ ...task, counted: undefined, held: undefined, busy: undefined }, portion);
    this.#isBeginning = false;
    return this.#ended;
  }

  /** Nobody waits for what is under way. */
  forgetAll(): void {
    this.forget(() => true);
  }

  protected gateOf({ gate }: SectorTask): DriveGate {
    return gate;
  }

  protected kindOf({ kind }: SectorTask): Direction {
    return kind;
  }

  /** QEMU: it counts nothing of what its floppy drives do. */
  protected override isCounted(): boolean {
    return false;
  }

  protected flushOf(): undefined {
    return undefined;
  }

  protected doneOf(): boolean {
    return true;
  }

  protected emptyOf(): boolean {
    return false;
  }

  /** QEMU: no error of a diskette's stops the machine, and no event tells of one. */
  protected failed(): boolean {
    return false;
  }

  protected isGood(_task: SectorTask, end: boolean): boolean {
    return end;
  }
}
