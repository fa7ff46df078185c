/** The items of `-d` and `log`. */

/** QEMU's items and what they log. */
export interface LogItem {
  readonly name: string;
  readonly help: string;
}

const NAME_WIDTH = 15;

const item = (name: string, help: string): LogItem => ({ name, help });
/** QEMU's name is taken, and nothing is told: there is no such thing here. */
const silent = (name: string, what: string): LogItem => ({ name, help: `nothing: ${what}` });

export const LOG_ITEMS: readonly LogItem[] = [
  silent('out_asm', 'the host makes its own code'),
  item('in_asm', "the guest's code, when it is decoded"),
  silent('op', 'code is not translated by such steps'),
  silent('op_opt', 'nor are there any after optimising'),
  silent('op_ind', 'nor before registers are found'),
  item('int', 'interrupts and exceptions'),
  item('exec', 'each instruction that runs'),
  item('cpu', 'registers before each instruction'),
  item('fpu', 'registers of the FPU, too'),
  item('mmu', 'what is written to CR0'),
  silent('pcall', 'as QEMU, which has it only when it was built for that'),
  item('cpu_reset', 'registers before a reset'),
  item('unimp', 'what the guest asked for and is not there'),
  item('guest_errors', 'what the guest does wrong'),
  silent('page', 'it is about a single program'),
  silent('nochain', 'each instruction is told anyway'),
  silent('plugin', 'there are no plugins'),
  silent('strace', 'it is about a single program'),
];

const ALL = 'all';
/** Items that need a file for each thread. */
const BY_THREAD = new Set([ALL, 'tid']);
const TRACE_PREFIX = 'trace:';

/** What a list of items asks for. */
export interface LogWish {
  readonly items: ReadonlySet<string>;
  /** The name of the log's file must have a place for the number of a thread. */
  readonly isByThread: boolean;
  /** Of events to be switched on, after `trace:`. */
  readonly patterns: readonly string[];
}

/** Reads items with commas between them; undefined: one of them is none. */
export function readLogItems(text: string): LogWish | undefined {
  const words = text.split(',');
  const isPattern = (word: string): boolean => word.startsWith(TRACE_PREFIX);
  const names = words.filter((word) => !isPattern(word) && !BY_THREAD.has(word));
  const isKnown = (word: string): boolean => LOG_ITEMS.some(({ name }) => name === word);
  // QEMU: a pattern has at least one character.
  if (!names.every(isKnown) || words.includes(TRACE_PREFIX)) return undefined;
  const items = words.includes(ALL) ? LOG_ITEMS.map(({ name }) => name) : names;
  const patterns = words.filter(isPattern).map((word) => word.slice(TRACE_PREFIX.length));
  return { items: new Set(items), isByThread: words.some((word) => BY_THREAD.has(word)), patterns };
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
