/** Asks a real QEMU by QMP. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export const QEMU = 'qemu-system-x86_64';
export const BARE = ['-nodefaults', '-display', 'none', '-accel', 'tcg'];

export type Values = Record<string, unknown>;

export interface Answers {
  readonly results: readonly unknown[];
  readonly warnings: string;
}

/** Starts QEMU, asks, and ends it. A refused question answers undefined. */
export function ask(
  args: readonly string[],
  questions: readonly { readonly execute: string; readonly arguments?: Values }[],
): Promise<Answers> {
  return new Promise((resolve) => {
    const qemu = spawn(QEMU, [...BARE, '-S', '-qmp', 'stdio', ...args]);
    const results: unknown[] = [];
    let warnings = '';
    qemu.stderr.on('data', (text: Buffer) => {
      warnings += text.toString();
    });
    createInterface(qemu.stdout).on('line', (line) => {
      const answer: Values = JSON.parse(line);
      if ('return' in answer || 'error' in answer) results.push(answer['return']);
    });
    const all = [{ execute: 'qmp_capabilities' }, ...questions, { execute: 'quit' }];
    qemu.stdin.on('error', () => {});
    qemu.stdin.write(all.map((question) => `${JSON.stringify(question)}\n`).join(''));
    qemu.on('close', () => resolve({ results: results.slice(1), warnings }));
  });
}
