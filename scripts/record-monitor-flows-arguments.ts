/** Every command and every topic of `info` without arguments, with a wrong one, and with one too many, made from our tables: a new command is a new line. */
import type { ArgumentKind, ArgumentSpec } from '../src/emu/monitor/argument-specs.ts';
import type { Command } from '../src/emu/monitor/command.ts';
import { HMP_COMMANDS } from '../src/emu/monitor/hmp/commands.ts';
import { INFO_COMMANDS } from '../src/emu/monitor/hmp/info-commands.ts';
import type { Flow } from './record-monitor-flows.ts';

/** A word that each kind takes; undefined: nothing can follow it, or nothing has to be there. */
const RIGHT: Readonly<Record<ArgumentKind, string | undefined>> = {
  string: 'w',
  block: 'w',
  filename: 'w',
  options: 'w',
  rest: undefined,
  integer: '1',
  long: '1',
  index: '.1',
  megabytes: '1',
  size: '1',
  switch: 'on',
  format: undefined,
};

/** A word that a kind refuses before the command is run. */
const WRONG: Partial<Readonly<Record<ArgumentKind, string>>> = {
  integer: 'zz',
  long: 'zz',
  megabytes: '-1',
  size: 'zz',
  switch: 'zz',
};

const needed = (spec: ArgumentSpec): boolean =>
  spec.kind !== 'flag' && spec.kind !== 'format' && spec.kind !== 'index' && spec.optional !== true;

function rightWords(specs: readonly ArgumentSpec[]): readonly string[] {
  return specs.flatMap(({ kind }) => (kind === 'flag' ? [] : (RIGHT[kind] ?? [])));
}

/** Lines that are all refused: none does anything. */
function linesOf(name: string, args: readonly ArgumentSpec[]): readonly string[] {
  const takesTheRest = args.some(({ kind }) => kind === 'rest');
  const none = args.some(needed) ? [name] : [];
  const wrong = args.flatMap((spec, at) => {
    const word = spec.kind === 'flag' ? undefined : WRONG[spec.kind];
    return word === undefined ? [] : [[name, ...rightWords(args.slice(0, at)), word].join(' ')];
  });
  const flag = args.some(({ kind }) => kind === 'flag') ? [`${name} -Z`] : [];
  const tooMany = takesTheRest ? [] : [[name, ...rightWords(args), 'toomuch'].join(' ')];
  return [...none, ...wrong, ...flag, ...tooMany];
}

const hasSubcommands = ({ subcommands }: Command): boolean => subcommands !== undefined;

export const ARGUMENT_LINES: readonly string[] = [
  ...HMP_COMMANDS.filter((command) => !hasSubcommands(command)).flatMap(({ name, args }) =>
    linesOf(name, args),
  ),
  ...INFO_COMMANDS.flatMap(({ name, args }) => linesOf(`info ${name}`, args)),
];

export const ARGUMENT_FLOWS: readonly Flow[] = [
  { name: 'commands_arguments', guest: false, steps: ARGUMENT_LINES.map((line) => ({ hmp: line })) },
];
