import {
  attachBackends,
  attachDevices,
  type CommandLine,
  type ConsoleOutput,
  DEFAULT_DIALECT,
  type Dialect,
  HmpConsole,
  loadSnapshot,
  type Machine,
  type MachineHost,
  Monitor,
  machineForSnapshot,
  machineOfCommandLine,
  PACKED_INITRD_BELOW,
  QmpCaller,
  QmpShell,
  ramImage,
  restoreMachine,
  SnapshotReader,
  startLog,
  TerminalSizePort,
  TraceLog,
  WakingImages,
  withoutProgram,
} from '../emu/index.ts';
import { machineHardware } from './machine-hardware.ts';
import { driveRows, machineDrives } from './machine-ids.ts';
import type { GuestFiles, MachineEnvironment, WorkerMachine } from './machine-types.ts';
import { ENDPOINTS, type EndpointName } from './protocol.ts';

/** A spec limit of `getRandomValues`. Spec: Web Cryptography 10.1.1. */
const RANDOM_BYTES_MAX = 65536;
/** Why a page opens no file of the host's. */
const NO_FILES = 'Operation not supported';
const CONSOLE_PORT = 0;
const SIZE_PORT = 1;

/**
 * The machine with its monitor, in prelaunch. Rejects with StartError.
 * @param warnings what QEMU says on its standard error while the machine can still be started
 */
