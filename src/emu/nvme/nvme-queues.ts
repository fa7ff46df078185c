/** Submission and completion queues, and their doorbells. Spec: NVMe 1.4 §4.1 and §4.6; QEMU's order and answers. */
import { BOOLEAN, BYTE, DWORD, integer, list, nullable, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import {
  CQE_BYTES,
  DNR,
  INVALID_CQ,
  INVALID_FIELD,
  INVALID_INTERRUPT_VECTOR,
  INVALID_PRP_OFFSET,
  INVALID_QUEUE_DELETION,
  INVALID_QUEUE_ID,
  INVALID_QUEUE_SIZE,
  MAX_QUEUE_ENTRIES,
  NvmeCommand,
  SQE_BYTES,
} from './nvme-spec.ts';

/** CREATE's flags. */
const PHYSICALLY_CONTIGUOUS = 1;
const INTERRUPTS_ENABLED = 2;

export type SubmissionQueue = {
  readonly id: number;
  /** Where its commands are told that they are done. */
  readonly cqid: number;
  /** In entries. */
  readonly size: number;
  readonly gpa: number;
  head: number;
  tail: number;
  /** Commands that were taken and not told yet. QEMU: no more of them than entries. */
  outstanding: number;
};

/** What is told of a command that is done. */
export type Completion = {
  readonly sqid: number;
  readonly cid: number;
  readonly result: number;
  readonly status: number;
};

export type CompletionQueue = {
  readonly id: number;
  readonly size: number;
  readonly gpa: number;
  readonly vector: number;
  readonly interrupts: boolean;
  head: number;
  tail: number;
  phase: number;
  /** Those that found the queue full, in order. */
  readonly waiting: Completion[];
};

/** Copies of the doorbells in guest memory, and where the controller says which of them it wants to be rung. Spec: §5.7. */
export type DoorbellBuffer = {
  readonly doorbells: number;
  readonly events: number;
};

export type NvmeQueuesState = {
  readonly submission: readonly Readonly<SubmissionQueue>[];
  readonly completion: readonly Readonly<CompletionQueue>[];
  readonly doorbellBuffer: Readonly<DoorbellBuffer> | null;
  readonly created: boolean;
};

const GPA = integer(0, 2 ** 64);
const SIZE = integer(2, 0x1_0000);
const QUEUES_MAX = 0x1_0000;
const WAITING_MAX = 2 ** 24;

export const NVME_QUEUES_STATE = record<NvmeQueuesState>({
  submission: list<Readonly<SubmissionQueue>>(
    record({ id: WORD, cqid: WORD, size: SIZE, gpa: GPA, head: WORD, tail: WORD, outstanding: DWORD }),
    { max: QUEUES_MAX },
  ),
  completion: list<Readonly<CompletionQueue>>(
    record({
      ...{ id: WORD, size: SIZE, gpa: GPA, vector: WORD, interrupts: BOOLEAN, head: WORD, tail: WORD },
      phase: BYTE,
      waiting: list<Completion>(record({ sqid: WORD, cid: WORD, result: DWORD, status: WORD }), {
        max: WAITING_MAX,
      }),
    }),
    { max: QUEUES_MAX },
  ),
  doorbellBuffer: nullable(record<Readonly<DoorbellBuffer>>({ doorbells: GPA, events: GPA })),
  created: BOOLEAN,
});

/** What the queues need of their controller. */
export interface QueuesHost {
  readonly memory: DmaPort;
  readonly trace: Trace;
  /** Entries wait in a queue with interrupts. */
  raise(vector: number): void;
  /** A queue with interrupts is empty. */
  lower(vector: number): void;
  /** A queue cannot be reached: nothing goes on before a reset. */
  fatal(): void;
  /** Commands may be taken. */
  kick(): void;
  /** The same, once what is under way is done. */
  schedule(): void;
  /** The driver rang a doorbell that there is not, or with a number that there is not. */
  doorbellError(isValue: boolean): void;
}

export class NvmeQueues {
  /** Queues with data, at most: the admin queue is not among them. */
  readonly pairs: number;
  readonly #host: QueuesHost;
  readonly #sqs = new Map<number, SubmissionQueue>();
  readonly #cqs = new Map<number, CompletionQueue>();
  /** Those whose doorbell was rung since all their commands were taken. */
  readonly #rung = new Set<SubmissionQueue>();
  #buffer: DoorbellBuffer | null = null;
  #created = false;

  constructor(pairs: number, host: QueuesHost) {
    this.pairs = pairs;
    this.#host = host;
  }

  /** Queues in which there may be commands, in the order of their doorbells. */
  get rung(): readonly SubmissionQueue[] {
    return [...this.#rung];
  }

  /** A completion queue was made since the last reset. */
  get created(): boolean {
    return this.#created;
  }

  /** Entries wait in a queue that may interrupt. */
  get pending(): boolean {
    for (const cq of this.#cqs.values()) if (cq.interrupts && cq.head !== cq.tail) return true;
    return false;
  }

  has(sqid: number): boolean {
    return this.#sqs.has(sqid);
  }

  vectorOf(cqid: number): number | undefined {
    return this.#cqs.get(cqid)?.vector;
  }

  reset(): void {
    this.#sqs.clear();
    this.#rung.clear();
    this.#cqs.clear();
    this.#buffer = null;
    this.#created = false;
  }

  /** The controller was enabled. Sizes in entries. */
  startAdmin(asq: number, asqSize: number, acq: number, acqSize: number): void {
    this.#addCq({ id: 0, size: acqSize, gpa: acq, vector: 0, interrupts: true });
    this.#addSq({ id: 0, cqid: 0, size: asqSize, gpa: asq });
  }

  createCq(command: NvmeCommand, vectors: number, pageBytes: number): number {
    const [id, entries] = [command.u16(40), command.u16(42)];
    const [flags, vector] = [command.u16(44), command.u16(46)];
    if (id === 0 || id > this.pairs || this.#cqs.has(id)) return INVALID_QUEUE_ID | DNR;
    if (entries === 0 || entries > MAX_QUEUE_ENTRIES) return INVALID_QUEUE_SIZE | DNR;
    if (command.prp1 % pageBytes !== 0) return INVALID_PRP_OFFSET | DNR;
    if (vector >= vectors) return INVALID_INTERRUPT_VECTOR | DNR;
    if ((flags & PHYSICALLY_CONTIGUOUS) === 0) return INVALID_FIELD | DNR;
    const interrupts = (flags & INTERRUPTS_ENABLED) !== 0;
    if (this.#host.trace.on) {
      this.#host.trace.event(
        'pci_nvme_create_cq',
        ...[command.prp1, id, vector, entries, flags, interrupts ? 1 : 0],
      );
    }
    this.#addCq({ id, size: entries + 1, gpa: command.prp1, vector, interrupts });
    this.#created = true;
    return 0;
  }

  createSq(command: NvmeCommand, pageBytes: number): number {
    const [id, entries] = [command.u16(40), command.u16(42)];
    const [flags, cqid] = [command.u16(44), command.u16(46)];
    if (this.#host.trace.on) {
      this.#host.trace.event('pci_nvme_create_sq', command.prp1, id, cqid, entries, flags);
    }
    if (!this.#cqs.has(cqid)) return INVALID_CQ | DNR;
    if (id === 0 || id > this.pairs || this.#sqs.has(id)) return INVALID_QUEUE_ID | DNR;
    if (entries === 0 || entries > MAX_QUEUE_ENTRIES) return INVALID_QUEUE_SIZE | DNR;
    if (command.prp1 % pageBytes !== 0) return INVALID_PRP_OFFSET | DNR;
    if ((flags & PHYSICALLY_CONTIGUOUS) === 0) return INVALID_FIELD | DNR;
    this.#addSq({ id, cqid, size: entries + 1, gpa: command.prp1 });
    return 0;
  }

  deleteCq(id: number): number {
    const cq = this.#cqs.get(id);
    if (id === 0 || cq === undefined) return INVALID_CQ | DNR;
    for (const { cqid } of this.#sqs.values()) if (cqid === id) return INVALID_QUEUE_DELETION;
    if (this.#host.trace.on) this.#host.trace.event('pci_nvme_del_cq', id);
    this.#cqs.delete(id);
    if (cq.interrupts) this.#host.lower(cq.vector);
    return 0;
  }

  /** @param before ends what is under way of the queue, once it is known that there is one */
  deleteSq(id: number, before: () => void): number {
    const sq = this.#sqs.get(id);
    if (id === 0 || sq === undefined) return INVALID_QUEUE_ID | DNR;
    if (this.#host.trace.on) this.#host.trace.event('pci_nvme_del_sq', id);
    before();
    this.#sqs.delete(id);
    this.#rung.delete(sq);
    const waiting = this.#cqs.get(sq.cqid)?.waiting ?? [];
    const kept = waiting.filter(({ sqid }) => sqid !== id);
    waiting.splice(0, waiting.length, ...kept);
    return 0;
  }

  /** From now on doorbells are in memory too. QEMU: those that are there already are stored at once. */
  useDoorbellBuffer(buffer: DoorbellBuffer): void {
    this.#buffer = buffer;
    const { memory } = this.#host;
    for (const sq of this.#sqs.values()) memory.writeU32(buffer.doorbells + 8 * sq.id, sq.tail);
    for (const cq of this.#cqs.values()) memory.writeU32(buffer.doorbells + 8 * cq.id + 4, cq.head);
  }

  /** @param offset in bytes, from the first doorbell */
  writeDoorbell(offset: number, value: number): void {
    if ((offset & 3) !== 0) {
      this.#host.trace.guestError('nvme: a doorbell at %x', offset);
      return;
    }
    const id = offset >>> 3;
    const number = value & 0xffff;
    if ((offset & 4) === 0) this.#ringSq(id, number);
    else this.#ringCq(id, number);
  }

  /** The next command of a queue; undefined: there is none that may be taken. */
  take(sq: SubmissionQueue): NvmeCommand | undefined {
    if (this.#buffer !== null) this.#followTail(sq, this.#buffer);
    if (sq.head === sq.tail || sq.outstanding >= sq.size) {
      this.#rung.delete(sq);
      return undefined;
    }
    const bytes = new Uint8Array(SQE_BYTES);
    if (!this.#host.memory.read(sq.gpa + sq.head * SQE_BYTES, bytes)) {
      this.#host.fatal();
      // QEMU: the queue is looked at again at its next doorbell.
      this.#rung.delete(sq);
      return undefined;
    }
    sq.head = (sq.head + 1) % sq.size;
    sq.outstanding++;
    return new NvmeCommand(bytes);
  }

  /** A command that was taken is done; `post` tells the driver. */
  complete(completion: Completion): void {
    const sq = this.#sqs.get(completion.sqid);
    if (sq !== undefined) this.#cqs.get(sq.cqid)?.waiting.push(completion);
  }

  /** Tells the driver what is done. QEMU: once all commands that it gave are taken. */
  post(): void {
    for (const cq of this.#cqs.values()) if (cq.waiting.length > 0) this.#post(cq);
  }

  save(): NvmeQueuesState {
    return {
      submission: [...this.#sqs.values()].map((sq) => ({ ...sq })),
      completion: [...this.#cqs.values()].map((cq) => ({
        ...cq,
        waiting: cq.waiting.map((w) => ({ ...w })),
      })),
      doorbellBuffer: this.#buffer === null ? null : { ...this.#buffer },
      created: this.#created,
    };
  }

  /** Queues that this controller cannot have are left out, and places beyond an end become the first. */
  restore({ submission, completion, doorbellBuffer, created }: NvmeQueuesState): void {
    this.reset();
    this.#buffer = doorbellBuffer;
    this.#created = created;
    const within = (place: number, size: number): number => (place < size ? place : 0);
    for (const cq of completion) {
      if (cq.id > this.pairs) continue;
      const [head, tail] = [within(cq.head, cq.size), within(cq.tail, cq.size)];
      this.#cqs.set(cq.id, { ...cq, head, tail, phase: cq.phase & 1, waiting: [...cq.waiting] });
    }
    for (const sq of submission) {
      if (sq.id > this.pairs) continue;
      const [head, tail] = [within(sq.head, sq.size), within(sq.tail, sq.size)];
      const restored = { ...sq, head, tail };
      this.#sqs.set(sq.id, restored);
      // Whether its doorbell was rung is not kept: a look at it does no harm.
      this.#rung.add(restored);
    }
  }

  #addCq(queue: Pick<CompletionQueue, 'id' | 'size' | 'gpa' | 'vector' | 'interrupts'>): void {
    this.#cqs.set(queue.id, { ...queue, head: 0, tail: 0, phase: 1, waiting: [] });
  }

  #addSq(queue: Pick<SubmissionQueue, 'id' | 'cqid' | 'size' | 'gpa'>): void {
    this.#sqs.set(queue.id, { ...queue, head: 0, tail: 0, outstanding: 0 });
  }

  #ringSq(id: number, tail: number): void {
    const sq = this.#sqs.get(id);
    if (sq === undefined || tail >= sq.size) {
      this.#host.doorbellError(sq !== undefined);
      return;
    }
    if (this.#host.trace.on) this.#host.trace.event('pci_nvme_mmio_doorbell_sq', id, tail);
    sq.tail = tail;
    this.#rung.add(sq);
    // The admin queue's doorbell is written as ever: its copy follows it.
    if (id === 0 && this.#buffer !== null) this.#host.memory.writeU32(this.#buffer.doorbells, tail);
    this.#host.kick();
  }

  #ringCq(id: number, head: number): void {
    const cq = this.#cqs.get(id);
    if (cq === undefined || head >= cq.size) {
      this.#host.doorbellError(cq !== undefined);
      return;
    }
    if (this.#host.trace.on) this.#host.trace.event('pci_nvme_mmio_doorbell_cq', id, head);
    const wasFull = isFull(cq);
    cq.head = head;
    if (id === 0 && this.#buffer !== null) this.#host.memory.writeU32(this.#buffer.doorbells + 4, head);
    if (cq.head === cq.tail && cq.interrupts) this.#host.lower(cq.vector);
    if (wasFull) this.#post(cq);
  }

  /** The driver's own word of how far it has filled a queue, and ours that we have seen it. */
  #followTail(sq: SubmissionQueue, { doorbells, events }: DoorbellBuffer): void {
    const { memory } = this.#host;
    memory.writeU32(events + 8 * sq.id, sq.tail);
    const tail = memory.readU32(doorbells + 8 * sq.id);
    if (tail < sq.size) sq.tail = tail;
  }

  #followHead(cq: CompletionQueue, { doorbells, events }: DoorbellBuffer): void {
    const { memory } = this.#host;
    memory.writeU32(events + 8 * cq.id + 4, cq.head);
    const head = memory.readU32(doorbells + 8 * cq.id + 4);
    if (head < cq.size) cq.head = head;
  }

  #post(cq: CompletionQueue): void {
    while (cq.waiting.length > 0) {
      if (this.#buffer !== null) this.#followHead(cq, this.#buffer);
      const [completion] = cq.waiting;
      if (completion === undefined || isFull(cq)) break;
      const sq = this.#sqs.get(completion.sqid);
      if (
        !this.#host.memory.write(cq.gpa + cq.tail * CQE_BYTES, entry(completion, sq?.head ?? 0, cq.phase))
      ) {
        this.#host.fatal();
        break;
      }
      cq.waiting.shift();
      cq.tail = (cq.tail + 1) % cq.size;
      if (cq.tail === 0) cq.phase ^= 1;
      if (sq === undefined) continue;
      const wasShort = sq.outstanding >= sq.size;
      sq.outstanding = Math.max(0, sq.outstanding - 1);
      if (!wasShort) continue;
      this.#rung.add(sq);
      this.#host.schedule();
    }
    if (cq.tail !== cq.head && cq.interrupts) this.#host.raise(cq.vector);
  }
}

function isFull({ head, tail, size }: CompletionQueue): boolean {
  return (tail + 1) % size === head;
}

function entry({ sqid, cid, result, status }: Completion, sqHead: number, phase: number): Uint8Array {
  const bytes = new Uint8Array(CQE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, result, true);
  view.setUint16(8, sqHead, true);
  view.setUint16(10, sqid, true);
  view.setUint16(12, cid, true);
  view.setUint16(14, (status << 1) | phase, true);
  return bytes;
}
