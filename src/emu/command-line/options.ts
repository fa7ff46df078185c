/** The command line as a whole: what machine the user wants. */
import { CHARDEV_HELP } from '../char/chardev-kinds.ts';
import { assert } from '../core/assert.ts';
import { MonitorError, MonitorHelp } from '../core/monitor-error.ts';
import { cpuHelp } from '../cpu/models/cpu-models.ts';
import type { BootConfig } from '../machine/boot-config.ts';
import type { SmpConfig } from '../machine/cpu-topology.ts';
import { DEVICE_TYPES, OBJECT_TYPES } from '../machine/device-types.ts';
import type { GuestActions } from '../machine/guest-actions.ts';
import type { GlobalDefault } from '../machine/machine-config.ts';
import type { Dialect } from '../monitor/dialects/dialect.ts';
import { DEFAULT_DIALECT, DIALECTS_HELP, findDialect } from '../monitor/dialects/dialects.ts';
import { devicePropertiesText } from '../monitor/hmp/device-help.ts';
import { objectHelpText } from '../monitor/hmp/object-commands.ts';
import { readBlockdev } from '../monitor/qapi/blockdev-text.ts';
import { parseJson } from '../qapi/json-reader.ts';
import { isJsonObject, type JsonValue, keysOf } from '../qapi/json-value.ts';
import { inQdictOrder } from '../qapi/qdict-order.ts';
import { DeviceRegistry } from '../qdev/device-type.ts';
import { Options, parseOptions } from '../qdev/option-string.ts';
import { checkedObjectText, checkIds, checkObjectJson } from './option-checks.ts';
import { readActions } from './options-action.ts';
import { readBoot, readUuid } from './options-boot.ts';
import {
  type CharacterEnds,
  type ChardevOption,
  type CharOption,
  type MonitorOption,
  readCharacters,
  readGdbServers,
  readMon,
} from './options-characters.ts';
import { type FirmwareItem, firmwareGroups, readFirmwareItems } from './options-fw-cfg.ts';
import { readGlobals } from './options-global.ts';
import { type LogOption, readLog } from './options-log.ts';
import {
  ACCEL_HELP,
  type Accel,
  type AccelChoice,
  type BoardOptions,
  checkCpu,
  chooseAccel,
  machineHelp,
  parsePairs,
  readMachine,
  SMP_HELP,
  smpOption,
} from './options-machine.ts';
import {
  backendBytes,
  type MemoryOption,
  type OptionGroup,
  type RtcOption,
  readIcount,
  readMemory,
  readName,
  readRtc,
} from './options-memory.ts';
import { type NetworkOptions, readNetwork } from './options-network.ts';
import { checkOvercommit } from './options-overcommit.ts';
import { type QtestOption, readQtest } from './options-qtest.ts';
import { type GivenOption, splitArguments, type TextReader } from './options-split.ts';
import { helpText, VERSION_LINES } from './options-table.ts';
import { readUsbDevices, type UsbDeviceOption } from './options-usb.ts';
import { readingOption, report, type StartError, StartHelp, startError } from './start-error.ts';

export type { ChardevOption, CharOption, MonitorOption } from './options-characters.ts';
/** A drive or device of the command line. */
export type { OptionGroup } from './options-memory.ts';
export type { QtestOption } from './options-qtest.ts';

/** A node of the block layer. */
export interface BlockdevOption {
  readonly options: ReturnType<typeof readBlockdev>;
  readonly at: string;
}

