/** Machines that are driven over qtest, watched over QMP: `scripts/record-driven.ts` recorded what QEMU 7.2 says to each step. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QmpSession, qmpText } from '../../../src/emu/monitor/qmp/session.ts';
import { qtestRig } from '../../support/qtest-rig.ts';
import { DRIVEN_SESSIONS } from './sessions.ts';
import type { DrivenSession } from './steps.ts';

const TRIES = 200;

interface Played {
  readonly step: string;
  readonly answers: readonly string[];
}

function recorded(name: string): readonly Played[] {
  const all: { step: string; answers: string[] }[] = [];
  for (const line of readFileSync(join(import.meta.dirname, `${name}.txt`), 'utf8').split('\n')) {
    if (line.startsWith('>>> ')) all.push({ step: line.slice(4), answers: [] });
    else if (line.startsWith('<<< ')) all.at(-1)?.answers.push(line.slice(4));
  }
  return all;
}

/** What differs from run to run, or is the host's. */
function normalised(line: string): string {
  return line
    .replace(/"timestamp": \{"seconds": \d+, "microseconds": \d+\}/, '"timestamp": {}')
    .replaceAll(/#block\d+/g, '#block')
    .replaceAll(/"(\w+_total_time_ns|idle_time_ns|actual-size)": \d+/g, '"$1": N');
}

async function play({ steps }: DrivenSession): Promise<readonly Played[]> {
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
      expect(rig.ask(command), line).toBe(wanted);
    }
    all.push({ step, answers });
  }
  return all;
}

describe('a driven machine answers as QEMU', () => {
  it.each(DRIVEN_SESSIONS.map((session) => [session.name, session] as const))('%s', async (name, session) => {
    const seen = (await play(session)).map(({ step, answers }) => ({
      step,
      answers: answers.map(normalised),
    }));
    const wanted = recorded(name).map(({ step, answers }) => ({ step, answers: answers.map(normalised) }));
    expect(seen).toEqual(wanted);
  });
});
