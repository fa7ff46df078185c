/** Whether the guest runs. Spec: QEMU qapi/run-state.json. */
import { WATCHDOG_ACTIONS } from '../../core/machine-events.ts';
import {
  chosenActions,
  PANIC_ACTIONS,
  REBOOT_ACTIONS,
  SHUTDOWN_ACTIONS,
} from '../../machine/guest-actions.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, type Infer, optional, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const RUN_STATE = enumeration('RunState', [
  ...(['debug', 'inmigrate', 'internal-error', 'io-error', 'paused', 'postmigrate', 'prelaunch'] as const),
  ...(['finish-migrate', 'restore-vm', 'running', 'save-vm', 'shutdown', 'suspended', 'watchdog'] as const),
  ...(['guest-panicked', 'colo'] as const),
]);

export const STATUS_INFO = struct({ running: BOOL, singlestep: BOOL, status: RUN_STATE });

export function queryStatus({ runState, trace }: MachineApi): Infer<typeof STATUS_INFO> {
  return { running: runState === 'running', singlestep: trace.log.isSingleStep, status: runState };
}

export const WATCHDOG_ACTION = enumeration('WatchdogAction', WATCHDOG_ACTIONS);

export const RUN_STATE_COMMANDS = [
  command('set-action', {
    args: struct({
      reboot: optional(enumeration('RebootAction', REBOOT_ACTIONS)),
      shutdown: optional(enumeration('ShutdownAction', SHUTDOWN_ACTIONS)),
      panic: optional(enumeration('PanicAction', PANIC_ACTIONS)),
      watchdog: optional(WATCHDOG_ACTION),
    }),
    allowPreconfig: true,
    run: ({ machine }, choice) => machine.setActions(chosenActions(choice)),
  }),
  command('watchdog-set-action', {
    args: struct({ action: WATCHDOG_ACTION }),
    run: ({ machine }, { action }) => machine.setActions({ watchdogAction: action }),
  }),
  command('query-status', {
    returns: STATUS_INFO,
    allowPreconfig: true,
    run: ({ machine }) => queryStatus(machine),
  }),
];
