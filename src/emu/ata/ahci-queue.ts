/** Native command queuing of a port: reads and writes that are under way at once, by tag. Spec: SATA 3.0 §13.6. */
import type { BlockError } from '../block/block-backend.ts';
import { BlkTransfer } from '../block/block-transfer.ts';
import { integer, record } from '../core/state-fields.ts';
import { segmentsLength } from '../memory/segments.ts';
import type { AhciPort } from './ahci-port.ts';
import * as h from './ahci-registers.ts';
import { type AtaTask, NOT_BEGUN } from './ata-host.ts';
import { afterWrite } from './ata-pio.ts';
import * as r from './ata-registers.ts';

export type QueuedState = {
  readonly tag: number;
  readonly slot: number;
  readonly command: number;
  readonly sector: number;
  readonly count: number;
  readonly done: number;
};

export const QUEUED_STATE = record<QueuedState>({
  tag: integer(0, h.SLOTS - 1),
  slot: integer(0, h.SLOTS - 1),
  command: integer(h.READ_FPDMA_QUEUED, h.WRITE_FPDMA_QUEUED),
  sector: integer(0, 2 ** 48 - 1),
  count: integer(1, 65_536),
  done: integer(0, 2 ** 25),
});

interface Queued extends QueuedState {
  readonly task: AtaTask | undefined;
}

export class AhciQueue {
  readonly #port: AhciPort;
  readonly #byTag = new Map<number, Queued>();

  constructor(port: AhciPort) {
    this.#port = port;
  }

  begin(fis: Uint8Array, slot: number): void {
    const tag = fis[12] >> 3;
    // QEMU: a tag that is in use is not used again.
    if (this.#byTag.has(tag)) return;
    // Spec: SATA 3.0 §11.13: the device says that it has the command.
    this.#port.clearIssued(slot);
    this.#port.sendRegisters(false);
    const low = fis[6] * 65_536 + fis[5] * 256 + fis[4];
    const sector = (fis[10] * 65_536 + fis[9] * 256 + fis[8]) * 2 ** 24 + low;
    const count = fis[11] * 256 + fis[3] || 65_536;
    this.#start({ tag, slot, command: fis[2], sector, count, done: 0 });
  }

  clear(): void {
    this.#byTag.clear();
  }

  save(): readonly QueuedState[] {
    return [...this.#byTag.values()].map(({ task, ...state }) => ({
      ...state,
      done: task?.transfer?.done ?? state.done,
    }));
  }

  restore(states: readonly QueuedState[]): void {
    this.#byTag.clear();
    for (const state of states) this.#byTag.set(state.tag, { ...state, task: undefined });
  }

  resume(): void {
    const waiting = [...this.#byTag.values()].filter(({ task }) => task === undefined);
    for (const state of waiting) {
      this.#byTag.delete(state.tag);
      this.#start(state);
    }
  }

  #start({ tag, slot, command, sector, count, done }: QueuedState): void {
    const port = this.#port;
    const { device } = port.unit;
    if (device === undefined) return;
    const bytes = count * r.SECTOR_BYTES;
    const segments = port.buffersOf(slot).part(0, bytes);
    if (segmentsLength(segments) < bytes) {
      this.#fail();
      port.trigger(h.IS_OFS_BIT);
      return;
    }
    if (command !== h.READ_FPDMA_QUEUED && command !== h.WRITE_FPDMA_QUEUED) {
      this.#fail();
      return;
    }
    const { trace } = port;
    const last = sector + count - 1;
    if (trace.on) trace.event('process_ncq_command', port.hba, port.number, tag, command, sector, last);
    const kind = command === h.READ_FPDMA_QUEUED ? 'read' : 'write';
    const { gate, medium } = device.drive;
    const backend = medium?.backend;
    const offset = sector * r.SECTOR_BYTES;
    const task: AtaTask = {
      ...{ unit: port.unit, gate, kind, backend, ...NOT_BEGUN },
      transfer: backend && new BlkTransfer(port.memory, backend, kind, segments, offset, done),
      flush: kind === 'write' ? afterWrite(port.unit) : 'no',
      ended: (error) => this.#ended(tag, error),
    };
    this.#byTag.set(tag, { tag, slot, command, sector, count, done, task });
    port.begin(task);
  }

  #ended(tag: number, error: BlockError | undefined): void {
    const { unit, s } = this.#port;
    this.#byTag.delete(tag);
    if (error === undefined) unit.s.status = r.DRDY | r.DSC;
    else this.#fail();
    // Spec: §13.6.4: a command that failed keeps its tag until the driver has looked.
    if (error === undefined) s.finished = (s.finished | (1 << tag)) >>> 0;
    this.#port.sendFinished();
    const { trace, hba, number } = this.#port;
    if (trace.on) trace.event('ncq_finish', hba, number, tag);
  }

  #fail(): void {
    const { s } = this.#port.unit;
    s.error = r.ABRT;
    s.status = r.DRDY | r.ERR;
  }
}
