/** The items of `-d` and `log`. */
import { MonitorError } from './monitor-error.ts';

/** QEMU's items and what they log; `isOurs`: this machine does. */
export interface LogItem {
  readonly name: string;
  readonly help: string;
  readonly isOurs: boolean;
}

const NAME_WIDTH = 15;

const ours = (name: string, help: string): LogItem => ({ name, help, isOurs: true });
const other = (name: string, help: string): LogItem => ({ name, help, isOurs: false });

export const LOG_ITEMS: readonly LogItem[] = [
  other('out_asm', 'code of the host that was made of the guest'),
  other('in_asm', "the guest's code, disassembled"),
  other('op', 'operations between the two'),
  other('op_opt', 'the same, optimised'),
  other('op_ind', 'the same, before registers are found'),
  ours('int', 'interrupts and exceptions'),
  ours('exec', 'each instruction that runs'),
  ours('cpu', 'registers before each instruction'),
  ours('fpu', 'registers of the FPU, too'),
  other('mmu', 'page tables'),
  other('pcall', 'far calls, returns and exceptions of protected mode'),
  ours('cpu_reset', 'registers before a reset'),
  ours('unimp', 'what the guest asked for and is not there'),
  ours('guest_errors', 'what the guest does wrong'),
  other('page', 'pages of a program'),
  ours('nochain', 'nothing: each instruction is told anyway'),
  other('plugin', 'what plugins say'),
  other('strace', 'system calls of a program'),
];

/** Items that need a file for each thread. */
const BY_THREAD = new Set(['all', 'tid']);
const TRACE_PREFIX = 'trace:';

/** What a list of items asks for. */
export interface LogWish {
  readonly items: ReadonlySet<string>;
  /** Of events to be switched on, after `trace:`. */
  readonly patterns: readonly string[];
}

/**
 * Reads items with commas between them; undefined: one of them is none. Throws MonitorError: QEMU's for what needs a file for each thread, and
 * ours for what this machine does not log.
 */
export function readLogItems(text: string): LogWish | undefined {
  const words = text.split(',');
  const isPattern = (word: string): boolean => word.startsWith(TRACE_PREFIX);
  const items = words.filter((word) => !isPattern(word) && !BY_THREAD.has(word));
  const known = items.map((word) => LOG_ITEMS.find(({ name }) => name === word));
  // QEMU: a pattern has at least one character.
  if (known.includes(undefined) || words.includes(TRACE_PREFIX)) return undefined;
  if (words.some((word) => BY_THREAD.has(word))) {
    throw new MonitorError("Filename template with '%d' required for 'tid'");
  }
  const absent = known.find((item) => item?.isOurs === false);
  if (absent !== undefined) throw new MonitorError(`Hotslot does not log '${absent.name}'`);
  const patterns = words.filter(isPattern).map((word) => word.slice(TRACE_PREFIX.length));
  return { items: new Set(items), patterns };
}

/** QEMU: so is asked for a list. */
export function isHelpWord(text: string): boolean {
  return text === 'help' || text === '?';
}

/**
 * The items as a list.
 * @param command `log` or `-d`, by which the user asked
 */
export function logItemsText(command: string): string {
  const rows = [
    ...(command === 'log' ? [['none', 'nothing']] : []),
    ...LOG_ITEMS.map(({ name, help }) => [name, help]),
    ['tid', 'a file for each thread'],
    ['trace:PATTERN', 'events of this name'],
  ];
  const lines = rows.map(([name = '', help = '']) => `${name.padEnd(NAME_WIDTH)} ${help}\n`);
  return `Log items (comma separated):\n${lines.join('')}\nUse "${command} trace:help" to get a list of trace events.\n\n`;
}
