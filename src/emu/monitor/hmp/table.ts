/** The commands of a human monitor, as its dialect has them. */
import type { MachineApi } from '../../machine/machine-api.ts';
import type { Command } from '../command.ts';
import { type Dialect, spoken } from '../dialects/dialect.ts';
import { HMP_COMMANDS } from './commands.ts';
import { earlyCommands } from './early-commands.ts';
import { INFO_COMMANDS } from './info-commands.ts';

const tables = new WeakMap<Dialect, readonly Command[]>();
const earlyTables = new WeakMap<Dialect, readonly Command[]>();

function withTopics(command: Command, topics: readonly Command[]): Command {
  return command.subcommands === INFO_COMMANDS ? { ...command, subcommands: topics } : command;
}

export function hmpCommands(dialect: Dialect): readonly Command[] {
  const known = tables.get(dialect);
  if (known !== undefined) return known;
  const topics = spoken(INFO_COMMANDS, dialect.topics);
  const commands = spoken(HMP_COMMANDS, dialect.commands).map((command) => withTopics(command, topics));
  tables.set(dialect, commands);
  return commands;
}

/** Those that may be given now: before the machine is complete they are few. */
export function commandsNow(dialect: Dialect, { preconfig }: MachineApi): readonly Command[] {
  const commands = hmpCommands(dialect);
  if (!preconfig.isOn) return commands;
  const early = earlyTables.get(dialect) ?? earlyCommands(commands);
  earlyTables.set(dialect, early);
  return early;
}
