/** Plays a session to a machine of ours, and reads what QEMU said to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QmpSession, qmpText } from '../../../src/emu/monitor/qmp/session.ts';
import { qtestRig } from '../../support/qtest-rig.ts';
import type { DrivenSession } from './steps.ts';

const TRIES = 200;

export interface Played {
  readonly step: string;
  readonly answers: readonly string[];
}

/** Events come before the answer, or behind it: QEMU's threads decide. */
function inOrder(answers: readonly string[]): readonly string[] {
  const isAnswer = (line: string): boolean => /^\{"(?:return|error)/.test(line);
  return [...answers.filter((line) => !isAnswer(line)), ...answers.filter(isAnswer)];
}

export function recorded(name: string): readonly Played[] {
  const all: { step: string; answers: string[] }[] = [];
  for (const line of readFileSync(join(import.meta.dirname, `${name}.txt`), 'utf8').split('\n')) {
    if (line.startsWith('>>> ')) all.push({ step: line.slice(4), answers: [] });
    else if (line.startsWith('<<< ')) all.at(-1)?.answers.push(normalised(line.slice(4)));
  }
  return all.map(({ step, answers }) => ({ step, answers: inOrder(answers) }));
}

interface Statistics {
  readonly return: readonly { readonly device: string; readonly stats: object }[];
}

/** What differs from run to run, or is the host's. */
function normalised(line: string): string {
  // What is told of nodes is compared by tests/golden/qmp.
  const told = line.includes('"timed_stats"')
    ? JSON.stringify((JSON.parse(line) as Statistics).return.map(({ device, stats }) => ({ device, stats })))
    : line;
  return (
    told
      .replace(/"timestamp": \{"seconds": \d+, "microseconds": \d+\}/, '"timestamp": {}')
      .replaceAll(/#block\d+/g, '#block')
      // Options of a node in their order, which tests/golden/qmp compares.
      .replaceAll(/json:\{.*?\}(?=(?:"|\\r| \(raw))/g, 'json:')
      .replaceAll(/"(\w+_total_time_ns|idle_time_ns|actual-size)": ?\d+/g, '"$1": N')
  );
}

export async function play({ steps }: DrivenSession): Promise<readonly Played[]> {
  const rig = qtestRig();
  let said = '';
  const session = new QmpSession(
    (message) => {
      said += qmpText(message);
    },
    { machine: rig.machine, nowMs: () => 0 },
  );
  session.start();
  const settled = async (): Promise<void> => {
    for (let n = 0; n < 6; n++) {
      await new Promise((resolve) => setImmediate(resolve));
      rig.machine.run(1);
    }
  };
  said = '';
  const all: Played[] = [];
  for (const step of steps) {
    const line = step.slice(step.indexOf(' ') + 1);
    const answers: string[] = [];
    if (step.startsWith('qmp ')) {
      await settled();
      session.input(new TextEncoder().encode(`${line}\n`));
      await settled();
      answers.push(...said.split('\r\n').filter((text) => text !== ''));
      said = '';
    } else if (step.startsWith('qtest ')) {
      const answer = rig.ask(line);
      if (answer !== '') answers.push(answer);
    } else {
      const [command = '', wanted] = line.split(' = ');
      for (let tries = 0; rig.ask(command) !== wanted && tries < TRIES; tries++) await settled();
      const last = rig.ask(command);
      if (last !== wanted) answers.push(`never, but ${last}`);
    }
    all.push({ step, answers: inOrder(answers.map(normalised)) });
  }
  return all;
}
