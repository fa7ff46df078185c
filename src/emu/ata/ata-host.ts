/** What an ATA device asks of the controller that it is on. QEMU: IDEDMAOps. */
import { BlockError } from '../block/block-backend.ts';
import type { CountedKind } from '../block/block-statistics.ts';
import type { BlockTask } from '../block/block-tasks.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import type { Segment } from '../memory/segments.ts';
import type { AtaUnit } from './ata-unit.ts';

const ENOMEDIUM = 123;

/** How a request to an empty drive ends. */
export const NO_MEDIUM_ERROR = BlockError.ofLinux(ENOMEDIUM);

/** Of a task that was just made. */
export const NOT_BEGUN = { counted: undefined, held: undefined, busy: undefined };

/** A request to the disk, for a device that waits for it. */
export interface AtaTask extends BlockTask {
  readonly unit: AtaUnit;
  readonly gate: DriveGate;
  readonly kind: CountedKind;
  /** When the cache is stored as well. */
  readonly flush: 'before' | 'after' | 'no';
  /** It ended; not called when the command was given up meanwhile. */
  readonly ended: (error: BlockError | undefined) => void;
}

/** Buffers of the driver's for DMA. */
export interface DmaBuffers {
  /** At most as many bytes as were asked for. */
  readonly segments: readonly Segment[];
  /** Bytes that the driver's list describes, which may be more. */
  readonly described: number;
}

export interface AtaHost {
  readonly trace: Trace;
  readonly memory: DmaPort;
  /** It moves the data of PIO transfers itself, without the driver. */
  readonly movesPio: boolean;
  /** Commands that the bus takes at once, as IDENTIFY tells; 0: one, and no others beside it. */
  readonly queues: number;
  /** The packet that came with the command; undefined: the driver writes it into the data register. */
  takePacket(): Uint8Array | undefined;
  /** The device wants the driver's attention. */
  interrupt(): void;
  /** A device has come, or left. */
  deviceChanged(): void;
  /** Moves `data` of a PIO transfer: to the driver, or from it. */
  movePio(data: Uint8Array, toDriver: boolean): void;
  /** A command's data goes by DMA: `unit.runDma` is called when it can. */
  startDma(unit: AtaUnit): void;
  /** Buffers for all data of a command, of which `done` bytes were moved before: the whole list is used up. */
  commandBuffers(bytes: number, done: number): DmaBuffers;
  /** The next buffers for a part of a command's data, of which `done` bytes were moved before; less than `bytes`: the list has ended. */
  nextBuffers(bytes: number, done: number): readonly Segment[];
  /** A part of an answer of `bytes` counts as moved, though there were buffers for `room` only. */
  takesPart(room: number, bytes: number): boolean;
  /** So many more bytes have moved. */
  moved(bytes: number): void;
  /** DMA has ended. @param staysActive the list described more than the command has moved */
  dmaEnded(staysActive: boolean): void;
  /** A command has come to an end, or to a step of its own at which the registers may be read. */
  commandDone(): void;
  begin(task: AtaTask): void;
  /** The requests of this device are not wanted any more. */
  forget(unit: AtaUnit): void;
}
