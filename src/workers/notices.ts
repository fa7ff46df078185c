/** What the worker has to say to the user, in sentences. */
import type { Notice } from './protocol.ts';
import type { StorageNotice } from './storage/open-storage.ts';
import { errorText, UserError } from './user-error.ts';

/** QEMU ends at once; what the page adds is where the data are. */
export const QUIT_NOTICE: Notice = {
  level: 'info',
  text: 'The monitor’s quit ended the machine, or a device by which its guest may end it.',
  detail:
    'Its disks are closed; all that the guest had written to them is stored. What Linux had not yet written is lost, as when a PC is switched off. Start switches on a new machine.',
};

export function storageNotice({ kind, message }: StorageNotice): Notice {
  if (kind === 'storage-error') return { level: 'error', text: message };
  const detail =
    'Download what you want to keep, or open this page in its own tab over https or on localhost.';
  return { level: 'warning', text: message, detail };
}

export function couldNotStore(error: unknown): Notice {
  return { level: 'error', text: `Could not store the disks: ${errorText(error)}.` };
}

/** Something could not be done; what is not the user's or the network's fault is one of ours. */
export function failure(error: unknown, tail: readonly string[] = []): Notice {
  if (error instanceof UserError) return { level: 'error', text: error.message, detail: error.detail };
  return fault(error, tail);
}

/** The guest has used more memory than the browser gave. */
export function outOfMemory({ message }: Error): Notice {
  return {
    level: 'error',
    text: message,
    detail: 'What it had flushed to its disks is kept. Start or Cold boot starts the guest again.',
  };
}

/**
 * A fault of ours.
 * @param tail the last messages of the machine's trace
 */
export function fault(error: unknown, tail: readonly string[] = []): Notice {
  return {
    level: 'error',
    text: `The emulator stopped by a fault of its own: ${errorText(error)}.`,
    detail:
      'What the guest had flushed to its disks is kept. Start or Cold boot starts the guest again. Please report this with the details below.',
    report: faultReport(error, tail),
  };
}

function faultReport(error: unknown, tail: readonly string[]): string {
  const stack = error instanceof Error && error.stack !== undefined ? error.stack : '';
  // Firefox's stacks do not begin with the message.
  const trace = stack.includes(errorText(error)) ? stack : `${errorText(error)}\n${stack}`;
  return [`Hotslot, ${navigator.userAgent}`, trace.trim(), 'Last messages of the machine:', ...tail].join(
    '\n',
  );
}

/** Somebody typed or pasted more than is kept for the machine. */
export function inputLost(who: string): Notice {
  const text = `The ${who} has not taken what was typed or pasted before, so the last of it is lost.`;
  return { level: 'warning', text };
}
