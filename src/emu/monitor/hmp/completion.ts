/** What Tab offers on a monitor line. */
import type { Command, CommandContext } from '../command.ts';
import { findCommand } from '../command.ts';
import type { Completion } from '../readline.ts';

const names = (commands: readonly Command[]): string[] =>
  commands.flatMap(({ name, alias }) => (alias === undefined ? [name] : [name, alias]));

function candidates(
  context: CommandContext,
  commands: readonly Command[],
  words: readonly string[],
): readonly string[] {
  const [name = '', ...below] = words;
  if (below.length === 0) return names(commands);
  const command = findCommand(commands, name);
  if (command?.subcommands !== undefined) return candidates(context, command.subcommands, below);
  if (command?.completeCommands) return candidates(context, commands, below);
  return command?.complete?.(context) ?? [];
}

/** The words that may stand where the line ends. */
export function completeLine(
  context: CommandContext,
  commands: readonly Command[],
  line: string,
): Completion {
  const words = line.replace(/^\s+/, '').split(/\s+/);
  const typed = words.at(-1) ?? '';
  const all = candidates(context, commands, words);
  return { typed, candidates: all.filter((word) => word.startsWith(typed)) };
}
