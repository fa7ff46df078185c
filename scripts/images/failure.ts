import { spawnSync } from 'node:child_process';

/** A failure that the user can act on: one sentence that says what to do. */
export class ImageError extends Error {
  override name = 'ImageError';
}

const FULL_DISK = /No space left on device|ENOSPC/;

/** The sentence for a full disk. */
export const FULL_DISK_ADVICE = 'The disk is full: free about 1 GB and run `npm run images` again.';

/** One sentence for any error; the error's own text when it is already one. */
export function explain(error: unknown): string {
  if (error instanceof ImageError) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  if (FULL_DISK.test(text)) return FULL_DISK_ADVICE;
  const [, forbidden] = /^E(?:ACCES|PERM|ROFS):.*'(.*)'$/.exec(text) ?? [];
  if (forbidden !== undefined)
    return `${forbidden} cannot be written: give yourself the directory and try again.`;
  return `Building the guest image failed (${text}): delete .cache/images and run \`npm run images\` again.`;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: Uint8Array;
  readonly allowFailure?: boolean;
}

/** Standard output of a program; ImageError when it is missing or fails, unless failure is allowed. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Buffer {
  const result = spawnSync(program, args, {
    cwd: options.cwd,
    input: options.input,
    maxBuffer: 512 << 20,
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (result.error !== undefined) {
    if ('code' in result.error && result.error.code === 'ENOENT') {
      throw new ImageError(`The program ${program} is missing: run \`npm run images\` on a Debian system.`);
    }
    throw result.error;
  }
  if (result.status !== 0 && options.allowFailure !== true) {
    const complaint = result.stderr.toString().trim();
    if (FULL_DISK.test(complaint)) throw new ImageError(FULL_DISK_ADVICE);
    throw new Error(
      `${program} ${args[0] ?? ''}: ${complaint.split('\n').at(-1) ?? `status ${result.status}`}`,
    );
  }
  return result.stdout;
}
