/** -action, and the options that are short for it: what is done when a guest resets, ends or crashes. Texts are QEMU's. */
import { WATCHDOG_ACTIONS } from '../core/machine-events.ts';
import {
  type ActionChoice,
  actionsOf,
  chosenActions,
  type GuestActions,
  PANIC_ACTIONS,
  REBOOT_ACTIONS,
  SHUTDOWN_ACTIONS,
} from '../machine/guest-actions.ts';
import type { OptionGroup } from './options-memory.ts';
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

/** What each event may be answered with. */
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  reboot: REBOOT_ACTIONS,
  shutdown: SHUTDOWN_ACTIONS,
  panic: PANIC_ACTIONS,
  watchdog: WATCHDOG_ACTIONS,
};

/**
 * What all of them say together, of which the later counts. Throws StartError.
 * @param group splits the value of an option
 */
export function readActions(
  given: readonly GivenOption[],
  group: (option: GivenOption) => OptionGroup,
): GuestActions {
  let actions = actionsOf({});
  for (const option of given) {
    if (option.name === 'no-reboot') actions = { ...actions, noReboot: true };
    else if (option.name === 'no-shutdown') actions = { ...actions, noShutdown: true };
    else if (option.name === 'watchdog-action') {
      actions = { ...actions, ...chosenAction('watchdog', option.value, option.at) };
    } else if (option.name === 'action') actions = { ...actions, ...readAction(group(option)) };
  }
  return actions;
}

/** QEMU: names are judged before values. */
function readAction({ options, at }: OptionGroup): Partial<GuestActions> {
  const unknown = options.entries.find(([event]) => !Object.hasOwn(EVENTS, event))?.[0];
  if (unknown !== undefined) throw startError(`Invalid parameter '${unknown}'`, at);
  if (options.id !== undefined) throw startError("Invalid parameter 'id'", at);
  let actions: Partial<GuestActions> = {};
  for (const [event, action] of options.entries) {
    actions = { ...actions, ...chosenAction(event, action, at) };
  }
  return actions;
}

function chosenAction(event: string, action: string, at: GivenOption['at']): Partial<GuestActions> {
  if (EVENTS[event]?.includes(action) !== true) {
    throw startError(`Parameter '${event}' does not accept value '${action}'`, at);
  }
  return chosenActions({ [event]: action } as ActionChoice);
}
