/**
 * Work that a client of QMP begins under a name of its own, follows by events and asks about until it dismisses it. QEMU: Job.
 *
 * Not modelled: jobs that a client can pause or cancel. Those that there are hold up every monitor while they work, as in QEMU, so that none
 * is ever asked about in the middle.
 */
import type { JobStatus, JobType, MachineEvents } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { isWellFormedId } from '../qdev/option-string.ts';

export interface JobInfo {
  readonly id: string;
  readonly type: JobType;
  readonly status: JobStatus;
  /** Why it has failed. */
  readonly error: string | undefined;
}

type MutableJob = { -readonly [K in keyof JobInfo]: JobInfo[K] };

/** What a client may want of a job that it has begun. */
export type JobVerb = 'cancel' | 'pause' | 'resume' | 'complete' | 'finalize';

export class Jobs {
  readonly #events: MachineEvents;
  /** Newest first. */
  readonly #jobs: MutableJob[] = [];

  constructor(events: MachineEvents) {
    this.#events = events;
  }

  /** Newest first. */
  list(): readonly JobInfo[] {
    return this.#jobs;
  }

  /**
   * Begins a job and resolves when its work is done, be it with success or not. Rejects with QEMU's error for an id that is none, or is taken.
   * @param work rejects with `MonitorError` when the job fails
   * @returns ends the job, and tells of it. QEMU: after the client has its answer
   */
  async run(id: string, type: JobType, work: () => Promise<void>): Promise<() => void> {
    if (!isWellFormedId(id)) throw new MonitorError(`Invalid job ID '${id}'`);
    if (this.#jobs.some((other) => other.id === id)) throw new MonitorError(`Job ID '${id}' already in use`);
    const job: MutableJob = { id, type, status: 'created', error: undefined };
    this.#jobs.unshift(job);
    this.#enter(job, 'created', 'running');
    await work().catch((error: unknown) => {
      job.error = error instanceof Error ? error.message : String(error);
    });
    return () => {
      if (job.error === undefined) this.#enter(job, 'waiting', 'pending', 'concluded');
      else this.#enter(job, 'aborting', 'concluded');
    };
  }

  /** Throws QEMU's error: there is no such job, or it has come to its end. */
  refuse(id: string, verb: JobVerb): never {
    const job = this.#existing(id);
    if (verb === 'resume') throw new MonitorError("Can't resume a job that was not paused");
    throw refusal(job, verb);
  }

  /** Forgets a job that has come to its end. Throws QEMU's error. */
  dismiss(id: string): void {
    const job = this.#existing(id);
    if (job.status !== 'concluded') throw refusal(job, 'dismiss');
    this.#forget(job);
  }

  /** The machine ends. */
  forgetAll(): void {
    for (const job of [...this.#jobs]) this.#forget(job);
  }

  #existing(id: string): MutableJob {
    const job = this.#jobs.find((one) => one.id === id);
    if (job === undefined) throw new MonitorError('Job not found');
    return job;
  }

  #forget(job: MutableJob): void {
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#enter(job, 'null');
  }

  #enter(job: MutableJob, ...statuses: readonly JobStatus[]): void {
    for (const status of statuses) {
      job.status = status;
      this.#events.emit({ event: 'JOB_STATUS_CHANGE', data: { status, id: job.id } });
    }
  }
}

function refusal({ id, status }: JobInfo, verb: JobVerb | 'dismiss'): MonitorError {
  return new MonitorError(`Job '${id}' in state '${status}' cannot accept command verb '${verb}'`);
}
