/** QEMU's log: what a user wants to read of the trace, on standard error or in a file. `-d`, `-D`, `-trace`, `log`, `logfile`, `trace-event`. */
import type { AddressRange } from './address-ranges.ts';
import { matchesGlob } from './glob.ts';
import { type FileMaker, OutputError, type OutputFile } from './host.ts';
import type { LogWish } from './log-items.ts';
import { MonitorError } from './monitor-error.ts';
import type { TraceArgument, TraceLog } from './trace.ts';
import { TRACE_EVENTS, TRACE_FORMATS, type TraceEventName } from './trace-events.ts';
import { formatted, ObjectNumbers } from './trace-format.ts';

const TEMPLATE = /^[^%]*(%d)?[^%]*$/;
const NS_PER_US = 1000;
const NS_PER_S = 1e9;
/** Items that are messages of the trace. */
const MESSAGES = ['unimp', 'guest_errors'];

export interface TraceEventState {
  readonly name: TraceEventName;
  readonly isOn: boolean;
}

/** QEMU: only a star makes a pattern, in which `?` then is any character; without one it is a name, which has to exist. */
export function isPattern(name: string): boolean {
  return name.includes('*');
}

/** What matches: a name, or a pattern with `*`. */
function matching(pattern: string): readonly TraceEventName[] {
  if (!isPattern(pattern)) return TRACE_EVENTS.filter((name) => name === pattern);
  return TRACE_EVENTS.filter((name) => matchesGlob(pattern, name));
}

/** QEMU's warning about the name of an event, perhaps with a minus before it; undefined: there is such an event, or it is a pattern. */
export function unknownEventWarning(pattern: string): string | undefined {
  const name = pattern.replace(/^-/, '');
  if (name === '' || isPattern(name) || matching(name).length > 0) return undefined;
  return `trace event '${name}' does not exist`;
}

/** Why lines of several threads cannot go to this file, in QEMU's words; undefined: they can. */
export function threadFileError(path: string | undefined): MonitorError | undefined {
  if (path?.includes('%d') === true) return undefined;
  return new MonitorError("Filename template with '%d' required for 'tid'");
}

/** What its log wants to know of a machine's processors. */
export interface ProcessorWish {
  readonly items: ReadonlySet<string>;
  /** QEMU: -dfilter, which `in_asm`, `exec` and `cpu` go by; none: all addresses. */
  readonly ranges: readonly AddressRange[];
  /** QEMU: -singlestep: code is decoded and run instruction by instruction. */
  readonly isSingleStep: boolean;
}

const NO_WISH: ProcessorWish = { items: new Set(), ranges: [], isSingleStep: false };

interface LogFile {
  readonly path: string;
  readonly createFile: FileMaker;
}

/** One for all monitors of a machine, and for its command line. */
export class MachineLog {
  /** QEMU: -msg timestamp=on. */
  timestamps = false;
  readonly #trace: TraceLog;
  /** Told of each line, while it does not go to a file. */
  readonly #print: (line: string) => void;
  #wish = NO_WISH;
  readonly #events = new Set<TraceEventName>();
  readonly #objects = new ObjectNumbers();
  #file: OutputFile | undefined;
  /** A file that could not be opened. QEMU: lines are lost, and each change of what is logged tries again. */
  #missing: LogFile | undefined;
  /** The name of the file, as the user gave it. */
  #path: string | undefined;
  #stop: (() => void) | undefined;
  #onWish: (wish: ProcessorWish) => void = () => {};

  constructor(trace: TraceLog, print: (line: string) => void) {
    this.#trace = trace;
    this.#print = print;
  }

  /** What matches: a name, or a pattern with `*`. */
  events(pattern: string): readonly TraceEventState[] {
    return matching(pattern).map((name) => ({ name, isOn: this.#events.has(name) }));
  }

  /** Without effect on a name that no event has. */
  setEvents(pattern: string, on: boolean): void {
    for (const { name } of this.events(pattern)) {
      if (on) this.#events.add(name);
      else this.#events.delete(name);
    }
    this.#listen();
  }

  /** What `-trace` and `trace:` take: a name or a pattern, and a minus before one that is to be off. Without effect on what does not exist. */
  setPattern(pattern: string): void {
    const isOff = pattern.startsWith('-');
    this.setEvents(isOff ? pattern.slice(1) : pattern, !isOff);
  }

  /** Logs these items and no others, and these events too. Throws QEMU's error where a file is still missing, or is one and has to be several. */
  setItems({ items, isByThread, patterns }: LogWish): void {
    for (const pattern of patterns) this.setPattern(pattern);
    const error = isByThread ? threadFileError(this.#path) : undefined;
    if (error !== undefined) throw error;
    this.#change({ items });
    this.#listen();
    if (this.#missing !== undefined) this.#open(this.#missing);
  }

  /** Code at other addresses is not told. */
  setRanges(ranges: readonly AddressRange[]): void {
    this.#change({ ranges });
  }

  get isSingleStep(): boolean {
    return this.#wish.isSingleStep;
  }

  set isSingleStep(isSingleStep: boolean) {
    this.#change({ isSingleStep });
  }

  /** Calls back at once, and when something else is to be told: what no event tells, its source writes. */
  watchProcessors(onWish: (wish: ProcessorWish) => void): void {
    this.#onWish = onWish;
    onWish(this.#wish);
  }

  #change(change: Partial<ProcessorWish>): void {
    this.#wish = { ...this.#wish, ...change };
    this.#onWish(this.#wish);
  }

  /** Lines of an item, without the last line's end. */
  write(lines: string): void {
    this.#write(lines);
  }

  /** Lines go to a file from now on. Throws QEMU's error. */
  setFile(path: string, createFile: FileMaker): void {
    if (!TEMPLATE.test(path)) throw new MonitorError(`Bad logfile template: ${path}`);
    this.#file?.close();
    this.#file = undefined;
    this.#open({ path, createFile });
  }

  #open(wanted: LogFile): void {
    const { path, createFile } = wanted;
    this.#missing = wanted;
    this.#path = path;
    // QEMU: the number of the process, which a browser has not.
    const file = createFile(path.replace('%d', '0'));
    if (typeof file === 'string') throw new MonitorError(`Error opening logfile ${path}: ${file}`);
    this.#missing = undefined;
    this.#file = file;
  }

  #listen(): void {
    this.#stop?.();
    this.#stop = undefined;
    if (!MESSAGES.some((item) => this.#wish.items.has(item)) && this.#events.size === 0) return;
    this.#stop = this.#trace.listen((name, args) => {
      if (name === 'message') {
        if (this.#wish.items.has(String(args[1]))) this.#write(String(args[0]));
      } else if (this.#events.has(name)) this.#write(this.#line(name, args));
    });
  }

  #line(name: TraceEventName, args: readonly TraceArgument[]): string {
    const line = `${name} ${formatted(TRACE_FORMATS[name], args, this.#objects)}`;
    return this.timestamps ? `${this.#moment()}:${line}` : line;
  }

  /** QEMU: the thread and the host's time. Ours are the vCPU and virtual time, which a second run may have again. */
  #moment(): string {
    const { source } = this.#trace;
    const ns = source.nowNs();
    const us = Math.floor((ns % NS_PER_S) / NS_PER_US);
    return `${source.cpuIndex()}@${Math.floor(ns / NS_PER_S)}.${String(us).padStart(6, '0')}`;
  }

  #write(line: string): void {
    if (this.#missing !== undefined) return;
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
