/** The snapshots of a running machine, as monitors ask for them: one at a time, while the machine stands still. */
import type { Plain } from '../core/plain.ts';
import { NO_SNAPSHOTS, type SnapshotStore } from '../core/snapshot-store.ts';
import type { Machine } from './machine.ts';
import { type MachineSnapshot, saveStanding } from './saved-machine.ts';
import { type PreparedRestore, prepareRestore, savedRamBytes } from './snapshot-in-place.ts';

/** What of the host they need. */
export interface SnapshotHost {
  readonly snapshots?: SnapshotStore;
  /** Milliseconds since 1970. */
  wallClockMs(): number;
}

export class MachineSnapshots {
  /** Where the host keeps them. */
  readonly store: SnapshotStore;
  /** The host's, whatever the guest is told. */
  readonly wallClockMs: () => number;
  readonly #machine: Machine;
  #busy: Promise<void> | undefined;

  constructor(machine: Machine, host: SnapshotHost) {
    this.#machine = machine;
    this.store = host.snapshots ?? NO_SNAPSHOTS;
    this.wallClockMs = () => host.wallClockMs();
  }

  /** Resolves when the machine may be changed again; undefined: it may now. QEMU: all other monitors wait, too. */
  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  /** Does `work` while the machine stands still and nobody else changes it; then it runs again, if it did. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#busy !== undefined) await this.#busy;
    let resolve = (): void => {};
    this.#busy = new Promise((done) => {
      resolve = done;
    });
    const { runControl, drives } = this.#machine;
    runControl.hold();
    try {
      await drives.settled();
      await drives.drained();
      return await work();
    } finally {
      this.#busy = undefined;
      resolve();
      runControl.release();
    }
  }

  /** Calls back at once, or when the machine may be changed again. */
  whenFree(change: () => void): void {
    if (this.#busy === undefined) change();
    else void this.#busy.then(() => this.whenFree(change));
  }

  /** All of the machine but what its disks hold; RAM is its own. Only inside of `alone`. Rejects with `SnapshotError`. */
  save(): Promise<MachineSnapshot> {
    return saveStanding(this.#machine);
  }

  /** Bytes of all RAM of the machine that was saved. Throws `SnapshotError`. */
  ramBytes(head: Plain): number {
    return savedRamBytes(head);
  }

  /** Only inside of `alone`. Throws `SnapshotError`; then nothing has changed. */
  prepare(head: Plain, state: Plain): PreparedRestore {
    return prepareRestore(this.#machine, head, state);
  }

  /** Instructions so far, for a machine whose clock counts them. */
  get icount(): number | undefined {
    return this.#machine.config.icountShift === undefined ? undefined : this.#machine.retiredInstructions;
  }

  /** Virtual time, in nanoseconds. */
  get clockNs(): number {
    return this.#machine.clock.nowNs();
  }

  /** A snapshot is in the machine in parts: only a reset makes it whole again. */
  brokenOff(): void {
    this.#machine.runControl.stop('internal-error');
  }
}
