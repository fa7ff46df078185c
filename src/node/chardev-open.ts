/** From the command line to open channels: -chardev, -monitor, -qmp, -mon and -serial. Texts are QEMU's. */
import {
  type ChardevOption,
  type CharOption,
  MonitorError,
  type MonitorOption,
  report,
  StartError,
  sharesWithMonitor,
  shortFormOption,
  startError,
} from '../emu/index.ts';
import { ChannelSet, type OpenEnvironment } from './channel-set.ts';
import type { Channel } from './chardev.ts';

export type { OpenEnvironment } from './channel-set.ts';

const CHARDEV = 'chardev:';

/** A channel with a monitor on it. */
export interface MonitorChannel extends Pick<MonitorOption, 'mode' | 'pretty'> {
  readonly channel: Channel;
}

/** The open ends of a command line. */
export interface Channels {
  readonly set: ChannelSet;
  /** By port; undefined: no such port. */
  readonly serials: readonly (Channel | undefined)[];
  readonly monitors: readonly MonitorChannel[];
}

/** What the command line says of character devices. */
export interface CharacterOptions {
  readonly serials: readonly CharOption[];
  readonly monitors: readonly MonitorOption[];
  readonly chardevs: readonly ChardevOption[];
  readonly monitorInFront?: boolean;
}

class Opener {
  readonly #set: ChannelSet;
  readonly #monitors: MonitorChannel[] = [];

  constructor(environment: OpenEnvironment) {
    this.#set = new ChannelSet(environment);
  }

  /** Rejects with StartError, having closed what was open. */
  async open({ serials, monitors, chardevs, monitorInFront }: CharacterOptions): Promise<Channels> {
    try {
      for (const { options, at } of chardevs) await this.#about(at, () => this.#set.add(options, at));
      if (monitorInFront !== true) await this.#takeMonitors(monitors);
      const ports: (Channel | undefined)[] = [];
      for (const option of serials) {
        // QEMU: what is more than the board has ports is opened, and leads nowhere.
        ports.push(await this.#about(option.at, () => this.#serial(option, `serial${ports.length}`)));
      }
      if (monitorInFront === true) await this.#takeMonitors(monitors);
      return { set: this.#set, serials: ports, monitors: this.#monitors };
    } catch (error) {
      this.#set.close();
      throw error;
    }
  }

  /** Whoever is last has the keys of what is shared. */
  async #takeMonitors(monitors: readonly MonitorOption[]): Promise<void> {
    for (const option of monitors) await this.#about(option.at, () => this.#monitor(option));
  }

  /** Says of an error which option it is about. */
  async #about<T>(at: string | undefined, open: () => T | Promise<T>): Promise<T> {
    try {
      return await open();
    } catch (error) {
      throw error instanceof MonitorError ? startError(textOf(error), at) : error;
    }
  }

  #monitor({ chardev, mode, pretty }: MonitorOption): void {
    // Not modelled: QEMU aborts.
    if (mode === 'control' && this.#set.isShared(chardev)) {
      throw new MonitorError('a monitor for programs cannot share its character device');
    }
    const channel = this.#set.take(chardev, 'monitor');
    // QEMU: looked at when the device is there.
    if (pretty && mode === 'readline') throw new MonitorError("'pretty' is not compatible with HMP monitors");
    this.#monitors.push({ channel, mode, pretty });
  }

  /** Undefined: there is to be no such port. */
  async #serial({ spec, at }: CharOption, id: string): Promise<Channel | undefined> {
    if (spec === 'none') return undefined;
    const line = `could not connect serial device to character backend '${spec}'`;
    if (spec.startsWith(CHARDEV)) {
      const chardev = spec.slice(CHARDEV.length);
      if (!this.#set.has(chardev)) throw startError(line, at);
      return this.#set.take(chardev, 'serial');
    }
    const options = shortFormOption(spec, id, at, this.#set.has(id), line);
    try {
      await this.#set.add(options, at);
    } catch (error) {
      if (!(error instanceof MonitorError)) throw error;
      throw new StartError(`${report(textOf(error), at)}\n${report(line, at)}`, at);
    }
    if (sharesWithMonitor(spec)) {
      this.#monitors.push({ channel: this.#set.take(id, 'monitor'), mode: 'readline', pretty: false });
    }
    return this.#set.take(id, 'serial');
  }
}

function textOf({ message, hint }: MonitorError): string {
  return hint === undefined ? message : `${message}\n${hint}`;
}

/** Opens what the command line names. Rejects with StartError. */
export function openChannels(options: CharacterOptions, environment: OpenEnvironment): Promise<Channels> {
  return new Opener(environment).open(options);
}
