/** All character devices of a machine on this host, by id: those of the command line and those that a monitor makes. */
import {
  type Asker,
  CHARDEV_KINDS,
  type ChardevHost,
  type ChardevRequest,
  MonitorError,
  type OpenedChardev,
  type Options,
  ptyLine,
  type RingBuffer,
  readChardev,
  report,
} from '../emu/index.ts';
import { DevicePipe, SharedPipes } from './channel-pipes.ts';
import { type Channel, RingBufferChannel } from './chardev.ts';
import { OutputFile } from './chardev-file.ts';
import { openBackend } from './chardev-kinds.ts';
import { LoggedChannel, ReplaceableChannel } from './chardev-layers.ts';
import { Mux } from './chardev-mux.ts';
import { PtyChannel } from './chardev-pty.ts';
import { SocketChannel } from './chardev-socket.ts';

export interface OpenEnvironment {
  /** Told what goes to standard error. */
  readonly warn: (text: string) => void;
  /** Told what goes to standard output. */
  readonly say: (text: string) => void;
  /** Ctrl-A X. */
  readonly onExit: () => void;
  readonly nowMs: () => number;
  /** Settles when nobody is waited for any more. */
  readonly ended: Promise<unknown>;
  /** Something came for a device. */
  readonly wake: () => void;
}

interface Entry {
  readonly id: string;
  driver: string;
  readonly channel: ReplaceableChannel;
  /** Where ringbuf_read finds what was sent. */
  ring: RingBuffer | undefined;
  /** Where users are: the multiplexer on the channel. */
  readonly mux: Mux | undefined;
  /** A part of the board or a monitor has it, and may go on with another. */
  user: 'monitor' | 'serial' | 'mux' | undefined;
  sendBreak: () => void;
  /** The other end of a pseudo terminal. */
  pty: string | undefined;
  /** Ends the connection of a socket. */
  yank: (() => void) | undefined;
}

interface Opened {
  readonly channel: Channel;
  readonly ring: RingBuffer | undefined;
  readonly pty: string | undefined;
  readonly yank: (() => void) | undefined;
}

export class ChannelSet implements ChardevHost {
  readonly kinds = CHARDEV_KINDS;
  readonly #environment: OpenEnvironment;
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(environment: OpenEnvironment) {
    this.#environment = environment;
  }

  /** What the option `at` of the command line asks for. Rejects with MonitorError. */
  async add(options: Options, at?: string): Promise<void> {
    const [made] = await this.#make(options, 'command line', at);
    if (made !== undefined) this.#environment.say(ptyLine(made.pty, made.id));
  }

