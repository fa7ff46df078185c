/** From the user's words to open channels: `-serial` and `-monitor`. Texts are QEMU's. */
import { parseBool } from '../emu/index.ts';
import { type Channel, NullChannel } from './chardev.ts';
import { FileChannel } from './chardev-file.ts';
import { Mux } from './chardev-mux.ts';
import { StdioChannel } from './chardev-stdio.ts';
import { UnixChannel } from './chardev-unix.ts';
import { hostErrorText } from './host-errors.ts';
import type { CharOption } from './options.ts';
import { report, StartError, startError } from './start-error.ts';

const MON = 'mon:';
const MAX_SERIALS = 4;

/** The open ends of a command line. */
export interface Channels {
  /** By port; undefined: no such port. */
  readonly serials: readonly (Channel | undefined)[];
  readonly monitors: readonly Channel[];
}

export interface OpenEnvironment {
  readonly warn: (text: string) => void;
  /** Ctrl-A X. */
  readonly onExit: () => void;
  readonly nowMs: () => number;
  /** Settles when nobody is waited for any more. */
  readonly ended: Promise<unknown>;
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
  // QEMU: a socket without a path would be one that is open already.
  if (path === '') throw startError('Unable to parse FD number ', at);
  const flags = new Map<string, boolean>();
  for (const option of rest) {
    const flag = readFlag(option, at);
    if (flag === undefined) throw startError(`Invalid parameter '${option.split('=')[0] ?? ''}'`, at);
    flags.set(flag.name, flag.value);
  }
  const server = flags.get('server') ?? false;
  if (!server && flags.get('wait') === true) {
    throw startError("'wait' option is incompatible with socket in client connect mode", at);
  }
  return { path, server, wait: server && flags.get('wait') !== false };
}

class Opener {
  readonly #environment: OpenEnvironment;
  readonly #open: Channel[] = [];
  #stdioTaken = false;

  constructor(environment: OpenEnvironment) {
    this.#environment = environment;
  }

  /** Rejects with StartError, having closed what was open. */
  async open(serials: readonly CharOption[], monitors: readonly CharOption[]): Promise<Channels> {
    try {
      const monitorChannels: Channel[] = [];
      for (const option of monitors) {
        const channel = await this.#monitor(option);
        if (channel !== undefined) monitorChannels.push(channel);
      }
      const serialChannels: (Channel | undefined)[] = [];
      for (const option of serials) {
        if (serialChannels.length === MAX_SERIALS) throw tooManySerials(option.at);
        serialChannels.push(await this.#serial(option, monitorChannels));
      }
      return { serials: serialChannels, monitors: monitorChannels };
    } catch (error) {
      for (const channel of this.#open) channel.close();
      throw error;
    }
  }

  async #monitor({ spec, at }: CharOption): Promise<Channel | undefined> {
    if (spec === 'none') return undefined;
    return this.#mon(spec.startsWith(MON) ? spec.slice(MON.length) : spec, at);
  }

  async #mon(spec: string, at: string | undefined): Promise<Channel> {
    try {
      return await this.#channel(spec, at, true);
    } catch (error) {
      throw withLine(error, `parse error: ${spec}`, at, isUnknown(spec));
    }
  }

  async #serial({ spec, at }: CharOption, monitors: Channel[]): Promise<Channel | undefined> {
    if (spec === 'none') return undefined;
    try {
      if (!spec.startsWith(MON)) return await this.#channel(spec, at, true);
      const channel = await this.#channel(spec.slice(MON.length), at, false);
      const { onExit, nowMs } = this.#environment;
      const mux = new Mux({ channel, onExit, nowMs });
      monitors.push(mux.monitor);
      return mux.serial;
    } catch (error) {
      throw withLine(error, `could not connect serial device to character backend '${spec}'`, at, true);
    }
  }

  async #channel(spec: string, at: string | undefined, signals: boolean): Promise<Channel> {
    const channel = await this.#make(spec, at, signals);
    this.#open.push(channel);
    return channel;
  }

  #make(spec: string, at: string | undefined, signals: boolean): Channel | Promise<Channel> {
    if (spec === 'null' || spec === 'vc' || spec.startsWith('vc:')) return new NullChannel();
    if (spec === 'stdio') {
      if (this.#stdioTaken) throw startError('cannot use stdio by multiple character devices', at);
      this.#stdioTaken = true;
      return new StdioChannel(signals);
    }
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

/** Opens what -serial and -monitor name. Rejects with StartError. */
export function openChannels(
  serials: readonly CharOption[],
  monitors: readonly CharOption[],
  environment: OpenEnvironment,
): Promise<Channels> {
  return new Opener(environment).open(serials, monitors);
}
