/** The program as a user starts it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

export const PROGRAM = join(import.meta.dirname, '../../bin/hotslot-system-x86_64');
export const BOOT_MS = 240_000;
export const ANSWER_MS = 30_000;
export const PROMPT = 'guest# ';

/** A started program, and what it wrote. */
export class Run {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], folder: string) {
    this.process = spawn(PROGRAM, args, { cwd: folder });
    this.process.stdout.on('data', (bytes: Buffer) => {
      this.stdout += bytes.toString('latin1');
    });
    this.process.stderr.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString('latin1');
    });
    this.process.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.process.on('close', resolve);
    });
  }

  type(text: string): void {
    this.process.stdin.write(text, 'latin1');
  }

  /** Waits for `text` on standard output and takes all up to its end. */
  async until(text: string, ms = ANSWER_MS): Promise<string> {
    await eventually(
      () => this.stdout.includes(text),
      ms,
      () => `${text} in ${this.stdout.slice(-2000)} ${this.stderr}`,
    );
    const end = this.stdout.indexOf(text) + text.length;
    const taken = this.stdout.slice(0, end);
    this.stdout = this.stdout.slice(end);
    return taken;
  }
}

export async function eventually(what: () => boolean, ms: number, told: () => string): Promise<void> {
  const until = performance.now() + ms;
  while (!what()) {
    if (performance.now() > until) throw new Error(`waited in vain for ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * A connection to a path or a port of this host, as soon as somebody listens: a socket is there a moment before. Rejects when nobody does in
 * time.
 */
export async function connected(where: string | number): Promise<Socket> {
  for (const end = performance.now() + ANSWER_MS; ; ) {
    const socket = typeof where === 'string' ? connect(where) : connect(where, '127.0.0.1');
    const error = await new Promise<unknown>((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('error', resolve);
    });
    if (error === undefined) return socket;
    if (performance.now() > end) throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