  /** Opens what the options ask for, and what is on it. Rejects with MonitorError. */
  async #make(options: Options, asker: Asker, at?: string): Promise<readonly Entry[]> {
    const request = readChardev(options, CHARDEV_KINDS, asker);
    const { id, mux: isShared } = request;
    const baseId = isShared ? `${id}-base` : id;
    for (const wanted of [baseId, id]) this.#checkNew(wanted);
    const { channel: opened, ring, pty, yank } = await this.#openOne(request, at);
    if (this.#isClosed) opened.close();
    const channel = new ReplaceableChannel(opened);
    const { driver } = request;
    const entry: Entry = {
      id: baseId,
      driver,
      channel,
      ring,
      pty,
      yank,
      mux: undefined,
      user: undefined,
      sendBreak() {},
    };
    this.#entries.set(baseId, entry);
    if (!isShared) return [entry];
    const { onExit, nowMs } = this.#environment;
    const mux = new Mux({ channel, onExit, nowMs });
    entry.user = 'mux';
    entry.sendBreak = () => mux.sendBreak();
    const shared: Entry = {
      ...entry,
      id,
      driver: 'mux',
      mux,
      ring: undefined,
      user: undefined,
      yank: undefined,
    };
    this.#entries.set(id, shared);
    return [entry, shared];
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** An end for a monitor or a serial port. Throws MonitorError when somebody else has it. */
  take(id: string, user: 'monitor' | 'serial'): Channel {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new MonitorError(`chardev "${id}" not found`);
    const isFree = entry.mux === undefined ? entry.user === undefined : entry.mux.hasRoom;
    if (!isFree) throw new MonitorError(`Device '${id}' is in use`);
    if (entry.mux !== undefined) return entry.mux.front();
    entry.user = user;
    return entry.channel;
  }

  /** Whether QMP can be on it. QEMU aborts where it cannot. */
  isShared(id: string): boolean {
    return this.#entries.get(id)?.mux !== undefined;
  }

  /** What the machine is given, in the order in which it was opened. */
  chardevs(): readonly OpenedChardev[] {
    return [...this.#entries.values()].map((entry) => this.#chardevOf(entry));
  }

  /** One that has no id, and that whoever asks closes. Rejects with MonitorError. */
  async openAlone(options: Options): Promise<Channel> {
    const request = readChardev(options);
    const { channel, pty } = await this.#openOne(request);
    this.#environment.say(ptyLine(pty, request.id));
    return channel;
  }

  async open(options: Options): Promise<readonly OpenedChardev[]> {
    const made = await this.#make(options, 'monitor');
    const opened = made.map((entry) => this.#chardevOf(entry));
    for (const { mux } of made) mux?.begin();
    return opened;
  }

  async replace(options: Options): Promise<OpenedChardev> {
    const request = readChardev(options, CHARDEV_KINDS, 'monitor');
    const entry = this.#entries.get(request.id);
    if (entry === undefined) throw new MonitorError(`Chardev '${request.id}' does not exist`);
    const { channel, ring, pty, yank } = await this.#openOne(request);
    entry.channel.replace(channel);
    entry.yank = yank;
    entry.ring = ring;
    entry.driver = request.driver;
    entry.pty = pty;
    return this.#chardevOf(entry);
  }

  /** The machine is ready: multiplexers tell their users. */
  begin(): void {
    for (const { mux } of this.#entries.values()) mux?.begin();
  }

  /** What a break is sent to, for one that a serial port has. */
  setBreak(channel: Channel, sendBreak: () => void): void {
    for (const entry of this.#entries.values()) if (entry.channel === channel) entry.sendBreak = sendBreak;
  }

  /** What is being opened is closed as soon as it is open. */
  close(): void {
    this.#isClosed = true;
    for (const { channel, mux } of this.#entries.values()) if (mux === undefined) channel.close();
  }

  #checkNew(id: string): void {
    if (!this.#entries.has(id)) return;
    throw new MonitorError(`attempt to add duplicate property '${id}' to object (type 'container')`);
  }

  async #openOne({ id, driver, log, backend }: ChardevRequest, at?: string): Promise<Opened> {
    const { warn, ended } = this.#environment;
    const file = log === undefined ? undefined : new OutputFile(log.path, log.append, 'Could not create');
    try {
      const channel = await openBackend(backend(), {
        ...{ id, driver, ended },
        warn: (text) => warn(report(text)),
        waits: (filename) => warn(report(`info: QEMU waiting for connection on: ${filename}`, at)),
      });
      const ring = channel instanceof RingBufferChannel ? channel.ring : undefined;
      const pty = channel instanceof PtyChannel ? channel.path : undefined;
      const yank = channel instanceof SocketChannel ? () => channel.yank() : undefined;
      return { channel: file === undefined ? channel : new LoggedChannel(channel, file), ring, pty, yank };
    } catch (error) {
      file?.close();
      throw error;
    }
  }

  #chardevOf(entry: Entry): OpenedChardev {
    const { id, driver, channel, ring, mux, user, pty, yank } = entry;
    const { wake } = this.#environment;
    const common = {
      ...{ id, driver, ring, pty, yank, filename: () => (mux === undefined ? channel.filename : 'mux') },
      sendBreak: () => entry.sendBreak(),
      close: () => {
        this.#entries.delete(id);
        channel.close();
      },
    };
    if (mux !== undefined) return { ...common, backend: null, shared: new SharedPipes(mux, wake) };
    if (user !== undefined) return { ...common, backend: null, isReplaceable: user === 'serial' };
    const pipe = new DevicePipe(channel, wake);
    entry.sendBreak = () => pipe.sendEvent('break');
    return { ...common, backend: pipe };
  }
}
