/** Each command with no, a wrong and too many arguments is in the recordings of QEMU, and a line that is refused changes nothing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARGUMENT_LINES } from '../../scripts/record-monitor-flows-arguments.ts';
import { ARGUMENT_PACKETS } from '../../scripts/record-qmp-flows-arguments.ts';
import { HMP_COMMANDS } from '../../src/emu/monitor/hmp/commands.ts';
import { INFO_COMMANDS } from '../../src/emu/monitor/hmp/info-commands.ts';
import { monitorRig } from '../support/monitor-rig.ts';
import { readRecording } from '../support/replay.ts';

const recorded = readRecording('commands_arguments').steps.flatMap((step) =>
  step.kind === 'hmp' ? [step] : [],
);
const VIEWS = [
  'info qtree',
  'info qom-tree',
  'info chardev',
  'info block',
  'info migrate_parameters',
  'info registers',
];
/** Everything behind it is its argument, or is read by nobody. */
const TAKES_THE_REST = ['help', 'object_add', 'qom-set', 'info usbhost'];

describe('arguments of commands', () => {
  it('are recorded for every command and topic: npx tsx scripts/record-monitor.ts commands_arguments', () => {
    expect(recorded.map(({ line }) => line)).toEqual(ARGUMENT_LINES);
  });

  it('that are too many are refused by all but those that read the rest of the line', () => {
    const names = [
      ...HMP_COMMANDS.filter(({ subcommands }) => subcommands === undefined).map(({ name }) => name),
      ...INFO_COMMANDS.map(({ name }) => `info ${name}`),
    ];
    const refused = (name: string): boolean =>
      recorded.some(
        ({ line, output }) =>
          line.startsWith(`${name} `) &&
          line.endsWith(' toomuch') &&
          output.includes('extraneous characters'),
      );
    expect(names.filter((name) => !refused(name))).toEqual(TAKES_THE_REST);
  });

  it('that are wrong change nothing', async () => {
    const { machine, console } = await monitorRig();
    const execute = (line: string): Promise<string> => console.monitor.execute(line);
    const views = async (): Promise<readonly string[]> => {
      const told: string[] = [];
      for (const line of VIEWS) told.push(await execute(line));
      return told;
    };
    const before = await views();
    for (const line of ARGUMENT_LINES) await execute(line);
    expect(await views()).toEqual(before);
    expect(machine.runState).toBe('prelaunch');
  });
});

describe('arguments of QMP', () => {
  it('are recorded for every command: npx tsx scripts/record-qmp.ts arguments_all', () => {
    const text = readFileSync(join(import.meta.dirname, '../golden/qmp/arguments_all.txt'), 'utf8');
    const sent = text
      .split('\n')
      .flatMap((line) => (line.startsWith('>>> ') ? [JSON.parse(line.slice(4))] : []));
    expect(sent.slice(1)).toEqual(ARGUMENT_PACKETS);
    const answers = text.split('\n').filter((line) => line.startsWith('<<< '));
    // Behind the greeting and the answer to qmp_capabilities nothing was accepted.
    expect(answers.slice(2).filter((line) => !line.startsWith('<<< {"error": '))).toEqual([]);
  });
});
