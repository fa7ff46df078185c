/** Where serial ports and monitors lead: -chardev, -serial, -monitor, -qmp, -mon, and what comes without them. Texts are QEMU's. */
import { parseChardevOptions } from '../char/chardev-options.ts';
import { parseShortForm, sharesWithMonitor } from '../char/chardev-short-form.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { NONE_MACHINE } from '../machine/machine-versions.ts';
import { isWellFormedId, Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';
import { typeGiven } from './options-machine.ts';
import type { GivenOption } from './options-split.ts';
import { report, StartError, startError } from './start-error.ts';

/** Where a serial port leads, as the user wrote it. */
export interface CharOption {
  readonly spec: string;
  /** Undefined: nobody asked for it, it is the default. */
  readonly at: string | undefined;
}

/** A character device that is to be made. */
export interface ChardevOption {
  readonly options: Options;
  /** Undefined: nobody asked for it, it is the default. */
  readonly at: string | undefined;
}

/** One monitor. */
export interface MonitorOption {
  /** The character device that it is on. */
  readonly chardev: string;
  /** For people, or for programs: QMP. */
  readonly mode: MonitorMode;
  /** QMP's answers take several lines. */
  readonly pretty: boolean;
  /** Undefined: nobody asked for it, it is the default. */
  readonly at: string | undefined;
}

export type MonitorMode = 'readline' | 'control';

/** Ends of the machine that lead to the host. */
export interface CharacterEnds {
  /** In the order of the command line, which is that in which they are made. */
  readonly chardevs: readonly ChardevOption[];
  readonly serials: readonly CharOption[];
  /** In the order of the command line. */
  readonly monitors: readonly MonitorOption[];
  /** Of those that share a terminal a monitor has the keys first, not a serial port. */
  readonly monitorInFront: boolean;
}

const CHARDEV = 'chardev:';
const TERMINAL = 'stdio';
const HMP: Pick<MonitorOption, 'mode' | 'pretty'> = { mode: 'readline', pretty: false };
const MONITORS: Readonly<Record<string, Pick<MonitorOption, 'mode' | 'pretty'>>> = {
  monitor: HMP,
  qmp: { mode: 'control', pretty: false },
  'qmp-pretty': { mode: 'control', pretty: true },
};
const MON_OPTIONS = new Set(['chardev', 'mode', 'pretty']);

/** QEMU: the names are looked at before any of the values. */
function checkMon({ entries }: Options): void {
  for (const [name, value] of entries) {
    if (!MON_OPTIONS.has(name)) throw new MonitorError(`Invalid parameter '${name}'`);
    if (name === 'pretty' && parseBool(value) === undefined) {
      throw new MonitorError(`Parameter 'pretty' expects 'on' or 'off'`);
    }
  }
}

/** What -mon says. Throws `MonitorError`. */
export function readMon(options: Options, at: string): MonitorOption {
  checkMon(options);
  const id = options.get('chardev');
  const mode = options.get('mode') ?? 'readline';
  if (id === undefined) throw new MonitorError("Parameter 'chardev' is missing");
  if (mode !== 'readline' && mode !== 'control') {
    throw new MonitorError(`Parameter 'mode' does not accept value '${mode}'`);
  }
  const pretty = parseBool(options.get('pretty') ?? 'off') === true;
  return { chardev: id, mode, pretty, at };
}

export interface CharacterSettings {
  /** -nodefaults. */
  readonly noDefaults: boolean;
  /** There is no display, or -nographic. */
  readonly onTerminal: boolean;
  /** Several may be on the terminal, as before QEMU 2.2, where the keys went to any of them. */
  readonly sharesTerminal: boolean;
  /** Reads the options of -mon. Throws StartError. */
  readonly readMon: (option: GivenOption) => MonitorOption;
  /** Told what goes to standard error. */
  readonly warn: (text: string) => void;
}

/** Reads the options one after another. */
class EndsReader {
  readonly chardevs: ChardevOption[] = [];
  readonly serials: CharOption[] = [];
  readonly monitors: MonitorOption[] = [];
  monitorInFront = false;
  readonly #settings: CharacterSettings;
  /** Monitors with a device of their own. */
  #compat = 0;

  constructor(settings: CharacterSettings) {
    this.#settings = settings;
  }

  read(option: GivenOption): void {
    const { name, value, at } = option;
    const kind = MONITORS[name];
    if (kind !== undefined) this.monitor(value, kind, at);
    else if (name === 'mon') this.monitors.push(about(at, () => this.#settings.readMon(option)));
    else if (name === 'serial') this.serials.push({ spec: value, at });
    else if (name === 'chardev') this.#chardev(value, at);
  }

  /** A monitor on a device that has an id, or on one of its own. */
  monitor(spec: string, kind: Pick<MonitorOption, 'mode' | 'pretty'>, at: string | undefined): void {
    // QEMU: of the three options, -monitor alone knows the word.
    if (spec === 'none' && kind.mode === 'readline') return;
    const chardev = spec.startsWith(CHARDEV)
      ? this.#monitorId(spec.slice(CHARDEV.length), at)
      : this.#compatChardev(spec, at);
    this.monitors.push({ chardev, ...kind, at });
  }

  /** The serial port that nobody asked for joins the monitor that is on the terminal. False: no monitor is. */
  joinMonitor(): boolean {
    const at = this.chardevs.findIndex(
      ({ options }) =>
        options.get('backend') === TERMINAL && this.monitors.some(({ chardev }) => chardev === options.id),
    );
    const found = this.chardevs[at];
    if (found === undefined) return false;
    const { id, entries } = found.options;
    this.chardevs[at] = { ...found, options: new Options([...entries, ['mux', 'on']], id) };
    this.serials.push({ spec: `${CHARDEV}${id}`, at: undefined });
    this.monitorInFront = true;
    return true;
  }

  /** QEMU: such an option names the monitor after its device. */
  #monitorId(id: string, at: string | undefined): string {
    if (!isWellFormedId(id)) throw startError("Parameter 'id' expects an identifier", at);
    if (this.monitors.some(({ chardev, at: other }) => chardev === id && !other?.startsWith('-mon '))) {
      throw startError(`Duplicate ID '${id}' for mon`, at);
    }
    return id;
  }

  #compatChardev(spec: string, at: string | undefined): string {
    const id = `compat_monitor${this.#compat++}`;
    const options = shortFormOption(spec, id, at, this.#isTaken(id), `parse error: ${spec}`);
    this.chardevs.push({ options, at });
    return id;
  }

  #isTaken(id: string): boolean {
    return this.chardevs.some(({ options }) => options.id === id);
  }

  #chardev(value: string, at: string): void {
    const warn = (message: string): void => this.#settings.warn(report(message, at));
    const options = about(at, () => parseChardevOptions(value, warn));
    const { id } = options;
    if (id !== undefined && this.#isTaken(id)) throw startError(`Duplicate ID '${id}' for chardev`, at);
    this.chardevs.push({ options, at });
  }
}

/** An error with its hint, as a command line shows it. */
function textOf({ message, hint }: MonitorError): string {
  return hint === undefined ? message : `${message}\n${hint}`;
}

/** Says of an error which option it is about. */
function about<T>(at: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof MonitorError ? startError(textOf(error), at) : error;
  }
}

