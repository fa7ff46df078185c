/** Something that runs guests. */
import type { GuestName } from '../guests.ts';
import type { Job, RunResult } from './session.ts';

/** One guest on the host's disk. */
export interface Files {
  readonly guest: GuestName;
  /** ELF with a PVH entry, or a bzImage. */
  readonly kernel: string;
  /** With the bench archive behind it. */
  readonly initrd: string;
  /** The static program with the kernels in C; absent where there is no compiler. */
  readonly program: string | undefined;
}

export interface Runner {
  readonly name: string;
  readonly guests: readonly GuestName[];
  /** What ran, with its version. Throws when it is not there. */
  version(): Promise<string>;
  run(files: Files, job: Job, limitMs: number): Promise<RunResult>;
}
