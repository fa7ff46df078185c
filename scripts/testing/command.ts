/** Runs a command with a time limit and keeps what it printed. */
import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly ok: boolean;
  readonly timedOut: boolean;
  readonly output: string;
}

/** Between asking a command to end and ending it. */
const GRACE_MS = 5_000;

/** `limitMs`: the command and all that it started are ended after that time. */
export function runCommand(
  [program = '', ...args]: readonly string[],
  limitMs: number,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = '';
    let timedOut = false;
    // A group of its own, so that a test runner's browsers and servers end with it.
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group is gone already.
      }
    };
    const interrupted = (): void => {
      end('SIGTERM');
      process.exit(130);
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    let grace: NodeJS.Timeout | undefined;
    const limit = setTimeout(() => {
      timedOut = true;
      end('SIGTERM');
      grace = setTimeout(() => end('SIGKILL'), GRACE_MS);
    }, limitMs);
    const finish = (ok: boolean): void => {
      clearTimeout(limit);
      clearTimeout(grace);
      process.off('SIGINT', interrupted);
      process.off('SIGTERM', interrupted);
      resolve({ ok: ok && !timedOut, timedOut, output });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('error', (error) => {
      output += `${error.message}\n`;
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}