/**
 * The options behind a short form. Throws StartError, in which a line says what the device was wanted for.
 * @param isTaken another device has the id
 */
export function shortFormOption(
  spec: string,
  id: string,
  at: string | undefined,
  isTaken: boolean,
  line: string,
): Options {
  const last = report(line, at);
  try {
    if (isTaken && parseShortForm(spec, id) !== undefined) {
      throw new MonitorError(`Duplicate ID '${id}' for chardev`);
    }
    const options = parseShortForm(spec, id);
    if (options === undefined) throw new StartError(last, at);
    return options;
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw new StartError(`${report(textOf(error), at)}\n${last}`, at);
  }
}

/** -gdb, and -s, which is short for one of them. */
export function readGdbServers(given: readonly GivenOption[]): readonly CharOption[] {
  return given.flatMap(({ name, value, at }) => {
    if (name === 's') return [{ spec: 'tcp::1234', at }];
    return name === 'gdb' ? [{ spec: value, at }] : [];
  });
}

/** QEMU: -nographic brings both on the terminal unless the user put one of them elsewhere. */
export function readCharacters(given: readonly GivenOption[], settings: CharacterSettings): CharacterEnds {
  const { noDefaults, onTerminal, sharesTerminal } = settings;
  const reader = new EndsReader(settings);
  for (const option of given) reader.read(option);
  const { serials } = reader;
  const named = new Set(given.map(({ name }) => name));
  const machines = given.filter(({ name }) => name === 'machine').map(({ value }) => value);
  const hasPorts = typeGiven(machines) !== NONE_MACHINE;
  const wantsSerial = hasPorts && !noDefaults && serials.length === 0;
  const wantsMonitor =
    !noDefaults &&
    !['mon', ...Object.keys(MONITORS)].some((name) => named.has(name)) &&
    !serials.some(({ spec }) => sharesWithMonitor(spec));
  const serial = (spec: string): void => void serials.push({ spec, at: undefined });
  if (!onTerminal) {
    if (wantsSerial) serial('vc');
  } else if (wantsSerial && wantsMonitor) serial('mon:stdio');
  else {
    if (wantsSerial && !(sharesTerminal && reader.joinMonitor())) serial('stdio');
    if (wantsMonitor) reader.monitor('stdio', HMP, undefined);
  }
  return reader;
}
