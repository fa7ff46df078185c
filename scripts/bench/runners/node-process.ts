/** A Node process that runs one job and prints what it measured. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { workDirectory } from '../cache.ts';
import type { Job, RunResult } from './session.ts';

const execute = promisify(execFile);

export interface Order {
  readonly kernel: string;
  readonly initrd: string;
  readonly job: Job;
  readonly limitMs: number;
}

/** In the bench: starts the bundled program with an order and waits for its result. */
export async function runNode(program: string, order: Order): Promise<RunResult> {
  const file = join(workDirectory(), 'order.json');
  writeFileSync(file, JSON.stringify(order));
  const { stdout } = await execute(process.execPath, [program, file]);
  return JSON.parse(stdout) as RunResult;
}

/** In the program: its order. */
export function readOrder<T extends Order>(): T {
  return JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as T;
}

/** In the program: hands the result over and ends. */
export function finish(result: RunResult): never {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}
