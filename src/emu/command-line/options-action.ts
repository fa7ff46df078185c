/** -action, and the options that are short for it: what is done when a guest resets, ends or crashes. Texts are QEMU's. */
import type { PanicAction } from '../machine/machine-config.ts';
import type { OptionGroup } from './options-memory.ts';
import type { GivenOption } from './options-split.ts';
import { startError } from './start-error.ts';

export interface Actions {
  /** A reset ends the machine. */
  readonly noReboot: boolean;
  /** A guest that is off leaves the machine there. */
  readonly noShutdown: boolean;
  readonly panicAction: PanicAction;
}

const DEFAULT: Actions = { noReboot: false, noShutdown: false, panicAction: 'shutdown' };

/** What each event may be answered with, and what that means. */
const EVENTS: Readonly<Record<string, Readonly<Record<string, Partial<Actions>>>>> = {
  reboot: { reset: { noReboot: false }, shutdown: { noReboot: true } },
  shutdown: { poweroff: { noShutdown: false }, pause: { noShutdown: true } },
  panic: {
    pause: { panicAction: 'pause' },
    shutdown: { panicAction: 'shutdown' },
    'exit-failure': { panicAction: 'exit-failure' },
    none: { panicAction: 'none' },
  },
  // The board has no watchdog.
  watchdog: { reset: {}, shutdown: {}, poweroff: {}, 'inject-nmi': {}, pause: {}, debug: {}, none: {} },
};

/**
 * What all of them say together, of which the later counts. Throws StartError.
 * @param group splits the value of an option
 */
export function readActions(
  given: readonly GivenOption[],
  group: (option: GivenOption) => OptionGroup,
): Actions {
  let actions = DEFAULT;
  for (const option of given) {
    if (option.name === 'no-reboot') actions = { ...actions, noReboot: true };
    else if (option.name === 'no-shutdown') actions = { ...actions, noShutdown: true };
    else if (option.name === 'action') actions = { ...actions, ...readAction(group(option)) };
  }
  return actions;
}

/** QEMU: names are judged before values. */
function readAction({ options, at }: OptionGroup): Partial<Actions> {
  const unknown = options.entries.find(([event]) => !Object.hasOwn(EVENTS, event))?.[0];
  if (unknown !== undefined) throw startError(`Invalid parameter '${unknown}'`, at);
  if (options.id !== undefined) throw startError("Invalid parameter 'id'", at);
  let actions: Partial<Actions> = {};
  for (const [event, action] of options.entries) {
    const known = EVENTS[event] ?? {};
    if (!Object.hasOwn(known, action)) {
      throw startError(`Parameter '${event}' does not accept value '${action}'`, at);
    }
    actions = { ...actions, ...known[action] };
  }
  return actions;
}
