import type { WorkerMachine } from './machine-types.ts';
import type { MachineHardware } from './protocol.ts';

/** Tells the page what the machine is made of, when that has changed. */
export class HardwareReport {
  readonly #tell: (hardware: MachineHardware) => void;
  #told = '';
  #waiting = false;
  #machine: Pick<WorkerMachine, 'hardware'> | undefined;

  constructor(tell: (hardware: MachineHardware) => void) {
    this.#tell = tell;
  }

  /** Something may have changed; looked at once, after all that happens in the same turn. */
  changed(machine: Pick<WorkerMachine, 'hardware'> | undefined): void {
    this.#machine = machine;
    if (this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      const hardware = this.#machine?.hardware();
      const told = JSON.stringify(hardware);
      if (hardware === undefined || told === this.#told) return;
      this.#told = told;
      this.#tell(hardware);
    });
  }
}
