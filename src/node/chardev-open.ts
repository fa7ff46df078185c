/** From the user's words to open channels: `-serial`, `-monitor` and `-chardev`. Texts are QEMU's. */
import {
  type CharOption,
  MonitorError,
  type MonitorOption,
  type OptionGroup,
  type Options,
  parseBool,
  report,
  StartError,
  startError,
  withoutProgram,
} from '../emu/index.ts';
import { type Channel, NullChannel } from './chardev.ts';
import { FileChannel } from './chardev-file.ts';
import { Mux } from './chardev-mux.ts';
import { StdioChannel } from './chardev-stdio.ts';
import { TcpChannel } from './chardev-tcp.ts';
import { UnixChannel } from './chardev-unix.ts';
import { hostErrorText } from './host-errors.ts';

const MON = 'mon:';
const MAX_SERIALS = 4;

/** A channel under the id of a character device. */
export interface NamedChannel {
  readonly id: string;
  readonly channel: Channel;
  /** The option that asked for it; undefined: it is in use for good. */
  readonly at: string | undefined;
}

/** A channel with a monitor on it. */
export interface MonitorChannel extends Pick<MonitorOption, 'mode' | 'pretty'> {
  readonly channel: Channel;
}

/** The open ends of a command line. */
export interface Channels {
  /** By port; undefined: no such port. */
  readonly serials: readonly (Channel | undefined)[];
  readonly monitors: readonly MonitorChannel[];
  /** Those that are a character device, but for the serial ports, in QEMU's order. */
  readonly named: readonly NamedChannel[];
  /** Opens one more, as -serial names it. Rejects with MonitorError; whoever asks closes it. */
  readonly open: (spec: string) => Promise<Channel>;
}

export interface OpenEnvironment {
  readonly warn: (text: string) => void;
  /** Ctrl-A X. */
  readonly onExit: () => void;
  readonly nowMs: () => number;
  /** Settles when nobody is waited for any more. */
  readonly ended: Promise<unknown>;
}

/** What the command line says of character devices. */
export interface CharacterOptions {
  readonly serials: readonly CharOption[];
  readonly monitors: readonly MonitorOption[];
  readonly chardevs: readonly OptionGroup[];
}

interface UnixOptions {
  readonly path: string;
  readonly server: boolean;
  readonly wait: boolean;
}

/** `name[=on|off]` or `noname`; undefined for another option. Throws StartError. */
function readFlag(option: string, at: string | undefined): { name: string; value: boolean } | undefined {
  const [, no, name, text] = /^(no)?(server|wait)(?:=(.*))?$/.exec(option) ?? [];
  if (name === undefined) return undefined;
  const value = text === undefined ? no === undefined : parseBool(text);
  if (value === undefined) throw startError(`Parameter '${name}' expects 'on' or 'off'`, at);
  return { name, value };
}

/** Throws StartError. */
function readUnix(spec: string, at: string | undefined): UnixOptions {
  const [path = '', ...rest] = spec.split(',');
  const flags = new Map<string, boolean>();
  for (const option of rest) {
    const flag = readFlag(option, at);
    if (flag === undefined) throw startError(`Invalid parameter '${option.split('=')[0] ?? ''}'`, at);
    flags.set(flag.name, flag.value);
  }
  const text = (name: string): string | undefined =>
    flags.has(name) ? (flags.get(name) ? 'on' : 'off') : undefined;
  return unixOptions(path, text, at);
}

/**
 * What the options of a Unix socket say together. Throws StartError.
 * @param get a flag's text, which has been checked
 */
function unixOptions(
  path: string,
  get: (name: string) => string | undefined,
  at: string | undefined,
): UnixOptions {
  // QEMU: a socket without a path would be one that is open already.
  if (path === '') throw startError('Unable to parse FD number ', at);
  const flag = (name: string): boolean | undefined => {
    const text = get(name);
    return text === undefined ? undefined : parseBool(text);
  };
  const server = flag('server') ?? false;
  if (!server && flag('wait') === true) {
    throw startError("'wait' option is incompatible with socket in client connect mode", at);
  }
  return { path, server, wait: server && flag('wait') !== false };
}

