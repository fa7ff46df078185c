/** The human monitor: takes lines, gives the text that QEMU would print. */
import { MonitorError } from '../core/monitor-error.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import { ArgumentError } from './argument-error.ts';
import { type ArgumentScope, parseArguments } from './arguments.ts';
import { type Command, type CommandContext, CurrentCpu, displayName, findCommand } from './command.ts';
import type { Dialect } from './dialects/dialect.ts';
import { DEFAULT_DIALECT } from './dialects/dialects.ts';
import { inWordsOf } from './dialects/error-style.ts';
import { PlainError } from './hmp/plain-errors.ts';
import { commandsNow, hmpCommands } from './hmp/table.ts';
import { LineReader } from './line-reader.ts';
import { FormatMemory } from './memory-format.ts';
import { registerOf } from './register-names.ts';

export interface MonitorOptions {
  readonly machine: MachineApi;
  /** What QEMU's process prints on its standard error, without the program's name. */
  readonly stderr?: (message: string) => void;
  /** What `info history` lists. */
  readonly history?: () => readonly string[];
  readonly dialect?: Dialect | undefined;
  /** People paste lines of lessons: a comment behind a command is dropped, with a note. */
  readonly dropsComments?: boolean;
}

/** Commands run one at a time, in the order of the calls. */
export class Monitor {
  readonly context: CommandContext;
  readonly #scope: ArgumentScope;
  #turn: Promise<string> = Promise.resolve('');
  /** What the command that runs has said before its answer. */
  #warnings = '';
  readonly #said = new Set<string>();

  constructor(options: MonitorOptions) {
    const { machine, stderr = () => {}, history = () => [], dialect = DEFAULT_DIALECT } = options;
    const warn = (text: string): void => {
      this.#warnings += `${text}\n`;
    };
    const warnOnce = (text: string): void => {
      if (!this.#said.has(text)) warn(text);
      this.#said.add(text);
    };
    const cpu = new CurrentCpu(machine);
    this.context = {
      ...{ machine, stderr, warn, warnOnce, history, cpu, dialect },
      get commands() {
        return commandsNow(dialect, machine);
      },
    };
    this.#scope = {
      stderr,
      registers: (name) => registerOf(machine, cpu.index, name),
      formats: FormatMemory.of(machine),
      comment: options.dropsComments ? () => warn('note: comment dropped') : undefined,
    };
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
    const found = findOnLine(hmpCommands(this.context.dialect), reader);
    const typed = line.slice(start, reader.position);
    // QEMU: with the spaces before it.
    if (found === undefined) return this.#unknown(line.slice(0, reader.position));
    if (findOnLine(this.context.commands, new LineReader(typed)) === undefined) {
      return `Command '${typed}' not available until machine initialization has completed.\n`;
    }
    try {
      const args = parseArguments(this.#called(found, typed), found.args, reader, this.#scope);
      return await found.run(this.context, args);
    } catch (error) {
      if (error instanceof MonitorError) return this.#errorText(error);
      if (error instanceof ArgumentError) return this.#usage(error, typed);
      throw error;
    }
  }

  /** How an error about arguments calls a command. */
  #called(command: Command, typed: string): string {
    const { calls } = this.context.dialect.errors;
    const words = typed.split(/\s+/);
    return (
      (calls === 'all-names' ? undefined : words.at(calls === 'last-word' ? -1 : 0)) ?? displayName(command)
    );
  }

  #unknown(typed: string): string | Promise<string> {
    const { commands, dialect } = this.context;
    const [first = ''] = typed.trimStart().split(/\s+/);
    const command = dialect.errors.calls === 'first-word' ? findCommand(commands, first) : undefined;
    return command === undefined ? `unknown command: '${typed}'\n` : command.run(this.context, new Map());
  }

  #usage({ message, onStderr }: ArgumentError, typed: string): string {
    const { hints } = this.context.dialect.errors;
    const hint = hints ? `Try "help ${typed}" for more information\n` : '';
    if (!onStderr) return `${message}\n${hint}`;
    this.context.stderr(message);
    return hint;
  }

  #errorText(error: MonitorError): string {
    const { errors } = this.context.dialect;
    const { message, hint } = inWordsOf(errors, error);
    const prefix = error instanceof PlainError ? '' : errors.prefix;
    return `${prefix}${message}\n${hint === undefined ? '' : `${hint}\n`}`;
  }
}

/** The command that a line names, with subcommands; the reader stands behind its name. */
export function findOnLine(commands: readonly Command[], reader: LineReader): Command | undefined {
  const command = findCommand(commands, reader.commandName());
  if (command?.subcommands === undefined) return command;
  reader.skipSpaces();
  return reader.atEnd ? command : findOnLine(command.subcommands, reader);
}
