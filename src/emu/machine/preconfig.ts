/**
 * The time before the machine is complete, which QEMU's -preconfig lets a manager use: monitors are there, but few commands are, until one of them
 * asks for the rest of the machine.
 */
import { MonitorError } from '../core/monitor-error.ts';

export class Preconfig {
  #complete: (() => Promise<void>) | undefined;
  #isEnding = false;

  /** The machine is not complete: monitors refuse most commands. */
  get isOn(): boolean {
    return this.#complete !== undefined;
  }

  /** @param complete makes what the machine lacks; it is called once, by `end` */
  begin(complete: () => Promise<void>): void {
    this.#complete = complete;
  }

  /** Completes the machine. Rejects with QEMU's error when it is complete, or already being completed. */
  async end(): Promise<void> {
    if (this.#complete === undefined || this.#isEnding) {
      throw new MonitorError('The command is permitted only before machine initialization');
    }
    this.#isEnding = true;
    await this.#complete();
    this.#complete = undefined;
  }
}
