/** What is recorded of a machine that is not complete yet: each command and each topic of `info`, without arguments. */
import { HMP_COMMANDS } from '../src/emu/monitor/hmp/commands.ts';
import { INFO_COMMANDS } from '../src/emu/monitor/hmp/info-commands.ts';
import type { Flow } from './record-monitor-flows.ts';

/** Those that end the time before, or the machine. */
const ENDING = ['exit_preconfig', 'quit', 'info'];
const names = [
  ...HMP_COMMANDS.map(({ name }) => name).filter((name) => !ENDING.includes(name)),
  ...INFO_COMMANDS.map(({ name }) => `info ${name}`),
].sort();

export const PRECONFIG_FLOWS: readonly Flow[] = [
  {
    name: 'preconfig',
    guest: false,
    args: ['-preconfig'],
    steps: [
      ...names,
      'nosuch',
      'info nosuch',
      'c',
      'help cont',
      'object_add memory-backend-ram,id=m,size=1M',
      'exit_preconfig',
      'exit_preconfig',
      'info status',
      'info memdev',
    ].map((hmp) => ({ hmp })),
  },
];
