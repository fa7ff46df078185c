/** Whether the guest runs, and if not, why. Spec: QEMU qapi/run-state.json. */

import type { MachineEvents } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';

export const RUN_STATES = [
  'prelaunch',
  'running',
  'paused',
  'debug',
  'suspended',
  'shutdown',
  'io-error',
  'internal-error',
  'guest-panicked',
  'watchdog',
] as const;
export type RunState = (typeof RUN_STATES)[number];

/** Where `cont` refuses until the machine is reset. */
const NEEDS_RESET: readonly RunState[] = ['shutdown', 'internal-error'];

/** The machine's run state; the run loop listens, everybody else asks for changes here. */
export class RunControl {
  readonly #events: MachineEvents;
  readonly #onChange: (running: boolean) => void;
  #state: RunState = 'prelaunch';
  /** The vCPUs are held still: whether they are to run afterwards. */
  #held: { resumes: boolean } | undefined;

  /** @param onChange told when the vCPUs are to start or to stop */
  constructor(events: MachineEvents, onChange: (running: boolean) => void = () => {}) {
    this.#events = events;
    this.#onChange = onChange;
  }

  get state(): RunState {
    return this.#state;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  /** Stops the vCPUs; without effect when they do not run. */
  stop(state: RunState = 'paused'): void {
    if (this.#held !== undefined) this.#held.resumes = false;
    if (this.#state === 'running' || this.#state === 'suspended') {
      const ran = this.running;
      this.#state = state;
      if (ran) this.#onChange(false);
      this.#events.emit({ event: 'STOP', data: undefined });
    } else if (state !== 'paused') {
      this.#state = state;
    }
  }

  /** The machine ends. QEMU: that the vCPUs stop is told nobody then. */
  end(): void {
    const ran = this.running;
    this.#state = 'shutdown';
    if (ran) this.#onChange(false);
  }

  /** Lets the vCPUs run. QEMU: refused until a reset once the guest is off or the machine is broken. */
  cont(): MonitorError | undefined {
    if (NEEDS_RESET.includes(this.#state)) {
      return new MonitorError('Resetting the Virtual Machine is required');
    }
    if (this.running || this.#state === 'suspended') return undefined;
    if (this.#held !== undefined) {
      this.#held.resumes = true;
      return undefined;
    }
    this.#state = 'running';
    this.#events.emit({ event: 'RESUME', data: undefined });
    this.#onChange(true);
    return undefined;
  }

  /** Stops the vCPUs, and keeps them still until `release`: who lets them run or stops them meanwhile decides what they do then. */
  hold(): void {
    const resumes = this.running;
    this.stop();
    this.#held = { resumes };
  }

  release(): void {
    const resumes = this.#held?.resumes === true;
    this.#held = undefined;
    if (resumes) this.cont();
  }

  /** The guest sleeps (S3): not stopped by the user, yet no vCPU runs. */
  suspend(): void {
    if (!this.running) return;
    this.#state = 'suspended';
    this.#onChange(false);
    this.#events.emit({ event: 'SUSPEND', data: undefined });
  }

  wakeUp(): MonitorError | undefined {
    if (this.#state !== 'suspended') {
      return new MonitorError('Unable to wake up: guest is not in suspended state');
    }
    this.#state = 'running';
    this.#onChange(true);
    this.#events.emit({ event: 'WAKEUP', data: undefined });
    return undefined;
  }

  /** After a reset of the board. QEMU: a machine that does not run waits for `cont`, a sleeping one runs. */
  machineReset(): void {
    if (this.#state === 'suspended') this.wakeUp();
    else if (!this.running) this.#state = 'prelaunch';
  }

  /** A snapshot was restored: it says the state, without events. */
  restore(state: RunState): void {
    this.#state = state;
  }
}