class Opener {
  readonly #environment: OpenEnvironment;
  readonly #open: Channel[] = [];
  readonly #named: NamedChannel[] = [];
  #stdioTaken = false;
  /** Monitors with a device of their own. */
  #compat = 0;

  constructor(environment: OpenEnvironment) {
    this.#environment = environment;
  }

  /** Rejects with StartError, having closed what was open. */
  async open({ serials, monitors, chardevs }: CharacterOptions): Promise<Channels> {
    try {
      for (const { options, at } of chardevs) {
        const channel = await this.#chardev(options, at);
        if (channel !== undefined) this.#named.push({ id: options.id ?? '', channel, at });
      }
      const monitorChannels: MonitorChannel[] = [];
      for (const option of monitors) {
        const channel = await this.#monitor(option, chardevs);
        const { mode, pretty } = option;
        if (channel !== undefined) monitorChannels.push({ channel, mode, pretty });
      }
      const serialChannels: (Channel | undefined)[] = [];
      for (const option of serials) {
        if (serialChannels.length === MAX_SERIALS) throw tooManySerials(option.at);
        serialChannels.push(await this.#serial(option, `serial${serialChannels.length}`, monitorChannels));
      }
      return {
        serials: serialChannels,
        monitors: monitorChannels,
        named: this.#named,
        open: (spec) => this.#another(spec),
      };
    } catch (error) {
      for (const channel of this.#open) channel.close();
      throw error;
    }
  }

  /** Undefined: there is to be none. */
  async #monitor(option: MonitorOption, chardevs: readonly OptionGroup[]): Promise<Channel | undefined> {
    const { chardev, mode, pretty, at } = option;
    if ('id' in chardev) {
      const channel = this.#monitorOn(chardev.id, chardevs, at);
      // QEMU: looked at when the device is there.
      if (pretty && mode === 'readline') throw startError("'pretty' is not compatible with HMP monitors", at);
      return channel;
    }
    const { spec } = chardev;
    // QEMU: of the three options, -monitor alone knows the word.
    if (spec === 'none' && mode === 'readline') return undefined;
    const channel = await this.#mon(spec.startsWith(MON) ? spec.slice(MON.length) : spec, at);
    this.#named.push({ id: `compat_monitor${this.#compat++}`, channel, at: undefined });
    return channel;
  }

  async #mon(spec: string, at: string | undefined): Promise<Channel> {
    try {
      return await this.#channel(spec, at, true);
    } catch (error) {
      throw withLine(error, `parse error: ${spec}`, at, isUnknown(spec));
    }
  }

