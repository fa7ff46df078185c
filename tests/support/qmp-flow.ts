/** What `scripts/record-qmp.ts` recorded: packets and their answers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const GOLDEN = join(import.meta.dirname, '../golden/qmp');

export interface QmpStep {
  readonly packet: string;
  readonly answers: readonly string[];
}

/** Reads tests/golden/qmp/`name`.txt. */
export function qmpFlow(name: string): readonly QmpStep[] {
  const steps: { packet: string; answers: string[] }[] = [];
  for (const line of readFileSync(join(GOLDEN, `${name}.txt`), 'utf8').split('\n')) {
    if (line.startsWith('>>> ')) steps.push({ packet: JSON.parse(line.slice(4)) as string, answers: [] });
    else if (line.startsWith('<<< ')) steps.at(-1)?.answers.push(line.slice(4));
  }
  return steps;
}
