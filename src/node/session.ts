/** One machine from its command line to its end. */
import { randomFillSync } from 'node:crypto';
import {
  attachDevices,
  type CommandLine,
  HmpConsole,
  type Machine,
  type MachineHost,
  MonitorError,
  machineOfCommandLine,
  type QmpMessage,
  QmpSession,
  qmpText,
  report,
  startError,
  WakingImages,
} from '../emu/index.ts';
import { type ChannelPipe, provideChannel } from './channel-pipes.ts';
import type { Channel } from './chardev.ts';
import { type Channels, type MonitorChannel, openChannels } from './chardev-open.ts';
import { FILE_IMAGES } from './file-backend.ts';
import { GdbServer } from './gdb-server.ts';
import { type GuestFiles, noKernelError, readGuest } from './guest-image.ts';
import { InputGate } from './input-gate.ts';
import { OutputCollector } from './output-collector.ts';
import { RunLoop } from './run-loop.ts';

const SIGNALS: readonly (readonly [name: NodeJS.Signals, number: number])[] = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
];
const NS_PER_MS = 1e6;
/** What a guest may leave untaken of what was sent to its serial port. Large: it also holds the keys that lead to the monitor. */
const MAX_SERIAL_BYTES = 1 << 20;
/** What may be typed ahead while a monitor command runs. */
const MAX_MONITOR_CHARACTERS = 1 << 16;
/** Answers that the monitor's user has not read. */
const MAX_MONITOR_BYTES = 1 << 20;
/** QEMU reads no more while so many requests of a client wait. */
const MAX_QMP_REQUESTS = 8;

/** A line, or several, for standard error. */
export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a machine until its end; the exit status. Rejects with StartError when it cannot be started.
 * @param print what goes to standard error
 */
export function runMachine(
  commandLine: CommandLine,
  print: (text: string) => void = printError,
): Promise<number> {
  return new Session(commandLine, print).run();
}

class Session {
  readonly #commandLine: CommandLine;
  readonly #ended: Promise<number>;
  readonly #print: (text: string) => void;
  #end: (status: number) => void = () => {};
  #loop: RunLoop | undefined;
  #gdb: GdbServer | undefined;
  #ending = false;

