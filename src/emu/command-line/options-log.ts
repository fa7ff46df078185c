/** -d, -D, -trace and -msg: what is logged, and where. Texts are QEMU's. */
import { type AddressRange, readAddressRanges } from '../core/address-ranges.ts';
import type { FileMaker } from '../core/host.ts';
import { isHelpWord, type LogWish, logItemsText, readLogItems } from '../core/log-items.ts';
import { type MachineLog, threadFileError, unknownEventWarning } from '../core/machine-log.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { TRACE_EVENTS } from '../core/trace-events.ts';
import { parseBool } from '../qdev/properties.ts';
import { checkKeys, type OptionGroup } from './options-memory.ts';
import type { GivenOption } from './options-split.ts';
import { PROGRAM, readingOption, report, StartError, startError } from './start-error.ts';

/** What the user wants to read while the machine runs. */
export interface LogOption {
  /** -d. */
  readonly wish: LogWish | undefined;
  /** -dfilter. */
  readonly ranges: readonly AddressRange[];
  /** -singlestep. */
  readonly isSingleStep: boolean;
  /** -D, then file= of -trace, which is where it goes. QEMU: both are made. */
  readonly files: readonly string[];
  readonly traces: readonly TraceOption[];
  /** -msg timestamp=on: before messages of the program, and before trace events. */
  readonly timestamps: boolean;
}

/** One -trace, or its part that counts. */
export type TraceOption = { readonly pattern: string } | { readonly eventsFile: string };

/** A list that was asked for, and the exit status with which the program ends. */
export interface LogAnswer {
  readonly text: string;
  readonly status: number;
}

const LIST: LogAnswer = { text: TRACE_EVENTS.map((name) => `${name}\n`).join(''), status: 0 };

export interface LogReader {
  readonly warn: (text: string) => void;
  /** Splits an option. Throws StartError. */
  readonly group: (option: GivenOption, implied: string | undefined) => OptionGroup;
}

/** Throws StartError. */
export function readLog(given: readonly GivenOption[], reader: LogReader): LogOption | LogAnswer {
  const all = (name: string): readonly GivenOption[] => given.filter((option) => option.name === name);
  const traces: TraceOption[] = [];
  let traceFile: string | undefined;
  for (const option of all('trace')) {
    const { at, options } = reader.group(option, 'enable');
    checkKeys({ at, options }, ['enable', 'events', 'file']);
    const pattern = options.get('enable');
    if (pattern !== undefined) {
      if (isHelpWord(pattern)) return LIST;
      traces.push({ pattern });
      const warning = unknownEventWarning(pattern);
      if (warning !== undefined) reader.warn(report(`warning: ${warning}`, at));
    }
    const eventsFile = options.get('events');
    if (eventsFile !== undefined) traces.push({ eventsFile });
    traceFile = options.get('file') ?? traceFile;
  }
  const ranges = all('dfilter').map(({ value, at }) =>
    readingOption(at, () => asStartError(() => readAddressRanges(value), at)),
  );
  const wish = readWish(all('d').at(-1), reader.warn);
  if (wish !== undefined && 'text' in wish) return wish;
  const files = [all('D').at(-1)?.value, traceFile].filter((file) => file !== undefined);
  const threadError = wish?.isByThread === true ? threadFileError(files.at(-1)) : undefined;
  if (threadError !== undefined) throw startError(threadError.message);
  return {
    ...{ wish, ranges: ranges.at(-1) ?? [], isSingleStep: all('singlestep').length > 0 },
    ...{ files, traces, timestamps: readTimestamps(all('msg'), reader) },
  };
}

function readWish(
  option: GivenOption | undefined,
  warn: (text: string) => void,
): LogWish | LogAnswer | undefined {
  if (option === undefined) return undefined;
  const { value } = option;
  if (isHelpWord(value)) return { text: logItemsText('-d'), status: 0 };
  const wish = readLogItems(value);
  if (wish === undefined) return { text: logItemsText('-d'), status: 1 };
  if (wish.patterns.some(isHelpWord)) return LIST;
  for (const pattern of wish.patterns) {
    const warning = unknownEventWarning(pattern);
    if (warning !== undefined) warn(report(`warning: ${warning}`));
  }
  return wish;
}

/** Not modelled: the guest's name before each message. */
function readTimestamps(given: readonly GivenOption[], { group }: LogReader): boolean {
  let timestamps = false;
  for (const option of given) {
    const { options, at } = group(option, undefined);
    checkKeys({ options, at }, ['timestamp', 'guest-name']);
    for (const [key, value] of options.entries) {
      const on = parseBool(value);
      if (on === undefined) throw startError(`Parameter '${key}' expects 'on' or 'off'`, at);
      if (key === 'timestamp') timestamps = on;
      else if (on) throw startError("'guest-name=on' is not modelled by this machine", at);
    }
  }
  return timestamps;
}

/** Files of whoever starts the machine. */
export interface LogFiles {
  readonly create: FileMaker;
  /** The text of a file, or the reason in the C library's words. */
  readonly read: (path: string) => { readonly text: string } | string;
  readonly warn: (text: string) => void;
}

/** Lets `log` log what the command line asks for. Throws StartError. */
export function startLog(log: MachineLog, option: LogOption, host: LogFiles): void {
  const { wish, ranges, isSingleStep, files, traces, timestamps } = option;
  log.timestamps = timestamps;
  log.setRanges(ranges);
  log.isSingleStep = isSingleStep;
  for (const trace of traces) {
    if ('pattern' in trace) log.setPattern(trace.pattern);
    else readEvents(log, trace.eventsFile, host);
  }
  for (const file of files) asStartError(() => log.setFile(file, host.create));
  if (wish !== undefined) log.setItems(wish);
}

/** QEMU: a file has a pattern on each line, from its first character to its last but one; a line that begins with `#` is a comment. */
function readEvents(log: MachineLog, path: string, { read, warn }: LogFiles): void {
  const found = read(path);
  if (typeof found === 'string') throw new StartError(`${PROGRAM}:${path}: ${found}`);
  for (const [index, line] of found.text.split(/(?<=\n)/).entries()) {
    if (line.length < 2 || line.startsWith('#')) continue;
    const pattern = line.slice(0, -1);
    const warning = unknownEventWarning(pattern);
    if (warning === undefined) log.setPattern(pattern);
    else warn(`${PROGRAM}:${path}:${index + 1}: warning: ${warning}`);
  }
}

/** @param at the option that an error names; absent: as QEMU, none */
function asStartError<T>(make: () => T, at?: string): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof MonitorError ? startError(error.message, at) : error;
  }
}
