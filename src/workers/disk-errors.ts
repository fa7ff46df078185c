/** I/O errors of the machine's disks as notices: one for each drive, operation and reason, however many there are. */
import type { MachineEvent } from '../emu/index.ts';
import type { DriveRow, Notice } from './protocol.ts';

export type BlockIoError = Extract<MachineEvent, { readonly event: 'BLOCK_IO_ERROR' }>['data'];

/** A guest repeats what fails; the count on the page goes on no more often than this. */
const QUIET_MS = 5_000;

/** More than a machine has disks and kinds of errors; of more the first are forgotten, and said anew. */
const MAX_SEEN = 256;

/** What to do about an error, by strerror(3)'s text. */
const ADVICE: Readonly<Record<string, string>> = {
  'Operation not permitted':
    'The image was opened without format=, so a write that would make its first sector look like another format is refused. Add the drive again with format=raw.',
  'No space left on device':
    'The browser has no room left. Delete images or free space on this computer, then let the guest write again.',
  'Read-only file system': 'The drive is read-only.',
  'Input/output error': 'The guest was told so, as by a broken disk.',
};

interface Seen {
  count: number;
  postedMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class DiskErrors {
  readonly #post: (notice: Notice) => void;
  readonly #seen = new Map<string, Seen>();

  constructor(post: (notice: Notice) => void) {
    this.#post = post;
  }

  /** Says the first error at once; those that follow are counted. */
  add(error: BlockIoError, drives: readonly DriveRow[]): void {
    const disk = diskName(error, drives);
    const key = `${disk} ${error.operation} ${error.reason}`;
    const seen = this.#seen.get(key) ?? { count: 0, postedMs: Number.NEGATIVE_INFINITY, timer: undefined };
    this.#seen.set(key, seen);
    for (const [oldest, { timer }] of this.#seen) {
      if (this.#seen.size <= MAX_SEEN) break;
      clearTimeout(timer);
      this.#seen.delete(oldest);
    }
    seen.count++;
    if (seen.timer !== undefined) return;
    const say = (): void => {
      seen.timer = undefined;
      seen.postedMs = performance.now();
      const what = error.operation === 'read' ? 'A read from' : 'A write to';
      const text = `${what} ${disk} failed: ${error.reason}.`;
      this.#post({ level: 'error', key, text, detail: ADVICE[error.reason], count: seen.count });
    };
    const waitMs = seen.postedMs + QUIET_MS - performance.now();
    if (waitMs <= 0) say();
    else seen.timer = setTimeout(say, waitMs);
  }

  /** Another machine: what is counted begins anew. */
  clear(): void {
    for (const { timer } of this.#seen.values()) clearTimeout(timer);
    this.#seen.clear();
  }
}

function diskName(error: BlockIoError, drives: readonly DriveRow[]): string {
  const drive = drives.find(({ nodeName }) => nodeName !== undefined && nodeName === error['node-name']);
  if (drive?.path !== undefined) return `disk ${drive.id} (${drive.path})`;
  return error.device === '' ? 'a disk that drive_del took away' : `disk ${error.device}`;
}
