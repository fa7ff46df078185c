/** The human monitor: takes lines, gives the text that QEMU would print. */
import { MonitorError } from '../core/monitor-error.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import { ArgumentError } from './argument-error.ts';
import { type ArgumentScope, parseArguments } from './arguments.ts';
import { type Command, type CommandContext, CurrentCpu, displayName, findCommand } from './command.ts';
import { HMP_COMMANDS } from './hmp/commands.ts';
import { LineReader } from './line-reader.ts';
import { FormatMemory } from './memory-format.ts';
import { registerOf } from './register-names.ts';

export interface MonitorOptions {
  readonly machine: MachineApi;
  /** What QEMU's process prints on its standard error, without the program's name. */
  readonly stderr?: (message: string) => void;
  /** What `info history` lists. */
  readonly history?: () => readonly string[];
}

/** Commands run one at a time, in the order of the calls. */
export class Monitor {
  readonly context: CommandContext;
  readonly commands: readonly Command[] = HMP_COMMANDS;
  readonly #scope: ArgumentScope;
  #turn: Promise<string> = Promise.resolve('');
  /** What the command that runs has said before its answer. */
  #warnings = '';

  constructor({ machine, stderr = () => {}, history = () => [] }: MonitorOptions) {
    const warn = (text: string): void => {
      this.#warnings += `${text}\n`;
    };
    const cpu = new CurrentCpu(machine);
    this.context = { machine, stderr, warn, history, cpu };
    const registers = (name: string): bigint | undefined => registerOf(machine, cpu.index, name);
    this.#scope = { stderr, registers, formats: FormatMemory.of(machine) };
  }

  /** Runs one line and gives its output: nothing, or whole lines ending in a newline. Never rejects for a user's error. */
  execute(line: string): Promise<string> {
    const turn = this.#turn.then(() => this.#execute(line)).then((answer) => this.#takeWarnings() + answer);
    this.#turn = turn.catch(() => '');
    return turn;
  }

  #takeWarnings(): string {
    const warnings = this.#warnings;
    this.#warnings = '';
    return warnings;
  }

  async #execute(line: string): Promise<string> {
    const { snapshots } = this.context.machine;
    while (snapshots.busy !== undefined) await snapshots.busy;
    const reader = new LineReader(line);
    reader.skipSpaces();
    const start = reader.position;
    if (reader.atEnd) return '';
    const found = findOnLine(this.commands, reader);
    const typed = line.slice(start, reader.position);
    if (found === undefined) return `unknown command: '${typed}'\n`;
    try {
      const args = parseArguments(displayName(found), found.args, reader, this.#scope);
      return await found.run(this.context, args);
    } catch (error) {
      if (error instanceof MonitorError) return errorText(error);
      if (error instanceof ArgumentError) return this.#usage(error, typed);
      throw error;
    }
  }

  #usage({ message, onStderr }: ArgumentError, typed: string): string {
    const hint = `Try "help ${typed}" for more information\n`;
    if (!onStderr) return `${message}\n${hint}`;
    this.context.stderr(message);
    return hint;
  }
}

/** The command that a line names, with subcommands; the reader stands behind its name. */
export function findOnLine(commands: readonly Command[], reader: LineReader): Command | undefined {
  const command = findCommand(commands, reader.commandName());
  if (command?.subcommands === undefined) return command;
  reader.skipSpaces();
  return reader.atEnd ? command : findOnLine(command.subcommands, reader);
}

function errorText({ message, hint }: MonitorError): string {
  return `Error: ${message}\n${hint === undefined ? '' : `${hint}\n`}`;
}
