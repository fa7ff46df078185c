/** The user is asked before anything is lost that the guest has not yet written to its disks. */
import type { DriveRow, PageState } from '../workers/protocol.ts';
import { openForm } from './dialog.ts';

/** In these states Linux lives and may hold data that it has not yet written. */
const LIVE: readonly PageState[] = ['running', 'paused', 'suspended', 'io-error'];

/** What the user asked for and may regret. */
export interface RiskyAction {
  readonly title: string;
  /** What happens, as a sentence. */
  readonly text: string;
  readonly submit: string;
  run(): Promise<void>;
}

/** Runs the action at once when nothing can be lost: the guest is off, or no disk is plugged that it may write to. Else asks first. */
export async function runOrAsk(
  action: RiskyAction,
  state: PageState,
  drives: readonly DriveRow[],
): Promise<void> {
  const atRisk = LIVE.includes(state) ? drives.filter(mayLose) : [];
  if (atRisk.length === 0) {
    await action.run();
    return;
  }
  const names = listed(atRisk.map(({ id, path }) => `${id} (${path})`));
  openForm({
    title: action.title,
    text: `${action.text} What Linux has not yet written to ${names} is lost. To keep it, cancel, and type sync or umount in the guest first, or press Power to shut Linux down.`,
    submit: action.submit,
    danger: true,
    submitted: async () => {
      await action.run();
      return undefined;
    },
  });
}

function mayLose({ attached, readOnly, path }: DriveRow): boolean {
  return attached && !readOnly && path !== undefined;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Makes the browser ask before it leaves the page, in its own words, while `wouldLose` returns true. */
export function guardPage(wouldLose: () => boolean): void {
  window.addEventListener('beforeunload', (event) => {
    if (wouldLose()) event.preventDefault();
  });
}
