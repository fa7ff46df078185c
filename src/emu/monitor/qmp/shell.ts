/** QMP for people, as QEMU's `qmp-shell -p -v` speaks it: a command in one line, then what is sent, and the answer. Events are told as they come. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { JsonObject } from '../../qapi/json-value.ts';
import type { SchemaNode } from '../../qapi/schema.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { DEFAULT_DIALECT } from '../dialects/dialects.ts';
import { type ConsoleOutput, LineConsole } from '../line-console.ts';
import type { Completion } from '../readline.ts';
import { pythonJson } from './python-json.ts';
import { type QmpMessage, type QmpOptions, QmpSession } from './session.ts';
import { readShellLine } from './shell-line.ts';
import { qmpCommands } from './table.ts';

export const SHELL_PROMPT = '(QEMU) ';
const banner = (version: string): string =>
  `Welcome to the QMP low-level shell!\nConnected to QEMU ${version}\n\n`;
const FORMAT = 'command format: <command-name> [arg-name1=arg1] ... [arg-nameN=argN\n';

export class QmpShell extends LineConsole {
  readonly #session: QmpSession;
  /** Whom the next answer is for. */
  #answered: ((message: QmpMessage) => void) | undefined;
  /** Until then an answer is not that to a line, which may have been typed before there was a machine. */
  readonly #negotiated: Promise<unknown>;

  /**
   * @param write shows text on the terminal; lines end in CR LF
   * @param output where the terminal may be behind
   */
  constructor(write: (text: string) => void, options: QmpOptions, output?: ConsoleOutput) {
    const run = (line: string): Promise<string> => this.#ask(line);
    const { dialect = DEFAULT_DIALECT } = options;
    const complete = (line: string): Completion => completeShellLine(line, dialect);
    super(write, { prompt: SHELL_PROMPT, banner: banner(dialect.version), run, complete }, output);
    this.#session = new QmpSession((message) => this.#receive(message), options);
    this.#session.start();
    this.#negotiated = this.#answer({ execute: 'qmp_capabilities' });
  }

  #receive(message: QmpMessage): void {
    if (message['event'] !== undefined) this.tell(`${pythonJson(message)}\n`);
    else if (message['QMP'] === undefined) this.#answered?.(message);
  }

  async #ask(line: string): Promise<string> {
    let request: JsonObject | undefined;
    try {
      request = readShellLine(line);
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      return `Error while parsing command line: ${error.message}\n${FORMAT}`;
    }
    if (request === undefined) return '';
    this.tell(`${pythonJson(request)}\n`);
    await this.#negotiated;
    const answer = await this.#answer(request);
    return `${pythonJson(answer)}\n`;
  }

  #answer(request: JsonObject): Promise<QmpMessage> {
    return new Promise((resolve) => {
      this.#answered = (message) => {
        this.#answered = undefined;
        resolve(message);
      };
      this.#session.request(request);
    });
  }
}

/** What may stand for a value, where the schema knows all of it. */
function valuesOf(type: SchemaNode | undefined): readonly string[] {
  if (type?.meta === 'enum') return type.values;
  return type?.meta === 'builtin' && type.name === 'bool' ? ['true', 'false'] : [];
}

/** Commands, then their arguments that are not there yet, then the values that these may have. */
export function completeShellLine(line: string, dialect: Dialect = DEFAULT_DIALECT): Completion {
  const commands = qmpCommands(dialect);
  const words = line.replace(/^\s+/, '').split(/\s+/);
  const typed = words.at(-1) ?? '';
  const command = commands.get(words[0] ?? '');
  const fitting = (candidates: readonly string[], start: string): Completion => ({
    typed: start,
    candidates: candidates.filter((word) => word.startsWith(start)),
  });
  if (words.length < 2) {
    return fitting([...commands.keys()], typed);
  }
  const members = command?.args.members ?? [];
  const [key = '', value] = typed.split('=');
  if (value !== undefined) return fitting(valuesOf(members.find(({ name }) => name === key)?.type), value);
  const given = words.slice(1, -1).map((word) => word.split('=')[0]);
  const names = members.map(({ name }) => name).filter((name) => !given.includes(name));
  return fitting(
    names.map((name) => `${name}=`),
    typed,
  );
}