/** The machine that the user wants. */
export interface CommandLine extends BoardOptions {
  /** Undefined: the default. */
  readonly memoryBytes: number | undefined;
  /** What -m says of it. */
  readonly askedBytes: number | undefined;
  readonly dimms: MemoryOption['dimms'];
  /** -machine hmat=on. */
  readonly hmat: boolean;
  /** What -numa says, in its order; what it means is checked when the objects are there. */
  readonly numa: readonly OptionGroup[];
  readonly smp: SmpConfig;
  /** Undefined: the default. */
  readonly cpu: string | undefined;
  readonly kernel: string | undefined;
  readonly initrd: string | undefined;
  readonly append: string | undefined;
  /** Name of a guest image; undefined: none was named. */
  readonly guest: string | undefined;
  readonly blockdevs: readonly BlockdevOption[];
  readonly drives: readonly OptionGroup[];
  readonly devices: readonly OptionGroup<JsonValue>[];
  readonly usbDevices: readonly UsbDeviceOption[];
  readonly objects: readonly OptionGroup<JsonValue>[];
  readonly network: NetworkOptions;
  /** In the order in which they are made. */
  readonly chardevs: readonly ChardevOption[];
  readonly serials: readonly CharOption[];
  readonly monitors: readonly MonitorOption[];
  readonly monitorInFront: boolean;
  readonly icountShift: number | undefined;
  /** Milliseconds since 1970; undefined: the host's time. */
  readonly rtcBaseMs: number | undefined;
  readonly rtcClock: RtcOption['clock'];
  readonly stopped: boolean;
  /** -preconfig: the machine is completed when a monitor asks for it. */
  readonly preconfig: boolean;
  /** -loadvm: the tag of a snapshot; undefined: the machine begins anew. */
  readonly loadvm: string | undefined;
  /** Where gdb may connect. */
  readonly gdbServers: readonly CharOption[];
  /** -name; undefined: none. */
  readonly name: string | undefined;
  readonly actions: GuestActions;
  readonly accel: Accel;
  readonly boot: BootConfig;
  readonly firmwareItems: readonly FirmwareItem[];
  /** -uuid, in lower case; undefined: none. */
  readonly uuid: string | undefined;
  readonly globals: readonly GlobalDefault[];
  /** Where a client of qtest is; undefined: nowhere. */
  readonly qtest: QtestOption | undefined;
  /** -compat-monitor: the words that all monitors speak. */
  readonly dialect: Dialect;
  /** The user said where the machine is shown. */
  readonly namesDisplay: boolean;
  readonly log: LogOption;
}

type Groups = CharacterEnds &
  Pick<CommandLine, 'blockdevs' | 'drives' | 'devices' | 'objects' | 'network' | 'numa' | 'log'> & {
    readonly firmware: readonly OptionGroup[];
  };

/** Text for standard output; there is no machine to run. */
export interface Answer {
  readonly text: string;
  /** With which the program ends; absent: 0. */
  readonly status?: number;
}

const NO_DISPLAY = ['gtk', 'sdl', 'egl-headless', 'curses', 'spice-app', 'dbus'];
const ONLY_NONE = ['parallel', 'vga'];
const DISKS: Readonly<Record<string, string>> = {
  '': 'index=0,media=disk',
  hda: 'index=0,media=disk',
  hdb: 'index=1,media=disk',
  hdc: 'index=2,media=disk',
  hdd: 'index=3,media=disk',
  cdrom: 'index=2,media=cdrom',
  pflash: 'if=pflash',
  fda: 'if=floppy,index=0',
  fdb: 'if=floppy,index=1',
};

/**
 * Reads the command line. Throws StartError.
 * @param warn told what goes to standard error while the machine can still be started
 * @param readFile reads what -readconfig names; absent: there are no files
 */
export function readCommandLine(
  args: readonly string[],
  warn: (text: string) => void,
  readFile?: TextReader,
): CommandLine | Answer {
  return new Reader(splitArguments(args, readFile), warn).read();
}

class Reader {
  readonly #given: readonly GivenOption[];
  readonly #warn: (text: string) => void;
  readonly #dialect: Dialect;
  readonly #machine = new Map<string, string>();
  readonly #smp = new Map<string, string>();

  constructor(given: readonly GivenOption[], warn: (text: string) => void) {
    this.#given = given;
    this.#warn = warn;
    this.#dialect = readDialect(given);
  }

