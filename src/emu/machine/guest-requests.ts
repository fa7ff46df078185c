/** What a guest orders of its machine in the middle of an instruction: it is done after that. */
import type { PowerEvents } from '../chipset/piix4-pm.ts';
import type { MachineEvents, ShutdownCause } from '../core/machine-events.ts';
import type { Trace } from '../core/trace.ts';

export interface GuestRequestsWiring {
  readonly events: MachineEvents;
  readonly trace: Trace;
  /** Something is to be done soon. */
  readonly requestExit: () => void;
}

export class GuestRequests {
  resetReason: ShutdownCause | undefined;
  powerOff = false;
  readonly #wiring: GuestRequestsWiring;

  constructor(wiring: GuestRequestsWiring) {
    this.#wiring = wiring;
  }

  requestReset(reason: ShutdownCause): void {
    this.resetReason = reason;
    this.#wiring.requestExit();
  }

  /** What the guest orders of the power management. */
  get power(): PowerEvents {
    const { events, trace } = this.#wiring;
    return {
      powerOff: () => this.#requestPowerOff(),
      suspendToRam: () => trace.unimplemented('suspend to RAM'),
      suspendToDisk: () => {
        events.emit({ event: 'SUSPEND_DISK', data: undefined });
        this.#requestPowerOff();
      },
    };
  }

  #requestPowerOff(): void {
    this.powerOff = true;
    this.#wiring.requestExit();
  }
}
