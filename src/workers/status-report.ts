import type { WorkerMachine } from './machine-types.ts';
import { MipsMeter } from './mips-meter.ts';
import { type MachineStatus, type PageState, statusWithoutMachine } from './protocol.ts';

const INTERVAL_MS = 500;

/** Tells the page what the machine does and how fast. */
export class StatusReport {
  readonly #tell: (status: MachineStatus) => void;
  readonly #meter = new MipsMeter();
  #last: MachineStatus = statusWithoutMachine('loading');
  #atMs = 0;

  constructor(tell: (status: MachineStatus) => void) {
    this.#tell = tell;
  }

  /** Tells again what was told last. */
  repeat(): void {
    this.#tell(this.#last);
  }

  /** Another machine: its speed is not that of the one before. */
  clear(): void {
    this.#meter.clear();
  }

  /** After a slice: tells when the state has changed, or from time to time. */
  poll(state: PageState, machine: WorkerMachine | undefined): void {
    if (state !== this.#last.state || performance.now() - this.#atMs >= INTERVAL_MS)
      this.report(state, machine);
  }

  report(state: PageState, machine: WorkerMachine | undefined): void {
    const now = performance.now();
    const instructions = machine?.retiredInstructions ?? 0;
    this.#meter.sample(now, instructions, state === 'running');
    this.#atMs = now;
    this.#last = {
      state,
      mips: this.#meter.mips,
      instructions,
      interpreterOnly: machine?.interpreterOnly ?? false,
    };
    this.repeat();
  }
}
