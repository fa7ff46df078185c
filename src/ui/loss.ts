/** Before something is lost that the guest has not yet written to its disks, the user is asked. */
import type { DriveRow, PageState } from '../workers/protocol.ts';
import { openForm } from './dialog.ts';

/** In these states Linux lives and may hold data that it has not yet written. */
const LIVE: readonly PageState[] = ['running', 'paused', 'suspended', 'io-error'];

export interface Deed {
  readonly title: string;
  /** What happens, as a sentence. */
  readonly text: string;
  readonly submit: string;
  run(): Promise<void>;
}

/** Does it at once when nothing can be lost: no disk is plugged that the guest may write to, or the guest is off. */
export async function doOrAsk(deed: Deed, state: PageState, drives: readonly DriveRow[]): Promise<void> {
  const atRisk = LIVE.includes(state) ? drives.filter(mayLose) : [];
  if (atRisk.length === 0) {
    await deed.run();
    return;
  }
  const names = listed(atRisk.map(({ id, path }) => `${id} (${path})`));
  openForm({
    title: deed.title,
    text: `${deed.text} What Linux has not yet written to ${names} is lost. To keep it, cancel, and type sync or umount in the guest first, or press Power to shut Linux down.`,
    submit: deed.submit,
    danger: true,
    submitted: async () => {
      await deed.run();
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

/** The browser asks before it leaves the page while `wouldLose` says true; the words are the browser's own. */
export function guardPage(wouldLose: () => boolean): void {
  window.addEventListener('beforeunload', (event) => {
    if (wouldLose()) event.preventDefault();
  });
}