  constructor(commandLine: CommandLine, print: (text: string) => void) {
    this.#commandLine = commandLine;
    this.#print = print;
    this.#ended = new Promise((resolve) => {
      this.#end = (status) => {
        this.#ending = true;
        resolve(status);
      };
    });
  }

  async run(): Promise<number> {
    const signals = SIGNALS.map(([name, number]) => {
      const handler = (): void => this.#signalled(number);
      process.on(name, handler);
      return () => process.off(name, handler);
    });
    let channels: Channels | undefined;
    try {
      channels = await openChannels(this.#commandLine, {
        warn: this.#print,
        onExit: () => this.#end(0),
        nowMs: () => performance.now(),
        ended: this.#ended,
      });
      const guest = readGuest(this.#commandLine);
      return await this.#runWith(channels, guest);
    } finally {
      this.#gdb?.exited();
      for (const channel of channels === undefined ? [] : allOf(channels)) channel.close();
      for (const off of signals) off();
    }
  }

  async #runWith(channels: Channels, guest: GuestFiles): Promise<number> {
    const machine = this.#makeMachine(channels, guest);
    try {
      const pipes = this.#ending ? [] : await this.#attach(machine, channels);
      if (guest.kernel === undefined && !this.#commandLine.stopped) throw noKernelError();
      await this.#startGdb(machine, channels);
      if (!this.#ending) this.#start(machine, channels, pipes);
      const status = await this.#ended;
      this.#loop?.stop();
      await machine.close();
      return status;
    } catch (error) {
      this.#loop?.stop();
      // What is told is why the machine ends; its images are closed as far as they can be.
      await machine.close().catch(() => {});
      throw error;
    }
  }

  #makeMachine(channels: Channels, { kernel, initrd, append, memoryBytes }: GuestFiles): Machine {
    const host: MachineHost = {
      monotonicNs: () => performance.now() * NS_PER_MS,
      wallClockMs: () => Date.now(),
      // A machine that ends does not wait for it.
      after: (delayMs, callback) => void setTimeout(callback, delayMs).unref(),
      random: (bytes) => {
        randomFillSync(bytes);
      },
      images: new WakingImages(FILE_IMAGES, () => this.#loop?.wake()),
      warn: (message) => this.#warn(message),
      notice: (text) => this.#print(report(text)),
    };
    const serialPorts = channels.serials.map((channel) => channel !== undefined);
    const parts = { kernel, initrd, append, memoryBytes, serialPorts };
    const machine = machineOfCommandLine(this.#commandLine, parts, host);
    machine.serialFilename = (port) => channels.serials[port]?.filename ?? 'null';
    return machine;
  }

  async #attach(machine: Machine, { named }: Channels): Promise<readonly ChannelPipe[]> {
    let pipes: readonly ChannelPipe[] = [];
    await attachDevices(machine, this.#commandLine, this.#print, {
      ids: new Set(named.map(({ id }) => id)),
      provide: () => {
        pipes = named.flatMap((channel) => provideChannel(machine, channel));
      },
    });
    return pipes;
  }

  /** Rejects with StartError. */
  async #startGdb(machine: Machine, { open }: Channels): Promise<void> {
    const gdb = new GdbServer({
      ...{ machine, open },
      stderr: (message) => this.#warn(message),
      wake: () => this.#loop?.wake(),
    });
    this.#gdb = gdb;
    machine.startGdbServer = (device) => gdb.start(device);
    for (const { spec, at } of this.#commandLine.gdbServers) {
      await gdb.start(spec).catch((error: unknown) => {
        throw error instanceof MonitorError ? startError(error.message, at) : error;
      });
    }
  }

  #start(machine: Machine, channels: Channels, pipes: readonly ChannelPipe[]): void {
    machine.devices.machineReady();
    const loop = new RunLoop(machine, {
      // A monitor whose client does not read keeps its own commands waiting, not the guest.
      queuedBytes: () => Math.max(0, ...channels.serials.map((channel) => channel?.queuedBytes ?? 0)),
      crashed: (error) => this.#crashed(error, machine),
    });
    this.#loop = loop;
    machine.events.listen(() => loop.wake());
    machine.onQuit = () => {
      if (machine.hasQuit || !this.#commandLine.noShutdown) this.#end(0);
    };
    const outputs = channels.serials.map((channel) => new OutputCollector((bytes) => channel?.write(bytes)));
    machine.onSerial = (bytes, port) => outputs[port]?.add(bytes);
    for (const monitor of channels.monitors) {
      if (monitor.mode === 'control') this.#attachQmp(monitor, machine, loop);
      else this.#attachMonitor(monitor.channel, machine, loop);
    }
    for (const [port, channel] of channels.serials.entries()) {
      const pipe = machine.serials[port];
      if (channel !== undefined && pipe !== undefined) this.#attachPipe({ channel, pipe }, loop);
    }
    for (const pipe of pipes) this.#attachPipe(pipe, loop);
    if (!this.#commandLine.stopped) machine.cont();
    loop.wake();
  }

  #attachPipe({ channel, pipe }: ChannelPipe, loop: RunLoop): void {
    const gate = new InputGate(channel, () => pipe.pending > MAX_SERIAL_BYTES);
    const setOpen = (open: boolean): void => {
      pipe.setOpen(open);
      loop.wake();
    };
    channel.connect({
      input: (bytes) => {
        pipe.send(bytes);
        gate.update();
        loop.wake();
      },
      opened: () => setOpen(true),
      closed: () => setOpen(false),
      focus() {},
      sendBreak: () => {
        pipe.sendEvent('break');
        loop.wake();
      },
    });
  }

  #attachMonitor(channel: Channel, machine: Machine, loop: RunLoop): void {
    const encoder = new TextEncoder();
    const write = (text: string): void => {
      if (!this.#ending) channel.write(encoder.encode(text));
    };
    const outputFull = (): boolean => channel.queuedBytes > MAX_MONITOR_BYTES;
    const console = new HmpConsole(
      write,
      { machine, stderr: (message) => this.#warn(message) },
      { isFull: outputFull, waits: () => gate.update() },
    );
    const gate = new InputGate(
      channel,
      () => console.waitingCharacters > MAX_MONITOR_CHARACTERS || outputFull(),
      () => console.goOn(),
    );
    channel.connect({
      input: (bytes) => {
        console.input(bytes);
        gate.update();
        loop.wake();
      },
      opened: () => console.start(),
      closed() {},
      sendBreak() {},
      focus: (on) => {
        if (on) console.restart();
        else write('\r\n');
      },
    });
  }

  #attachQmp({ channel, pretty }: MonitorChannel, machine: Machine, loop: RunLoop): void {
    const encoder = new TextEncoder();
    const isFull = (): boolean => channel.queuedBytes > MAX_MONITOR_BYTES;
    const tell = (message: QmpMessage): void => channel.write(encoder.encode(qmpText(message, pretty)));
    const session = new QmpSession(tell, {
      machine,
      stderr: (message) => this.#warn(message),
      nowMs: () => Date.now(),
    });
    const gate = new InputGate(channel, () => session.waitingRequests > MAX_QMP_REQUESTS || isFull());
    channel.connect({
      input: (bytes) => {
        session.input(bytes);
        gate.update();
        loop.wake();
      },
      opened: () => session.start(),
      closed: () => session.stop(),
      focus() {},
      sendBreak() {},
    });
  }

  /** QEMU: some warnings are printed without the program's name. */
  #warn(message: string): void {
    this.#print(message.startsWith('WARNING:') ? message : report(message));
  }

  /** Not modelled: which process sent the signal; Node does not tell. */
  #signalled(number: number): void {
    if (this.#ending) return;
    this.#print(report(`terminating on signal ${number}`));
    this.#end(0);
  }

  #crashed(error: unknown, machine: Machine): void {
    this.#print(report(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    for (const line of machine.trace.tail()) this.#print(line);
    this.#end(1);
  }
}

function allOf({ serials, monitors, named }: Channels): readonly Channel[] {
  const all = [
    ...serials.filter((channel) => channel !== undefined),
    ...monitors.map(({ channel }) => channel),
  ];
  return [...new Set([...all, ...named.map(({ channel }) => channel)])];
}
