/** What a monitor command is: one entry of the table that every face of the monitor reads. */
import type { MachineApi } from '../machine/machine-api.ts';
import type { ArgumentSpec, ArgumentValues } from './argument-specs.ts';
import type { Dialect } from './dialects/dialect.ts';

export interface CommandContext {
  readonly machine: MachineApi;
  /** What QEMU's process would print beside the monitor. */
  stderr(message: string): void;
  /** Prints a line before the answer of the command that runs. */
  warn(text: string): void;
  /** The same, the first time only. */
  warnOnce(text: string): void;
  /** Lines that were entered, oldest first. */
  history(): readonly string[];
  /** The processor that `cpu` chose in this monitor; the first one, while that is not there. */
  readonly cpu: CurrentCpu;
  /** The words that this monitor speaks. */
  readonly dialect: Dialect;
  /** Its table: the commands that may be given now. */
  readonly commands: readonly Command[];
}

export class CurrentCpu {
  readonly #machine: MachineApi;
  #index = 0;

  constructor(machine: MachineApi) {
    this.#machine = machine;
  }

  get index(): number {
    const cpus = this.#machine.inspect.cpus();
    const chosen = cpus.find(({ index }) => index === this.#index) ?? cpus[0];
    return chosen?.index ?? 0;
  }

  /** False: there is no such processor. */
  choose(index: number): boolean {
    if (!this.#machine.inspect.cpus().some((cpu) => cpu.index === index)) return false;
    this.#index = index;
    return true;
  }
}

export interface Command {
  readonly name: string;
  readonly alias?: string;
  readonly args: readonly ArgumentSpec[];
  /** Arguments as the help shows them. */
  readonly params: string;
  readonly help: string;
  /** Commands below this one, as `info block`. */
  readonly subcommands?: readonly Command[];
  /** What Tab offers as its argument. */
  readonly complete?: (context: CommandContext) => readonly string[];
  /** Tab offers commands. */
  readonly completeCommands?: boolean;
  /** The answer, whole lines. Throws `MonitorError`, which is printed after `Error: `. */
  readonly run: (context: CommandContext, args: ArgumentValues) => string | Promise<string>;
}

/** The name as QEMU writes it in help and errors: `cont|c`. */
export function displayName({ name, alias }: Command): string {
  return alias === undefined ? name : `${name}|${alias}`;
}

export function findCommand(commands: readonly Command[], name: string): Command | undefined {
  return commands.find((command) => command.name === name || command.alias === name);
}
