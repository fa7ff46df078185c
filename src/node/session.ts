/** One machine from its command line to its end. */
import { randomFillSync } from 'node:crypto';
import {
  attachBackends,
  attachDevices,
  type BootFiles,
  type CommandLine,
  giveBootFiles,
  loadSnapshot,
  type Machine,
  type MachineHost,
  MonitorError,
  machineOfCommandLine,
  report,
  StartError,
  startError,
  startLog,
  TraceLog,
  WakingImages,
} from '../emu/index.ts';
import { connectPipe } from './channel-pipes.ts';
import { type Channels, openChannels } from './chardev-open.ts';
import { FILE_IMAGES } from './file-backend.ts';
import { GdbServer, gdbOptions } from './gdb-server.ts';
import { type GuestFiles, noKernelError, readFirmwareFile, readGuest, runsNoGuest } from './guest-image.ts';
import { attachMonitor, type MonitorUser } from './monitor-channels.ts';
import { nodeNetHost } from './net-host.ts';
import { OutputCollector } from './output-collector.ts';
import { createFile, readTextFile } from './output-file.ts';
import { QtestServer } from './qtest-server.ts';
import { RunLoop } from './run-loop.ts';
import { snapshotFiles } from './snapshot-files.ts';

/** Signals that end the machine. */
export const SIGNALS: readonly (readonly [name: NodeJS.Signals, number: number])[] = [
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
];
const NS_PER_MS = 1e6;
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
  #fail: (error: unknown) => void = () => {};
  #loop: RunLoop | undefined;
  #machine: Machine | undefined;
  #gdb: GdbServer | undefined;
  #qtest: QtestServer | undefined;
  #ending = false;

  constructor(commandLine: CommandLine, print: (text: string) => void) {
    this.#commandLine = commandLine;
    this.#print = print;
    this.#ended = new Promise((resolve, reject) => {
      this.#end = (status) => {
        this.#ending = true;
        resolve(status);
      };
      this.#fail = (error) => {
        this.#ending = true;
        reject(error);
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
      const trace = this.#startTrace();
      channels = await openChannels(this.#commandLine, {
        warn: this.#print,
        say: (text) => void process.stdout.write(text),
        onExit: () => this.#end(0),
        nowMs: () => performance.now(),
        ended: this.#ended,
        wake: () => this.#loop?.wake(),
      });
      const { qtest } = this.#commandLine;
      if (qtest !== undefined) this.#qtest = await QtestServer.open(qtest, channels.set);
      const guest = readGuest(this.#commandLine);
      return await this.#runWith(channels, guest, trace);
    } finally {
      this.#gdb?.exited();
      this.#qtest?.close();
      channels?.set.close();
      for (const off of signals) off();
    }
  }

  /** The trace is there before the machine, so that its first events are told. Throws StartError. */
  #startTrace(): TraceLog {
    const trace = new TraceLog(printError);
    startLog(trace.log, this.#commandLine.log, { create: createFile, read: readTextFile, warn: this.#print });
    return trace;
  }

  async #runWith(channels: Channels, guest: GuestFiles, trace: TraceLog): Promise<number> {
    const machine = this.#makeMachine(channels, guest, trace);
    this.#machine = machine;
    try {
      if (!this.#ending) this.#attachBackends(machine, channels);
      const complete = (): Promise<void> => this.#complete(machine, channels, guest);
      if (this.#commandLine.preconfig) machine.preconfig.begin(() => this.#completeLater(machine, complete));
      else await complete();
      if (!this.#ending) this.#start(machine, channels);
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

  /** No vCPU starts from its first instruction: it waits, goes on from a snapshot, or never runs. */
  get #startsNoGuest(): boolean {
    const { stopped, loadvm } = this.#commandLine;
    return stopped || loadvm !== undefined || runsNoGuest(this.#commandLine);
  }

  #makeMachine(
    channels: Channels,
    { bios, kernel, initrd, append, memoryBytes }: GuestFiles,
    trace: TraceLog,
  ): Machine {
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
      network: nodeNetHost(() => this.#loop?.wake()),
      createFile,
      snapshots: snapshotFiles('.'),
      notice: (text) => this.#print(report(text)),
    };
    const serialPorts = channels.serials.map((channel) => channel !== undefined);
    const files = { bios, kernel, initrd, append, readBytes: readFirmwareFile };
    const parts = { ...files, memoryBytes, serialPorts, hostChardevs: true, trace };
    return machineOfCommandLine(this.#commandLine, parts, host);
  }

  #attachBackends(machine: Machine, { set }: Channels): void {
    attachBackends(machine, this.#commandLine, this.#print, () => {
      for (const chardev of set.chardevs()) machine.chardevs.provide(chardev.id, chardev);
      machine.chardevs.setHost(set);
    });
  }

  /** Makes what the machine has beside its board and its back ends. Rejects with StartError. */
  async #complete(machine: Machine, channels: Channels, guest: GuestFiles): Promise<void> {
    if (!this.#ending) await attachDevices(machine, this.#commandLine, this.#print);
    if (guest.unpack !== undefined) this.#giveGuest(machine, guest.unpack(), guest.isDefault === true);
    else if (!hasCode(guest) && !this.#startsNoGuest) throw noKernelError();
    await this.#startGdb(machine, channels);
    machine.devices.machineReady();
    if (!this.#ending) await loadSnapshot(machine, this.#commandLine, this.#print);
  }

  /** QEMU starts a machine with little memory, whatever its firmware finds. The guest that nobody named does not keep a machine from waiting. */
  #giveGuest(machine: Machine, files: BootFiles, isDefault: boolean): void {
    try {
      giveBootFiles(machine, files);
    } catch (error) {
      if (!(error instanceof StartError && isDefault && this.#startsNoGuest)) throw error;
      giveBootFiles(machine, { kernel: undefined, initrd: undefined });
      this.#warn('warning: the guest image does not fit into this memory: the machine has nothing to start');
    }
  }

  /** The same when a monitor asks for it, at the end of -preconfig. QEMU: a machine that cannot be made ends the program, without an answer. */
  async #completeLater(machine: Machine, complete: () => Promise<void>): Promise<void> {
    try {
      await complete();
      if (!this.#commandLine.stopped) machine.cont();
    } catch (error) {
      this.#fail(error);
      await new Promise(() => {});
    }
  }

  /** Rejects with StartError. */
  async #startGdb(machine: Machine, { set }: Channels): Promise<void> {
    const gdb = new GdbServer({
      machine,
      dialect: this.#commandLine.dialect,
      open: (device) => set.openAlone(gdbOptions(device)),
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

  #start(machine: Machine, { set, serials, monitors }: Channels): void {
    const loop = new RunLoop(machine, {
      // A monitor whose client does not read keeps its own commands waiting, not the guest.
      queuedBytes: () => Math.max(0, ...serials.map((channel) => channel?.queuedBytes ?? 0)),
      crashed: (error) => this.#crashed(error, machine),
    });
    this.#loop = loop;
    let status = 0;
    machine.events.listen((event) => {
      loop.wake();
      const isPanic = event.event === 'SHUTDOWN' && event.data.reason === 'guest-panic';
      if (isPanic && machine.actions.panicAction === 'exit-failure') status = 1;
    });
    machine.onQuit = () => {
      if (machine.hasQuit || !machine.actions.noShutdown) this.#end(machine.exitStatus || status);
    };
    const outputs = serials.map((channel) => new OutputCollector((bytes) => channel?.write(bytes)));
    machine.onSerial = (bytes, port) => outputs[port]?.add(bytes);
    const user: MonitorUser = {
      ...{ machine, wake: () => loop.wake(), stderr: (message) => this.#warn(message) },
      dialect: this.#commandLine.dialect,
      hasEnded: () => this.#ending,
    };
    for (const monitor of monitors) attachMonitor(monitor, user);
    for (const [port, channel] of serials.entries()) {
      const pipe = machine.serials[port];
      if (channel === undefined || pipe === undefined) continue;
      connectPipe(channel, pipe, () => loop.wake());
      set.setBreak(channel, () => pipe.sendEvent('break'));
    }
    this.#qtest?.begin(machine, () => loop.wake());
    set.begin();
    if (!this.#commandLine.stopped && !machine.preconfig.isOn) machine.cont();
    loop.wake();
  }

  /** QEMU: some warnings are printed without the program's name. */
  #warn(message: string): void {
    this.#print(message.startsWith('WARNING:') ? message : report(message));
  }

  /** Not modelled: which process sent the signal; Node does not tell. */
  #signalled(number: number): void {
    if (this.#ending) return;
    this.#print(report(`terminating on signal ${number}`));
    this.#machine?.events.emit({ event: 'SHUTDOWN', data: { guest: false, reason: 'host-signal' } });
    this.#end(0);
  }

  #crashed(error: unknown, machine: Machine): void {
    this.#print(report(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    for (const line of machine.trace.tail()) this.#print(line);
    this.#end(1);
  }
}

/** There is something that the processor can start. */
function hasCode({ kernel, bios, hasFlash }: GuestFiles): boolean {
  return kernel !== undefined || bios !== undefined || hasFlash === true;
}
