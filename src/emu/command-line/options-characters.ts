/** Where serial ports and monitors lead: -serial, -monitor, -qmp, -mon, and what comes without them. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';
import type { GivenOption } from './options-split.ts';

/** Where a serial port leads, as the user wrote it. */
export interface CharOption {
  readonly spec: string;
  /** Undefined: nobody asked for it, it is the default. */
  readonly at: string | undefined;
}

/** One monitor. */
export interface MonitorOption {
  /** A character device of its own, as the user wrote it, or one that has an id. */
  readonly chardev: { readonly spec: string } | { readonly id: string };
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
  readonly serials: readonly CharOption[];
  /** In the order of the command line. */
  readonly monitors: readonly MonitorOption[];
}

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
  return { chardev: { id }, mode, pretty, at };
}

export interface CharacterSettings {
  /** -nodefaults. */
  readonly noDefaults: boolean;
  /** There is no display, or -nographic. */
  readonly onTerminal: boolean;
  /** Reads the options of -mon. Throws StartError. */
  readonly readMon: (option: GivenOption) => MonitorOption;
}

/** Those that the user named, in the order of the command line. */
function namedEnds(given: readonly GivenOption[], read: CharacterSettings['readMon']): CharacterEnds {
  const serials = given.flatMap(({ name, value, at }) => (name === 'serial' ? [{ spec: value, at }] : []));
  const monitors = given.flatMap((option): MonitorOption[] => {
    const { name, value, at } = option;
    if (name === 'mon') return [read(option)];
    const kind = MONITORS[name];
    return kind === undefined ? [] : [{ chardev: { spec: value }, ...kind, at }];
  });
  return { serials, monitors };
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
  const { noDefaults, onTerminal } = settings;
  const { serials, monitors } = namedEnds(given, settings.readMon);
  const wantsSerial = !noDefaults && serials.length === 0;
  const wantsMonitor =
    !noDefaults && monitors.length === 0 && !serials.some(({ spec }) => spec.startsWith('mon:'));
  const serial = (spec: string): CharOption[] => [...serials, { spec, at: undefined }];
  if (!onTerminal) return { serials: wantsSerial ? serial('vc') : serials, monitors };
  if (wantsSerial && wantsMonitor) return { serials: serial('mon:stdio'), monitors };
  const terminal = { chardev: { spec: 'stdio' }, ...HMP, at: undefined };
  return {
    serials: wantsSerial ? serial('stdio') : serials,
    monitors: wantsMonitor ? [...monitors, terminal] : monitors,
  };
}
