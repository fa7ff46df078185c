/** What is done when a guest resets, ends or crashes: chosen by -action and `set-action`. Spec: QEMU qapi/run-state.json. */
import type { WatchdogAction } from '../core/machine-events.ts';
import type { MachineConfig, PanicAction } from './machine-config.ts';

export interface GuestActions {
  /** A reset ends the machine. */
  readonly noReboot: boolean;
  /** A guest that is off leaves the machine there. */
  readonly noShutdown: boolean;
  readonly panicAction: PanicAction;
  readonly watchdogAction: WatchdogAction;
}

export const REBOOT_ACTIONS = ['reset', 'shutdown'] as const;
export const SHUTDOWN_ACTIONS = ['poweroff', 'pause'] as const;
export const PANIC_ACTIONS: readonly PanicAction[] = ['pause', 'shutdown', 'exit-failure', 'none'];

/** What a user chooses for each event. */
export interface ActionChoice {
  readonly reboot?: (typeof REBOOT_ACTIONS)[number] | undefined;
  readonly shutdown?: (typeof SHUTDOWN_ACTIONS)[number] | undefined;
  readonly panic?: PanicAction | undefined;
  readonly watchdog?: WatchdogAction | undefined;
}

export function chosenActions({ reboot, shutdown, panic, watchdog }: ActionChoice): Partial<GuestActions> {
  return {
    ...(reboot === undefined ? {} : { noReboot: reboot === 'shutdown' }),
    ...(shutdown === undefined ? {} : { noShutdown: shutdown === 'pause' }),
    ...(panic === undefined ? {} : { panicAction: panic }),
    ...(watchdog === undefined ? {} : { watchdogAction: watchdog }),
  };
}

export function actionsOf(config: Pick<MachineConfig, keyof GuestActions>): GuestActions {
  const { noReboot = false, noShutdown = false, panicAction = 'shutdown', watchdogAction = 'reset' } = config;
  return { noReboot, noShutdown, panicAction, watchdogAction };
}
