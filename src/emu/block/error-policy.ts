/**
 * What becomes of a request that a host's image refuses. QEMU: `rerror`, `werror` and the I/O status of a BlockBackend.
 *
 * | policy | the request | the machine |
 * |---|---|---|
 * | report | fails for the guest | goes on |
 * | ignore | is told to the guest as done | goes on |
 * | stop | waits, and is tried again | pauses, until `cont` |
 * | enospc | as stop when the host has no room, else as report | |
 *
 * A device asks `IoErrorListener` (`block-errors.ts`) what to do, and gives a request that is to wait to `DriveGate.keep`.
 */
import type { BlockError } from './block-backend.ts';
import type { Direction } from './block-transfer.ts';

export type ErrorPolicy = 'report' | 'ignore' | 'enospc' | 'stop';
/** What is done about one error. */
export type ErrorAction = 'report' | 'ignore' | 'stop';
export type IoStatus = 'ok' | 'failed' | 'nospace';
export type ErrorPolicies = Readonly<Record<Direction, ErrorPolicy>>;

export const DEFAULT_POLICIES: ErrorPolicies = { read: 'report', write: 'enospc' };

/** A drive's policies, and its I/O status. */
export class DriveErrors {
  #policies = DEFAULT_POLICIES;
  #isTold = false;
  #status: IoStatus = 'ok';

  get policies(): ErrorPolicies {
    return this.#policies;
  }

  setPolicies(policies: Partial<ErrorPolicies>): void {
    this.#policies = { ...this.#policies, ...policies };
  }

  /** A device that knows of the status has the drive. QEMU: blk_iostatus_enable. */
  tellStatus(): void {
    this.#isTold = true;
    this.#status = 'ok';
  }

  /** Undefined: no error can stop the machine, so that there is none. */
  get status(): IoStatus | undefined {
    const { read, write } = this.#policies;
    const canStop = read === 'stop' || write === 'stop' || write === 'enospc';
    return this.#isTold && canStop ? this.#status : undefined;
  }

  /** What is done about an error; one that stops the machine becomes the status, unless another one is there. */
  actionOn(operation: Direction, { code }: BlockError): ErrorAction {
    const policy = this.#policies[operation];
    const isNoSpace = code === 'ENOSPC';
    if (policy === 'enospc' && !isNoSpace) return 'report';
    if (policy !== 'enospc' && policy !== 'stop') return policy;
    if (this.#status === 'ok') this.#status = isNoSpace ? 'nospace' : 'failed';
    return 'stop';
  }

  /** `cont` was given. */
  resetStatus(): void {
    this.#status = 'ok';
  }
}
