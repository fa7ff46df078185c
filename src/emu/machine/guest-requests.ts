/** What a guest orders of its machine in the middle of an instruction: it is done after that. */
import { GUEST_EXIT } from '../chipset/isa-debug-exit.ts';
import type { PowerEvents } from '../chipset/piix4-pm.ts';
import { GUEST_PANIC, type GuestPanic } from '../chipset/pvpanic.ts';
import { WATCHDOG_EXPIRY } from '../chipset/watchdog.ts';
import type { GuestPanicAction, MachineEvents, ShutdownCause } from '../core/machine-events.ts';
import type { Trace } from '../core/trace.ts';
import type { Services } from '../qdev/services.ts';
import type { GuestActions } from './guest-actions.ts';
import type { RunControl } from './run-state.ts';

export interface GuestRequestsWiring {
  readonly events: MachineEvents;
  readonly trace: Trace;
  readonly runControl: RunControl;
  /** A vCPU is in the middle of an instruction. */
  readonly isInside: () => boolean;
  /** Something is to be done soon. */
  readonly requestExit: () => void;
  readonly reset: (reason: ShutdownCause) => void;
  /** The guest is off. */
  readonly onQuit: () => void;
  /** The machine ends for good, and the program with this status. */
  readonly end: (exitStatus: number) => void;
  readonly nmi: () => void;
  readonly powerButton: () => void;
  /** To whoever runs the machine. */
  readonly printLine: (line: string) => void;
}

/** QEMU: a machine that stays when its guest is off also stays when it has crashed. */
function panicActionOf({ panicAction, noShutdown }: GuestActions): GuestPanicAction {
  if (panicAction === 'none') return 'run';
  if (panicAction === 'pause') return 'pause';
  return panicAction !== 'exit-failure' && noShutdown ? 'pause' : 'poweroff';
}

export class GuestRequests {
  resetReason: ShutdownCause | undefined;
  powerOff = false;
  actions: GuestActions;
  /** The guest has crashed, and nothing was done about it yet. */
  #isPanicked = false;
  /** The guest has ended the machine, which it does not know yet. */
  #exitStatus: number | undefined;
  readonly #wiring: GuestRequestsWiring;

  constructor(wiring: GuestRequestsWiring, actions: GuestActions) {
    this.#wiring = wiring;
    this.actions = actions;
  }

  /** Gives devices the ways in which a guest can ask for something. */
  provide(services: Services): void {
    services.provide(GUEST_PANIC, this.panic);
    services.provide(GUEST_EXIT, (status) => this.#requestExit(status));
    services.provide(WATCHDOG_EXPIRY, () => this.#watchdogExpired());
  }

  requestReset(reason: ShutdownCause): void {
    this.resetReason = reason;
    this.#wiring.requestExit();
  }

  /** The same for one that is asked for between two instructions. */
  resetNow(reason: ShutdownCause): void {
    this.requestReset(reason);
    if (!this.#wiring.isInside()) this.service();
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

  /** What the guest says of its own crash. QEMU: the event is told at once, and the machine stops after the instruction. */
  get panic(): GuestPanic {
    const { events, trace, isInside, requestExit } = this.#wiring;
    return {
      panicked: () => {
        const action = panicActionOf(this.actions);
        trace.guestError('Guest crashed');
        events.emit({ event: 'GUEST_PANICKED', data: { action } });
        if (action === 'run') return;
        this.#isPanicked = true;
        if (isInside()) requestExit();
        else this.#endPanic(true);
      },
      crashLoaded: () => {
        trace.guestError('Guest crash loaded');
        events.emit({ event: 'GUEST_CRASHLOADED', data: { action: 'run' } });
      },
    };
  }

  /** Does what the guest asked for. True: something was done. */
  service(): boolean {
    if (this.#exitStatus !== undefined) {
      this.#wiring.end(this.#exitStatus);
      this.#exitStatus = undefined;
      return true;
    }
    if (this.#isPanicked) {
      this.#endPanic(false);
      return true;
    }
    if (this.powerOff) {
      this.powerOff = false;
      this.#shutDown('guest-shutdown');
      return true;
    }
    const reason = this.resetReason;
    if (reason === undefined) return false;
    this.resetReason = undefined;
    if (this.actions.noReboot) this.#shutDown(reason);
    else this.#wiring.reset(reason);
    return true;
  }

  /** The machine is reset: its guest has not crashed any more. */
  forgetPanic(): void {
    this.#isPanicked = false;
  }

  /** A watchdog was not fed in time, which its timer finds out between two instructions. */
  #watchdogExpired(): void {
    const { events, runControl, nmi, powerButton, printLine } = this.#wiring;
    const action = this.actions.watchdogAction;
    events.emit({ event: 'WATCHDOG', data: { action } });
    if (action === 'reset') this.requestReset('guest-reset');
    else if (action === 'shutdown') powerButton();
    else if (action === 'poweroff') this.#requestExit(0);
    else if (action === 'pause') runControl.stop('watchdog');
    else if (action === 'debug') printLine('watchdog: timer fired');
    else if (action === 'inject-nmi') nmi();
  }

  /** QEMU: nobody is told that the machine ends. */
  #requestExit(status: number): void {
    const { isInside, requestExit, end } = this.#wiring;
    if (!isInside()) {
      end(status);
      return;
    }
    this.#exitStatus ??= status;
    requestExit();
  }

  #requestPowerOff(): void {
    this.powerOff = true;
    this.#wiring.requestExit();
  }

  #shutDown(reason: ShutdownCause): void {
    const { events, runControl, onQuit } = this.#wiring;
    events.emit({ event: 'SHUTDOWN', data: { guest: true, reason } });
    runControl.stop('shutdown');
    onQuit();
  }

  /** QEMU: where no vCPU was in the middle of an instruction, as when a monitor writes the register, the machine stops before it ends. */
  #endPanic(isOutside: boolean): void {
    this.#isPanicked = false;
    const { runControl } = this.#wiring;
    const stays = panicActionOf(this.actions) === 'pause';
    if ((stays || isOutside) && runControl.running) runControl.stop('guest-panicked');
    if (!stays) this.#shutDown('guest-panic');
  }
}
