/** Carries out an NVMe controller's commands: takes them out of their queues, and tells when they are done. */

import type { DriveGate } from '../block/drive-gate.ts';
import {
  BOTTOM_HALF_STATE,
  BottomHalf,
  type BottomHalfState,
  hasRoom,
  type Portion,
} from '../core/bottom-half.ts';
import type { Clock } from '../core/clock.ts';
import { bytes, DWORD, integer, list, record, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import {
  type AdminEnd,
  type AdminHost,
  adminCommand,
  beginFormat,
  formatOf,
  formatTransfer,
  nextNamespace,
} from './nvme-admin.ts';
import { isNamespaceId } from './nvme-features.ts';
import { type IoLimits, ioWork, type NvmeTask, NvmeTasks } from './nvme-io.ts';
import { NVM_EFFECTS } from './nvme-log-pages.ts';
import type { NvmeNamespace } from './nvme-namespace.ts';
import type { SubmissionQueue } from './nvme-queues.ts';
import * as n from './nvme-spec.ts';

/** A command that a snapshot found under way. */
type SavedTask = {
  readonly sqid: number;
  readonly nsid: number;
  readonly command: Uint8Array;
  readonly doneBytes: number;
};

export type NvmeCommandsState = {
  readonly tasks: readonly SavedTask[];
  readonly bottomHalf: BottomHalfState;
};

const TASKS_MAX = 2 ** 24;

export const NVME_COMMANDS_STATE = record<NvmeCommandsState>({
  tasks: list<SavedTask>(
    record({
      sqid: WORD,
      nsid: DWORD,
      command: bytes(n.SQE_BYTES),
      doneBytes: integer(0, Number.MAX_SAFE_INTEGER),
    }),
    { max: TASKS_MAX },
  ),
  bottomHalf: BOTTOM_HALF_STATE,
});

export class NvmeCommands {
  readonly #host: AdminHost & IoLimits;
  readonly #trace: Trace;
  readonly #tasks: NvmeTasks;
  readonly #bottomHalf: BottomHalf;
  /** Commands are being taken: what is done is told when none is left. */
  #isServing = false;

  constructor(host: AdminHost & IoLimits, clock: Clock, trace: Trace) {
    this.#host = host;
    this.#trace = trace;
    this.#tasks = new NvmeTasks({
      taskEnded: (task, status) => this.#taskEnded(task, status),
      taskWaits: () => this.#bottomHalf.schedule(),
    });
    this.#bottomHalf = new BottomHalf(clock, (portion) => this.#serve(portion));
  }

  /** How many are under way. */
  get underWay(): number {
    return this.#tasks.all.size;
  }

  /** There may be commands: what a portion allows is done now. */
  kick(): void {
    this.#bottomHalf.kick();
  }

  /** The same, later. */
  schedule(): void {
    this.#bottomHalf.schedule();
  }

  /** Carries out all that is under way through a drive's gate; undefined: that is nothing. */
  drain(gate: DriveGate): Promise<void> | undefined {
    return this.#tasks.drain(gate);
  }

  /** What is under way of a namespace, or of all, is forgotten. */
  forget(namespace?: NvmeNamespace): void {
    this.#tasks.forget((task) => namespace === undefined || task.namespace === namespace);
    for (const one of this.#host.namespaces)
      if (namespace === undefined || one === namespace) one.isFormatting = false;
  }

  /** The controller leaves: nothing goes on. */
  abandon(): void {
    this.forget();
    this.#bottomHalf.cancel();
  }

  reset(): void {
    this.forget();
    this.#bottomHalf.reset();
  }

  /** The queue leaves: what is under way of it is over. */
  endTasksOf(sqid: number): void {
    for (const { command } of this.#tasks.forget((task) => task.sqid === sqid)) {
      this.complete(sqid, command.cid, n.ABORTED_SQ_DELETED);
    }
  }

  /** Begins to format a namespace. */
  beginFormat(namespace: NvmeNamespace, command: n.NvmeCommand): void {
    namespace.isFormatting = true;
    this.#begin(0, namespace, command, { kind: 'write', transfer: formatTransfer(namespace) });
  }

  save(): NvmeCommandsState {
    return {
      tasks: [...this.#tasks.all].map(({ sqid, namespace, command, transfer }) => ({
        sqid,
        nsid: namespace.nsid,
        command: command.bytes.slice(),
        doneBytes: transfer?.done ?? 0,
      })),
      bottomHalf: this.#bottomHalf.save(),
    };
  }

  /** Guest memory and queues must be restored before: where the data of commands is, is read from memory again. */
  restore({ tasks, bottomHalf }: NvmeCommandsState): void {
    this.abandon();
    for (const task of tasks) this.#resume(task);
    this.#bottomHalf.restore(bottomHalf);
    // What a back end was doing has no deadline: it is begun again as soon as all of the machine is restored.
    if (tasks.length > 0) void Promise.resolve().then(() => this.kick());
  }

  /** True: there is more to do. */
  #serve(portion: Portion): boolean {
    this.#isServing = true;
    let more = this.#tasks.serve(portion);
    for (const sq of this.#host.queues.rung) {
      while (hasRoom(portion)) {
        const command = this.#host.queues.take(sq);
        if (command === undefined) break;
        portion.requests--;
        this.#execute(sq, command, portion);
      }
      if (!hasRoom(portion)) more = true;
    }
    this.#isServing = false;
    this.#host.queues.post();
    return more;
  }

  #execute({ id }: SubmissionQueue, command: n.NvmeCommand, portion: Portion): void {
    this.#traceCommand(id, command);
    const end = id === 0 ? adminCommand(this.#host, command) : this.#io(id, command, portion);
    if (end !== undefined) this.complete(id, command.cid, end.status, end.result);
  }

  #traceCommand(sqid: number, command: n.NvmeCommand): void {
    if (!this.#trace.on) return;
    const { cid, opcode, nsid } = command;
    if (sqid === 0) this.#trace.event('pci_nvme_admin_cmd', cid, sqid, opcode, n.adminName(opcode));
    else this.#trace.event('pci_nvme_io_cmd', cid, nsid, sqid, opcode, n.nvmName(opcode));
  }

  #io(sqid: number, command: n.NvmeCommand, portion: Portion): AdminEnd | undefined {
    const { nsid, opcode } = command;
    if (!isNamespaceId(nsid)) return { status: n.INVALID_NAMESPACE | n.DNR };
    if (opcode === n.NVM_FLUSH) return this.#flush(sqid, command, 0, portion);
    const namespace = this.#host.namespace(nsid);
    if (namespace === undefined) return { status: n.INVALID_FIELD | n.DNR };
    if (!NVM_EFFECTS.has(opcode) || this.#host.commandSet === n.CSS_ADMIN_ONLY) {
      return { status: n.INVALID_OPCODE | n.DNR };
    }
    if (namespace.isFormatting) return { status: n.FORMAT_IN_PROGRESS };
    if (command.fuse !== 0) return { status: n.INVALID_FIELD };
    const work = ioWork(namespace, command, this.#host);
    if (typeof work === 'number') return { status: work };
    this.#begin(sqid, namespace, command, work, portion);
    return undefined;
  }

  /** Stores the first namespace behind `after` that the command means. Undefined: that is under way. */
  #flush(sqid: number, command: n.NvmeCommand, after: number, portion?: Portion): AdminEnd | undefined {
    const { nsid } = command;
    if (nsid !== n.NSID_BROADCAST && this.#host.namespace(nsid) === undefined) {
      return { status: n.INVALID_FIELD | n.DNR };
    }
    const namespace = nextNamespace(this.#host.namespaces, nsid, after);
    if (namespace === undefined) return { status: n.SUCCESS };
    this.#begin(sqid, namespace, command, { kind: 'flush', transfer: undefined }, portion);
    return undefined;
  }

  /** @param portion what of it may be done at once; absent: it waits for the next one */
  #begin(
    sqid: number,
    namespace: NvmeNamespace,
    command: n.NvmeCommand,
    work: Pick<NvmeTask, 'kind' | 'transfer'>,
    portion?: Portion,
  ): void {
    const task = taskOf(sqid, namespace, command, work);
    if (portion !== undefined) this.#tasks.begin(task, portion);
    else {
      this.#tasks.resume(task);
      this.#bottomHalf.schedule();
    }
  }

  #resume({ sqid, nsid, command: saved, doneBytes }: SavedTask): void {
    const command = new n.NvmeCommand(saved.slice());
    const namespace = this.#host.namespace(nsid);
    if (namespace === undefined) return;
    const goOn = (work: Pick<NvmeTask, 'kind' | 'transfer'>): void =>
      this.#tasks.resume(taskOf(sqid, namespace, command, work));
    if (sqid === 0) {
      namespace.isFormatting = true;
      goOn({ kind: 'write', transfer: formatTransfer(namespace, doneBytes) });
    } else if (command.opcode === n.NVM_FLUSH) goOn({ kind: 'flush', transfer: undefined });
    else {
      const work = ioWork(namespace, command, this.#host, doneBytes);
      if (typeof work === 'number') this.complete(sqid, command.cid, work);
      else goOn(work);
    }
  }

  #taskEnded({ sqid, namespace, command, kind }: NvmeTask, status: number): void {
    let end: AdminEnd | undefined = { status };
    if (sqid === 0) {
      namespace.isFormatting = false;
      if (status === n.SUCCESS) {
        namespace.setFormat(formatOf(command));
        end = beginFormat(this.#host, command, namespace.nsid);
      }
    } else if (kind === 'flush' && status === n.SUCCESS) end = this.#flush(sqid, command, namespace.nsid);
    if (end !== undefined) this.complete(sqid, command.cid, end.status, end.result);
  }

  complete(sqid: number, cid: number, status: number, result = 0): void {
    this.#host.queues.complete({ sqid, cid, result, status });
    if (!this.#isServing) this.#host.queues.post();
  }
}

function taskOf(
  sqid: number,
  namespace: NvmeNamespace,
  command: n.NvmeCommand,
  { kind, transfer }: Pick<NvmeTask, 'kind' | 'transfer'>,
): NvmeTask {
  const none = { counted: undefined, held: undefined, busy: undefined };
  return { sqid, namespace, command, kind, transfer, backend: namespace.backend, ...none };
}
