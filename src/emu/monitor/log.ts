/** `log`, `logfile` and `trace-event`: what the machine reports while it runs, on standard error or in a file. */
import { OutputError, type OutputFile } from '../core/host.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { TRACE_EVENTS } from '../core/trace-events.ts';
import type { MachineApi } from '../machine/machine-api.ts';

/** QEMU's items and what they log; `isOurs`: this machine does. */
export interface LogItem {
  readonly name: string;
  readonly help: string;
  readonly isOurs: boolean;
}

const other = (name: string, help: string): LogItem => ({ name, help, isOurs: false });

export const LOG_ITEMS: readonly LogItem[] = [
  other('out_asm', 'code of the host that was made of the guest'),
  other('in_asm', "the guest's code, disassembled"),
  other('op', 'operations between the two'),
  other('op_opt', 'the same, optimised'),
  other('op_ind', 'the same, before registers are found'),
  other('int', 'interrupts and exceptions'),
  other('exec', 'each piece of translated code that runs'),
  other('cpu', 'registers, each time'),
  other('fpu', 'registers of the FPU, too'),
  other('mmu', 'page tables'),
  other('pcall', 'far calls, returns and exceptions of protected mode'),
  other('cpu_reset', 'registers before a reset'),
  { name: 'unimp', help: 'what the guest asked for and is not there', isOurs: true },
  { name: 'guest_errors', help: 'what the guest does wrong', isOurs: true },
  other('page', 'pages of a program'),
  other('nochain', 'each piece of translated code comes back'),
  other('plugin', 'what plugins say'),
  other('strace', 'system calls of a program'),
];
/** Items that need a file for each thread. */
const BY_THREAD = new Set(['all', 'tid']);
const TRACE_PREFIX = 'trace:';
const TEMPLATE = /^[^%]*(%d)?[^%]*$/;

export interface TraceEventState {
  readonly name: string;
  readonly isOn: boolean;
}

function matcher(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

export function isPattern(name: string): boolean {
  return name.includes('*');
}

const OF_MACHINES = new WeakMap<object, MonitorLog>();

/** What a machine's monitors have asked for; it is one for all of them. */
export class MonitorLog {
  readonly #machine: MachineApi;
  #items: ReadonlySet<string> = new Set();
  readonly #events = new Set<string>();
  #file: OutputFile | undefined;
  #stop: (() => void) | undefined;
  /** Told of each line, while it does not go to a file. */
  readonly #print: (line: string) => void;

  private constructor(machine: MachineApi, print: (line: string) => void) {
    this.#machine = machine;
    this.#print = print;
  }

  /** @param print shows a line on standard error; that of the monitor which asked first is used */
  static of(machine: MachineApi, print: (line: string) => void): MonitorLog {
    const known = OF_MACHINES.get(machine) ?? new MonitorLog(machine, print);
    OF_MACHINES.set(machine, known);
    return known;
  }

  /** What matches: a name, or a pattern with `*`. */
  events(pattern: string): readonly TraceEventState[] {
    const matches = matcher(pattern);
    return TRACE_EVENTS.filter((name) => matches.test(name)).map((name) => ({
      name,
      isOn: this.#events.has(name),
    }));
  }

  setEvents(pattern: string, on: boolean): void {
    for (const { name } of this.events(pattern)) {
      if (on) this.#events.add(name);
      else this.#events.delete(name);
    }
    this.#listen();
  }

  /**
   * @param text items with commas between them, as `log` takes them
   * @returns what is to be printed; undefined: it names something that no item is
   */
  setItems(text: string): string | undefined {
    if (text === 'none') {
      this.#items = new Set();
      this.#listen();
      return '';
    }
    const words = text.split(',');
    if (words.some((word) => BY_THREAD.has(word))) return "Filename template with '%d' required for 'tid'\n";
    const items = words.filter((word) => !word.startsWith(TRACE_PREFIX));
    const known = items.map((word) => LOG_ITEMS.find(({ name }) => name === word));
    if (known.includes(undefined)) return undefined;
    const absent = known.find((item) => item?.isOurs === false);
    if (absent !== undefined) return `Hotslot does not log '${absent.name}'\n`;
    const patterns = words
      .filter((word) => word.startsWith(TRACE_PREFIX))
      .map((word) => word.slice(TRACE_PREFIX.length));
    for (const pattern of patterns) this.setEvents(pattern, true);
    this.#items = new Set(items);
    this.#listen();
    return patterns
      .filter((pattern) => !isPattern(pattern) && this.events(pattern).length === 0)
      .map((pattern) => `warning: trace event '${pattern}' does not exist\n`)
      .join('');
  }

  /** Lines go to a file from now on. Throws QEMU's error. */
  setFile(path: string): void {
    if (!TEMPLATE.test(path)) throw new MonitorError(`Bad logfile template: ${path}`);
    // QEMU: the number of the process, which a browser has not.
    const file = this.#machine.createFile(path.replace('%d', '0'));
    if (typeof file === 'string') throw new MonitorError(`Error opening logfile ${path}: ${file}`);
    this.#file?.close();
    this.#file = file;
  }

  #listen(): void {
    this.#stop?.();
    this.#stop = undefined;
    if (this.#items.size === 0 && this.#events.size === 0) return;
    this.#stop = this.#machine.trace.listen((name, args) => {
      if (name === 'message') {
        if (this.#items.has(String(args[1]))) this.#write(String(args[0]));
      } else if (this.#events.has(name)) this.#write([name, ...args].join(' '));
    });
  }

  #write(line: string): void {
    if (this.#file === undefined) this.#print(line);
    else writeLine(this.#file, line);
  }
}

/** QEMU: a line for which the file has no room is lost. */
function writeLine(file: OutputFile, line: string): void {
  try {
    file.write(new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
  }
}