  /** A device of -chardev that nobody else can have from now on. */
  #monitorOn(id: string, chardevs: readonly OptionGroup[], at: string | undefined): Channel {
    const place = this.#named.findIndex((one) => one.id === id);
    const named = this.#named[place];
    if (named?.at === undefined && place >= 0) throw startError(`Device '${id}' is in use`, at);
    if (named !== undefined) {
      this.#named[place] = { ...named, at: undefined };
      return named.channel;
    }
    const group = chardevs.find(({ options }) => options.id === id);
    if (group === undefined) throw startError(`chardev "${id}" not found`, at);
    if (group.options.get('backend') !== 'null') {
      throw startError(`a monitor on '${group.options.get('backend')}' is not modelled here`, at);
    }
    const channel = new NullChannel('null');
    this.#named.push({ id, channel, at: undefined });
    return channel;
  }

  async #serial(
    { spec, at }: CharOption,
    id: string,
    monitors: MonitorChannel[],
  ): Promise<Channel | undefined> {
    if (spec === 'none') return undefined;
    try {
      if (!spec.startsWith(MON)) return await this.#channel(spec, at, true);
      const channel = await this.#channel(spec.slice(MON.length), at, false);
      const { onExit, nowMs } = this.#environment;
      const mux = new Mux({ channel, onExit, nowMs });
      this.#named.push({ id: `${id}-base`, channel, at: undefined });
      monitors.push({ channel: mux.monitor, mode: 'readline', pretty: false });
      return mux.serial;
    } catch (error) {
      throw withLine(error, `could not connect serial device to character backend '${spec}'`, at, true);
    }
  }

  async #another(spec: string): Promise<Channel> {
    if (spec.startsWith('tcp:')) return TcpChannel.listen(spec);
    try {
      return await this.#make(spec, undefined, true);
    } catch (error) {
      throw error instanceof StartError ? new MonitorError(withoutProgram(error.message)) : error;
    }
  }

  async #channel(spec: string, at: string | undefined, signals: boolean): Promise<Channel> {
    const channel = await this.#make(spec, at, signals);
    this.#open.push(channel);
    return channel;
  }

  /** Undefined for a kind that the machine makes itself. */
  async #chardev(options: Options, at: string): Promise<Channel | undefined> {
    const kind = options.get('backend');
    const path = options.get('path');
    let channel: Channel;
    if (options.id === undefined) return undefined;
    if (kind === 'stdio') channel = this.#stdio(options.get('signal') !== 'off', at);
    else if (kind === 'file') {
      if (path === undefined) throw startError('chardev: file: no filename given', at);
      channel = openFile(path, at);
    } else if (kind === 'socket') {
      if (options.get('host') !== undefined)
        throw startError('only sockets with path= are modelled here', at);
      const wanted = unixOptions(path ?? '', (name) => options.get(name), at);
      channel = await this.#unix(wanted, at, `unix:${wanted.path}`);
    } else return undefined;
    this.#open.push(channel);
    return channel;
  }

  #stdio(signals: boolean, at: string | undefined): Channel {
    if (this.#stdioTaken) throw startError('cannot use stdio by multiple character devices', at);
    this.#stdioTaken = true;
    return new StdioChannel(signals);
  }

  #make(spec: string, at: string | undefined, signals: boolean): Channel | Promise<Channel> {
    if (spec === 'null') return new NullChannel('null');
    if (spec === 'vc' || spec.startsWith('vc:')) return new NullChannel('vc');
    if (spec === 'stdio') return this.#stdio(signals, at);
    if (spec.startsWith('file:')) return openFile(spec.slice('file:'.length), at);
    if (spec.startsWith('unix:')) return this.#unix(readUnix(spec.slice('unix:'.length), at), at, spec);
    throw startError(`'${spec}' is not a valid char driver`, at);
  }

  async #unix({ path, server, wait }: UnixOptions, at: string | undefined, spec: string): Promise<Channel> {
    try {
      if (!server) return await UnixChannel.connect(path);
      const channel = await UnixChannel.listen(path);
      if (wait) {
        const text = `info: QEMU waiting for connection on: disconnected:${spec.split(',')[0]},server=on`;
        this.#environment.warn(report(text, at));
        await Promise.race([channel.client(), this.#environment.ended]);
      }
      return channel;
    } catch (error) {
      const what = server ? `Failed to bind socket to ${path}` : `Failed to connect to '${path}'`;
      throw startError(`${what}: ${hostErrorText(error)}`, at);
    }
  }
}

function tooManySerials(at: string | undefined): StartError {
  return startError(`at most ${MAX_SERIALS} serial ports are modelled by this machine`, at);
}

function isUnknown(spec: string): boolean {
  return !/^(?:null$|vc|stdio$|file:|unix:)/.test(spec);
}

function openFile(path: string, at: string | undefined): Channel {
  try {
    return new FileChannel(path);
  } catch (error) {
    throw startError(`Could not open '${path}': ${hostErrorText(error)}`, at);
  }
}

/** QEMU: a second line says what the channel was wanted for. */
function withLine(error: unknown, line: string, at: string | undefined, also: boolean): unknown {
  if (!(error instanceof StartError) || !also) return error;
  return new StartError(`${error.message}\n${report(line, at)}`);
}

/** Opens what -serial, -monitor and -chardev name. Rejects with StartError. */
export function openChannels(options: CharacterOptions, environment: OpenEnvironment): Promise<Channels> {
  return new Opener(environment).open(options);
}