  read(): CommandLine | Answer {
    // QEMU: options are read in their order before any of them is judged.
    const asked = this.#given.find(({ name }) => name === 'help' || name === 'version');
    const log = readLog(this.#given, {
      warn: this.#warn,
      group: ({ value, at }, implied) => this.#group(value, implied, at),
    });
    const [blockdevs, drives] = [this.#blockdevs(), this.#drives()];
    const [devices, objects] = [this.#devices(), this.#objects()];
    const network = readNetwork(this.#given, ({ value, at }) => this.#group(value, 'type', at));
    const numa = this.#groups('numa', 'type');
    this.#groups('overcommit', undefined).forEach(checkOvercommit);
    const firmware = firmwareGroups(this.#groups('fw_cfg', 'name'));
    const characters = this.#characters();
    this.#checkDisplay();
    if (asked !== undefined) return { text: asked.name === 'help' ? helpText() : VERSION_LINES };
    if ('text' in log) return log;
    if ('text' in network) return network;
    this.#collectMachine();
    const answer = this.#help(devices, objects, characters.chardevs);
    if (answer !== undefined) return answer;
    return this.#judge({ firmware, blockdevs, drives, devices, objects, network, numa, log, ...characters });
  }

  #judge({ firmware, ...groups }: Groups): CommandLine {
    const machine = this.#reading('machine', () => readMachine(this.#machine));
    const memory = this.#reading('m', () => this.#groups('m', 'size').map(readMemory));
    const accel = this.#reading('accel', () => this.#chooseAccel(machine.accel));
    const { version } = machine;
    const usbDevices = readUsbDevices(this.#all('usbdevice'), this.#dialect.start.usbParameters);
    const prefersSockets = version.prefersSockets || this.#dialect.start.prefersSockets;
    const smp = this.#reading('smp', () => smpOption(this.#smp, { ...version, prefersSockets }, this.#warn));
    const cpu = this.#last('cpu');
    this.#reading('cpu', () => checkCpu(cpu, version, smp, this.#warn));
    const rtc = this.#groups('rtc', undefined).map(readRtc).at(-1);
    const icount = this.#groups('icount', 'shift').map(readIcount);
    const kernel = this.#last('kernel') ?? machine.kernel;
    return {
      memoryBytes: memory.at(-1)?.bytes ?? backendBytes(machine.board.memoryBackend, groups.objects),
      askedBytes: memory.at(-1)?.bytes,
      dimms: memory.at(-1)?.dimms,
      ...{ hmat: machine.hmat, ...machine.board, usb: machine.board.usb || usbDevices.length > 0 },
      ...{ smp, cpu, kernel },
      initrd: this.#last('initrd') ?? machine.initrd,
      append: this.#last('append') ?? machine.append,
      guest: this.#last('guest'),
      ...groups,
      usbDevices,
      icountShift: icount.at(-1),
      rtcBaseMs: rtc?.baseMs,
      rtcClock: rtc?.clock ?? 'host',
      stopped: this.#has('S'),
      preconfig: this.#has('preconfig'),
      loadvm: this.#last('loadvm'),
      gdbServers: readGdbServers(this.#given),
      name: this.#reading('name', () => this.#groups('name', 'guest').map(readName).at(-1)),
      actions: readActions(this.#given, ({ value, at }) => this.#group(value, undefined, at)),
      accel,
      boot: this.#reading('boot', () => this.#boot()),
      firmwareItems: readFirmwareItems(firmware, groups.objects, !version.isEmpty, this.#warn),
      uuid: this.#all('uuid').map(readUuid).at(-1),
      globals: readGlobals(
        this.#all('global'),
        ({ value, at }) => this.#group(value, undefined, at),
        this.#warn,
      ),
      qtest: readQtest(this.#last('qtest'), this.#last('qtest-log')),
      dialect: this.#dialect,
      namesDisplay: this.#has('nographic') || this.#has('display'),
    };
  }

  #boot(): BootConfig {
    return { ...readBoot(this.#all('boot')), skipsFloppyCheck: this.#has('no-fd-bootchk') };
  }

  #all(name: string): readonly GivenOption[] {
    return this.#given.filter((option) => option.name === name);
  }

  #reading<T>(name: string, read: () => T): T {
    return readingOption(this.#all(name).at(-1)?.at, read);
  }

  #has(name: string): boolean {
    return this.#all(name).length > 0;
  }

  #last(name: string): string | undefined {
    return this.#all(name).at(-1)?.value;
  }

  #groups(name: string, implied: string | undefined): readonly OptionGroup[] {
    return this.#all(name).map(({ value, at }) => this.#group(value, implied, at));
  }

  #group(text: string, implied: string | undefined, at: string): OptionGroup {
    try {
      return { options: parseOptions(text, implied, (message) => this.#warn(report(message, at))), at };
    } catch (error) {
      throw atOption(error, at);
    }
  }

  /** QEMU: those that are written as JSON come after all others, and have no help. */
  #devices(): readonly OptionGroup<JsonValue>[] {
    const isJson = ({ value }: GivenOption): boolean => isJsonText(value);
    const all = this.#all('device');
    const json = all.filter(isJson).map(({ value, at }) => ({ options: jsonOptions(value, at), at }));
    const devices = all
      .filter((option) => !isJson(option))
      .map(({ value, at }) => this.#group(value, 'driver', at));
    checkIds(devices, 'device');
    return [...devices, ...json];
  }

  /** QEMU: unlike object_add, this option reads what follows as that of a device. */
  #objects(): readonly OptionGroup<JsonValue>[] {
    const objects = this.#all('object').map(({ value, at }): OptionGroup<JsonValue> => {
      return isJsonText(value) ? { options: jsonOptions(value, at), at } : this.#group(value, 'qom-type', at);
    });
    checkIds(objects.filter(isText), 'object');
    return objects.map((group) => {
      try {
        if (isText(group)) return { ...group, options: checkedObjectText(group.options) };
        checkObjectJson(group.options);
        return group;
      } catch (error) {
        throw atOption(error, group.at);
      }
    });
  }

  #blockdevs(): readonly BlockdevOption[] {
    return this.#all('blockdev').map(({ value, at }) => {
      try {
        return { options: readBlockdev(value), at };
      } catch (error) {
        throw atOption(error, at);
      }
    });
  }

  #drives(): readonly OptionGroup[] {
    return this.#given.flatMap(({ name, value, at }) => {
      if (name === 'drive') return [this.#group(value, undefined, at)];
      const place = DISKS[name];
      if (place === undefined) return [];
      return [this.#group(`file=${value.replaceAll(',', ',,')},${place}`, undefined, at)];
    });
  }

  #checkDisplay(): void {
    for (const { value, at } of this.#all('display')) {
      const [type = '', rest] = value.split(',');
      if (NO_DISPLAY.includes(type)) {
        throw startError(`Display '${type}' is not available, please check your compilation options`);
      }
      if (type !== 'none') throw startError(`Parameter 'type' does not accept value '${type}'`, at);
      if (rest !== undefined) {
        throw startError(`Parameter '${rest.split('=')[0] ?? ''}' is unexpected`, at);
      }
    }
    for (const name of ONLY_NONE) {
      const wrong = this.#all(name).find(({ value }) => value !== 'none');
      if (wrong !== undefined) throw startError('only none is modelled by this machine', wrong.at);
    }
  }

  #collectMachine(): void {
    for (const { name, value } of this.#given) {
      if (name === 'machine')
        for (const [key, text] of parsePairs(value, 'type')) this.#machine.set(key, text);
      if (name === 'enable-kvm') this.#machine.set('accel', 'kvm');
      if (name === 'usb') this.#machine.set('usb', 'on');
      if (name === 'bios') this.#machine.set('firmware', value);
      if (name === 'smp') for (const [key, text] of parsePairs(value, 'cpus')) this.#smp.set(key, text);
    }
    for (const [key, text] of this.#machine) {
      if (!key.startsWith('smp.')) continue;
      this.#machine.delete(key);
      this.#smp.set(key.slice('smp.'.length), text);
    }
  }

  /** Options whose value is `help`. */
  #help(
    devices: readonly OptionGroup<JsonValue>[],
    objects: readonly OptionGroup<JsonValue>[],
    chardevs: readonly ChardevOption[],
  ): Answer | undefined {
    const objectHelp = objects
      .filter(isText)
      .map(({ options }) => objectHelpText(OBJECT_TYPES, options))
      .find((text) => text !== undefined);
    if (objectHelp !== undefined) return { text: objectHelp };
    if (isHelp(this.#last('compat-monitor'))) return { text: DIALECTS_HELP };
    const registry = new DeviceRegistry(DEVICE_TYPES);
    for (const { options, at } of devices) {
      const driver = options.get('driver');
      if (options.json || typeof driver !== 'string') continue;
      if (isHelp(driver)) return { text: this.#dialect.layouts.devices(registry.userCreatable()) };
      if (options.get('help') === undefined && options.get('?') === undefined) continue;
      return this.#deviceHelp(registry, driver, at);
    }
    if (isHelp(this.#machine.get('type'))) return { text: machineHelp() };
    if (isHelp(this.#last('cpu'))) return { text: cpuHelp() };
    if (isHelp(this.#last('accel'))) return { text: ACCEL_HELP };
    if (isHelp(this.#smp.get('cpus'))) return { text: SMP_HELP };
    if (chardevs.some(({ options }) => isHelp(options.get('backend')))) return { text: CHARDEV_HELP };
    if (isHelp(this.#last('display'))) return { text: 'Available display backend types:\nnone\n' };
    return undefined;
  }

  /** QEMU: asking for the properties of what does not exist is no failure. */
  #deviceHelp(registry: DeviceRegistry, driver: string, at: string): Answer {
    try {
      return { text: devicePropertiesText(registry, driver) };
    } catch (error) {
      this.#warn(atOption(error, at).message);
      return { text: '' };
    }
  }

  #chooseAccel(fromMachine: string | undefined): Accel {
    const isTest = this.#has('qtest');
    const choices: readonly AccelChoice[] = this.#all('accel').map(({ value, at }) => {
      const [name = '', ...rest] = value.replace(/^accel=/, '').split(',');
      const property = rest[0]?.split('=')[0];
      if (property !== undefined && property !== 'thread') {
        throw startError(`Property '${name}-accel.${property}' not found`, at);
      }
      return { name, at };
    });
    if (fromMachine === undefined) return chooseAccel(this.#withFallback(choices), this.#warn, isTest);
    if (choices.length > 0) {
      throw startError('The -accel and "-machine accel=" options are incompatible');
    }
    const names = fromMachine.split(':').map((name) => ({ name, at: undefined }));
    return chooseAccel(this.#withFallback(names), this.#warn, isTest);
  }

  /** What a lesson's host had and this one has not is taken for this emulator, with QEMU's words for that. */
  #withFallback(choices: readonly AccelChoice[]): readonly AccelChoice[] {
    const takes = this.#dialect.start.takesKvm && choices.some(({ name }) => name === 'kvm');
    return takes ? [...choices, { name: 'tcg', at: undefined }] : choices;
  }

  #characters(): CharacterEnds {
    return readCharacters(this.#given, {
      noDefaults: this.#has('nodefaults'),
      onTerminal: this.#has('nographic') || !this.#has('display'),
      sharesTerminal: this.#dialect.start.sharesTerminal,
      warn: this.#warn,
      readMon: ({ value, at }) =>
        readingOption(at, () => readMon(this.#group(value, 'chardev', at).options, at)),
    });
  }
}

/** Throws StartError. */
function readDialect(given: readonly GivenOption[]): Dialect {
  const option = given.findLast(({ name }) => name === 'compat-monitor');
  if (option === undefined || isHelp(option.value)) return DEFAULT_DIALECT;
  const dialect = findDialect(option.value);
  if (dialect !== undefined) return dialect;
  throw startError(
    'unsupported monitor version\nUse -compat-monitor help to list supported versions',
    option.at,
  );
}

function isJsonText(text: string): boolean {
  return text.startsWith('{');
}

function isText(group: OptionGroup<JsonValue>): group is OptionGroup {
  return !group.options.json;
}

function isHelp(text: string | undefined): boolean {
  return text === 'help' || text === '?';
}

function jsonOf(text: string, at: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw atOption(error, at);
  }
}

/** QEMU's other syntax of -device: one JSON object, whose members count in the order of QEMU's table of them. */
function jsonOptions(text: string, at: string): Options<JsonValue> {
  const value = jsonOf(text, at);
  assert(isJsonObject(value), 'what begins with a brace is an object, or no JSON');
  const keys = inQdictOrder(keysOf(value)).filter((key) => key !== 'id');
  const id = value['id'];
  return new Options(
    keys.map((key) => [key, value[key] ?? null] as const),
    typeof id === 'string' ? id : undefined,
    true,
  );
}

/** An error of the machine, said about one option. Anything else is thrown again. */
export function atOption(error: unknown, at?: string): StartError {
  if (!(error instanceof MonitorError)) throw error;
  if (error instanceof MonitorHelp) return new StartHelp(error.message, at);
  const { message, hint } = error;
  return startError(hint === undefined ? message : `${message}\n${hint}`, at);
}
