/** Something that runs the guest. */
import type { Job, RunResult } from './session.ts';

export interface Files {
  /** The kernel as ELF, and the initrd with the bench archive behind it. */
  readonly kernel: string;
  readonly initrd: string;
  /** The static program with the kernels in C; absent where there is no compiler. */
  readonly program: string | undefined;
}

export interface Runner {
  readonly name: string;
  /** What ran, with its version. Throws when it is not there. */
  version(): Promise<string>;
  run(job: Job, limitMs: number): Promise<RunResult>;
}

export const CACHE = '.cache/bench';
