/** What `scripts/record-qmp.ts` and others recorded: packets and their answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const GOLDEN = join(import.meta.dirname, '../golden');

export interface QmpStep {
  readonly packet: string;
  readonly answers: readonly string[];
}

/** Reads `name`.txt in a folder of tests/golden. */
export function qmpFlow(name: string, folder = 'qmp'): readonly QmpStep[] {
  const steps: { packet: string; answers: string[] }[] = [];
  for (const line of readFileSync(join(GOLDEN, folder, `${name}.txt`), 'utf8').split('\n')) {
    if (line.startsWith('>>> ')) steps.push({ packet: JSON.parse(line.slice(4)) as string, answers: [] });
    else if (line.startsWith('<<< ')) steps.at(-1)?.answers.push(line.slice(4));
  }
  return steps;
}