export async function makeMachine(
  commandLine: CommandLine,
  guest: GuestFiles,
  environment: MachineEnvironment,
  warnings: readonly string[] = [],
): Promise<WorkerMachine> {
  const memoryBytes = commandLine.memoryBytes ?? guest.memoryBytes;
  const { kernel, append, serialPorts } = guest;
  const initrd = memoryBytes < PACKED_INITRD_BELOW ? await gzip(guest.initrd) : guest.initrd;
  const said = [...warnings];
  const trace = new TraceLog((line) => printLine(environment, line));
  startLog(trace.log, commandLine.log, {
    create: () => NO_FILES,
    read: () => NO_FILES,
    warn: (text) => said.push(withoutProgram(text)),
  });
  const parts = { kernel, initrd, append, memoryBytes, serialPorts, trace };
  const machine = machineOfCommandLine(commandLine, parts, hostOf(environment));
  try {
    const say = (text: string): void => void said.push(withoutProgram(text));
    attachBackends(machine, commandLine, say);
    await attachDevices(machine, commandLine, say);
    machine.devices.machineReady();
    await loadSnapshot(machine, commandLine, say);
  } catch (error) {
    await machine.close();
    throw error;
  }
  for (const text of said) environment.onOutput('monitor', `${text}\r\n`);
  return withMonitor(machine, environment, commandLine.dialect).machine;
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const packed = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** A machine that is made of a snapshot while it arrives. */
export class ArrivingMachine {
  readonly #environment: MachineEnvironment;
  readonly #reader: SnapshotReader;
  #machine: Machine | undefined;

  constructor(environment: MachineEnvironment) {
    this.#environment = environment;
    this.#reader = new SnapshotReader((head) => {
      this.#machine = machineForSnapshot(head, hostOf(environment));
      // While the rest of the snapshot is on its way.
      this.#machine.warmUp();
      return ramImage(this.#machine);
    });
  }

  /** Throws `SnapshotError`. */
  push(piece: Uint8Array): void {
    this.#reader.push(piece);
  }

  /** All is there: the machine, paused. Rejects with `SnapshotError`. */
  async finish(): Promise<WorkerMachine> {
    const state = this.#reader.finish();
    const machine = this.#machine;
    if (machine === undefined) throw new Error('a snapshot without a head');
    await restoreMachine(machine, state);
    // The snapshot is of the machine that the page has when nobody asked for another.
    const made = withMonitor(machine, this.#environment, DEFAULT_DIALECT);
    made.resumeSize();
    return made.machine;
  }
}

function hostOf(environment: MachineEnvironment): MachineHost {
  return {
    monotonicNs: () => performance.now() * 1e6,
    wallClockMs: () => Date.now(),
    after: (delayMs, callback) => void setTimeout(callback, delayMs),
    random,
    images: new WakingImages(environment.images, environment.onWake),
    snapshots: environment.snapshots,
    network: environment.network,
    warn: (message) => printError(environment, message),
    printLine: (line) => printLine(environment, line),
    // The page hears of disks and faults by events, in its own words.
    notice: (text, about) => {
      if (about === 'memory') environment.onMemoryNotice(text);
    },
  };
}

function withMonitor(
  machine: Machine,
  environment: MachineEnvironment,
  dialect: Dialect,
): { readonly machine: WorkerMachine; readonly resumeSize: () => void } {
  const size = new TerminalSizePort(
    (bytes) => machine.serials[SIZE_PORT]?.send(bytes),
    () => environment.onTerminalSizeAsked(),
  );
  let isSizeAwaited = false;
  machine.onSerial = (bytes, port) => {
    if (port !== CONSOLE_PORT) {
      size.receive(bytes);
      return;
    }
    environment.onSerialOutput(bytes);
    if (!isSizeAwaited) return;
    isSizeAwaited = false;
    size.resume();
  };
  machine.onQuit = environment.onPowerOff;
  machine.onDrivesChange = environment.onDrivesChange;
  machine.devices.onChange = environment.onHardwareChange;
  machine.objects.onChange = environment.onHardwareChange;
  machine.events.listen(environment.onEvent);
  const monitors = monitorsOf(machine, environment, dialect);
  const workerMachine: WorkerMachine = {
    get runState() {
      return machine.runState;
    },
    get retiredInstructions() {
      return machine.retiredInstructions;
    },
    interpreterOnly: !machine.engine.compiler.allowed,
    get heldMemoryBytes() {
      return machine.memory.arena.used;
    },
    get hasQuit() {
      return machine.hasQuit;
    },
    drives: () => driveRows(machine),
    machineDrives: () => machineDrives(machine),
    hardware: () => machineHardware(machine),
    get internalError() {
      return machine.internalError;
    },
    traceTail: () => machine.trace.tail(),
    run: (sliceMs) => machine.run(sliceMs),
    serialInput: (bytes) => machine.serial.send(bytes),
    terminalSize: (terminal) => size.resize(terminal),
    ...monitors,
    start: () => {
      machine.cont();
    },
    pause: () => machine.stop(),
    reset: () => machine.reset(),
    powerButton: () => machine.powerButton(),
    get waitsForBootFiles() {
      return machine.waitsForBootFiles;
    },
    setBootFiles: (files) => machine.setBootFiles(files),
    close: () => machine.close(),
  };
  return {
    machine: workerMachine,
    // The prompt comes first: to take the size costs the guest as much as all its way there. A guest without the port asks for none.
    resumeSize: () => {
      isSizeAwaited = machine.serials[SIZE_PORT] !== undefined;
    },
  };
}

/** QEMU prints it where it was started, which here is the human monitor. */
function printError(environment: MachineEnvironment, message: string): void {
  printLine(environment, `hotslot: ${message}`);
}

function printLine(environment: MachineEnvironment, line: string): void {
  environment.onOutput('monitor', `${line}\r\n`);
}

/** The monitors that the page shows, greeting, and those that its scripts use. */
function monitorsOf(
  machine: Machine,
  environment: MachineEnvironment,
  dialect: Dialect,
): Pick<WorkerMachine, 'endpoints' | 'hmp' | 'qmp'> {
  const stderr = (message: string): void => printError(environment, message);
  const options = { machine, stderr, dialect, nowMs: () => Date.now() };
  const terminal = <T>(from: EndpointName, make: MakeTerminal<T>): T =>
    make((text) => environment.onOutput(from, text), { isFull: () => environment.isFull(from), waits() {} });
  const endpoints = {
    monitor: terminal('monitor', (write, output) => new HmpConsole(write, options, output)),
    qmp: terminal('qmp', (write, output) => new QmpShell(write, options, output)),
  };
  // QEMU's names for -monitor vc and -qmp vc.
  for (const id of ['compat_monitor0', 'compat_monitor1']) {
    machine.chardevs.provide(id, { driver: 'vc', backend: null, filename: () => 'vc' });
  }
  for (const name of ENDPOINTS) endpoints[name].start();
  const caller = new QmpCaller(environment.onQmpEvent, options);
  return {
    endpoints,
    hmp: (line) => new Monitor(options).execute(line),
    qmp: (request) => caller.call(request),
  };
}

type MakeTerminal<T> = (write: (text: string) => void, output: ConsoleOutput) => T;

function random(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX) as Uint8Array<ArrayBuffer>);
  }
}
