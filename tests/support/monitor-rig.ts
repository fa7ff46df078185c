/** The pc board as a monitor sees it, with real chips and no running CPU; a hand plays the guest's ACPI code. */

import { GPE_BASE } from '../../src/emu/acpi/gpe.ts';
import { PCI_HOTPLUG_BASE } from '../../src/emu/acpi/pci-hotplug.ts';
import { BLOCK_ERRORS } from '../../src/emu/block/block-errors.ts';
import { MemoryChunkDatabase } from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { DRIVES, Drives } from '../../src/emu/block/drives.ts';
import { LocalLocks } from '../../src/emu/block/image-locks.ts';
import { sysbusPlaceLines } from '../../src/emu/bus/sysbus.ts';
import { NULL_CHAR } from '../../src/emu/char/char-backend.ts';
import { CHARDEVS } from '../../src/emu/char/chardevs.ts';
import { readNuma } from '../../src/emu/command-line/options-numa.ts';
import { EventQueue } from '../../src/emu/core/clock.ts';
import type { FileMaker } from '../../src/emu/core/host.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import type { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { SnapshotError } from '../../src/emu/core/snapshot-error.ts';
import { NO_SNAPSHOTS } from '../../src/emu/core/snapshot-store.ts';
import { QUIET, TraceLog } from '../../src/emu/core/trace.ts';
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import type { Exit } from '../../src/emu/cpu/engine.ts';
import { CURRENT_CPU, DEFAULT_CPU, describeCpu } from '../../src/emu/cpu/models/cpu-option.ts';
import { Vcpu } from '../../src/emu/cpu/vcpu.ts';
import { UserInput } from '../../src/emu/input/user-input.ts';
import { provideBoard } from '../../src/emu/machine/board-services.ts';
import { PcBoard } from '../../src/emu/machine/boards/pc.ts';
import { CpuObject } from '../../src/emu/machine/cpu-object.ts';
import { cpuTopologyOf, ONE_PROCESSOR, type SmpConfig } from '../../src/emu/machine/cpu-topology.ts';
import { DEVICE_TYPES, OBJECT_TYPES } from '../../src/emu/machine/device-types.ts';
import { GuestAccess } from '../../src/emu/machine/guest-access.ts';
import { actionsOf } from '../../src/emu/machine/guest-actions.ts';
import { GuestRequests } from '../../src/emu/machine/guest-requests.ts';
import { GuestSignals } from '../../src/emu/machine/guest-signals.ts';
import { Inspection } from '../../src/emu/machine/inspection.ts';
import { Jobs } from '../../src/emu/machine/jobs.ts';
import type { MachineApi } from '../../src/emu/machine/machine-api.ts';
import { CURRENT_MACHINE, machineVersion } from '../../src/emu/machine/machine-versions.ts';
import { MigrationSettings } from '../../src/emu/machine/migration-settings.ts';
import { Numa } from '../../src/emu/machine/numa.ts';
import { Preconfig } from '../../src/emu/machine/preconfig.ts';
import { Processors } from '../../src/emu/machine/processors.ts';
import { resetDevices } from '../../src/emu/machine/reset-devices.ts';
import { RunControl, type RunState } from '../../src/emu/machine/run-state.ts';
import { BALLOON } from '../../src/emu/memory/balloon.ts';
import type { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { pcMemory, pcRamLayout } from '../../src/emu/memory/pc-ram.ts';
import type { DialectName } from '../../src/emu/monitor/dialects/dialect.ts';
import { findDialect } from '../../src/emu/monitor/dialects/dialects.ts';
import { HMP_PROMPT, HmpConsole } from '../../src/emu/monitor/hmp/console.ts';
import { NET_HOST, type NetHost, NO_NET_HOST } from '../../src/emu/net/net-host.ts';
import { NETWORK } from '../../src/emu/net/network.ts';
import { PCI_COMMAND } from '../../src/emu/pci/config-space.ts';
import type { Bar } from '../../src/emu/pci/pci-bar.ts';
import type { PciBus } from '../../src/emu/pci/pci-bus.ts';
import type { PciDevice } from '../../src/emu/pci/pci-device.ts';
import { assignPciResources } from '../../src/emu/pci/pci-resources.ts';
import { DeviceRegistry } from '../../src/emu/qdev/device-type.ts';
import { OBJECT_TREE } from '../../src/emu/qdev/links.ts';
import { ObjectTree } from '../../src/emu/qdev/objects.ts';
import { parseOptions } from '../../src/emu/qdev/option-string.ts';
import { DeviceManager } from '../../src/emu/qdev/plug.ts';
import { Qom } from '../../src/emu/qdev/qom.ts';
import {
  CLOCK,
  ENTROPY,
  EVENTS,
  FILES,
  Services,
  START_CPUS,
  TRACE,
  WALL_CLOCK,
} from '../../src/emu/qdev/services.ts';
import { DeviceTree } from '../../src/emu/qdev/tree.ts';
import { UserObjects } from '../../src/emu/qdev/user-objects.ts';

const MIB = 1024 * 1024;

/** A board without vCPUs is no machine that could be saved. */
function rigSnapshots(): MachineApi['snapshots'] {
  const refuse = (): never => {
    throw new SnapshotError('This board cannot be saved');
  };
  return {
    ...{ store: NO_SNAPSHOTS, busy: undefined, icount: undefined, clockNs: 0 },
    wallClockMs: () => 0,
    alone: (work) => work(),
    whenFree: (change) => change(),
    ...{ save: refuse, prepare: refuse, ramBytes: refuse, brokenOff() {} },
  };
}

const IMAGES = [
  ['/tmp/disk1.img', 64 * MIB],
  ['/tmp/disk2.img', 64 * MIB],
  ['/tmp/odd.img', 1000],
  ['/tmp/odd2.img', 1000],
] as const;

/** The character devices of the QEMU whose dialogues were recorded, in the order in which it makes them. */
const CHARDEV_FILES = [
  ['compat_monitor0', 'unix:/tmp/hmp,server=on'],
  ['compat_monitor1', 'unix:/tmp/qmp,server=on'],
  ['serial0', 'null'],
] as const;

const NO_HOST: CpuHost = {
  ioRead: () => 0,
  ioWrite() {},
  mmioRead: () => 0,
  mmioWrite() {},
  nowNs: () => 0,
  random() {},
  acknowledgePic: () => 0,
  broadcastEoi() {},
};

export interface MonitorRig {
  readonly machine: MachineApi;
  readonly console: HmpConsole;
  /** What the console showed first. */
  readonly greeting: string;
  /** Types a line into the console and gives its output as the terminal shows it, without echo and prompt. */
  execute(line: string): Promise<string>;
  readonly images: ChunkImageStore;
  /** What was saved, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The guest's memory. */
  readonly memory: GuestMemory;
  /** The vCPU's state of the first processor. */
  readonly vcpuState: Int32Array;
  /** What the terminal is sent for these keys. */
  keys(text: string): Promise<string>;
  /** Everything that went to QEMU's standard error. */
  readonly stderr: string[];
  readonly time: { ns: number };
  /** Lets time go by, and runs the timers that are due then. */
  runTimers(ns: number): void;
  /** Events since the last call. */
  takeEvents(): readonly MachineEvent[];
  functions(): readonly PciDevice[];
  /** Firmware and Linux's start. */
  boot(): void;
  /** Linux answers the hotplug events that are pending, when its CPU runs. */
  settle(): Promise<void>;
}

export interface MonitorRigOptions {
  /** Sockets for the guest's network; absent: none. */
  readonly network?: NetHost;
  readonly smp?: SmpConfig;
  /** As after -cpu. */
  readonly cpu?: string;
  readonly memoryBytes?: number;
  readonly dimms?: { readonly slots: number; readonly maxSize: number };
  /** Each as after -object. */
  readonly objects?: readonly string[];
  /** Each as after -numa. */
  readonly numa?: readonly string[];
  /** As -machine hmat=on. */
  readonly hmat?: boolean;
  /** As -preconfig. */
  readonly preconfig?: boolean;
  /** Each as after -drive. */
  readonly drives?: readonly string[];
  /** Each as after -device. */
  readonly devices?: readonly string[];
  /** As -no-shutdown. */
  readonly noShutdown?: boolean;
  /** As after -compat-monitor. */
  readonly dialect?: DialectName;
}

/** Files in one folder, and one that swallows all. */
function fileMaker(files: Map<string, Uint8Array>): FileMaker {
  return (path) => {
    if (!/^\/(tmp\/|dev\/null$)/.test(path)) return 'No such file or directory';
    files.set(path, new Uint8Array());
    return {
      write: (bytes) => void files.set(path, Uint8Array.from([...(files.get(path) ?? []), ...bytes])),
      close() {},
      abandon: () => void files.delete(path),
    };
  };
}

/** A machine stopped before its first instruction. */
export async function monitorRig({
  smp = ONE_PROCESSOR,
  cpu: model = DEFAULT_CPU,
  memoryBytes = 256 * MIB,
  dimms,
  objects: backEnds = [],
  numa: nodes = [],
  hmat = false,
  preconfig: waits = false,
  drives: driveOptions = [],
  devices: coldPlugged = [],
  noShutdown = false,
  dialect = '7.2',
  network = NO_NET_HOST,
}: MonitorRigOptions = {}): Promise<MonitorRig> {
  const stderr: string[] = [];
  const say = (message: string): void => void stderr.push(message);
  const database = new MemoryChunkDatabase();
  let images = 0;
  const store = new ChunkImageStore({ database, locks: new LocalLocks(), newId: () => `image${images++}` });
  for (const [path, sizeBytes] of IMAGES) await store.createEmpty(path, sizeBytes);
  const events = new MachineEvents(() => {});
  const seen: MachineEvent[] = [];
  events.listen((event) => seen.push(event));
  const time = { ns: 0 };
  const clock = new EventQueue(() => time.ns);
  const drives = new Drives({
    ...{ images: store, clock, warn: say },
    onWriteThreshold: (data) => events.emit({ event: 'BLOCK_WRITE_THRESHOLD', data }),
  });
  const trace = new TraceLog(say);
  const memory = pcMemory(memoryBytes, undefined, dimms?.maxSize);
  const objectTree = new ObjectTree('pc-i440fx-7.2-machine');
  const files = new Map<string, Uint8Array>();
  const createFile = fileMaker(files);
  const services = new Services()
    .provide(CLOCK, clock)
    .provide(TRACE, trace)
    .provide(ENTROPY, { random: (target) => target.fill(4) })
    .provide(FILES, createFile)
    .provide(WALL_CLOCK, () => time.ns / 1e6)
    .provide(EVENTS, events)
    .provide(START_CPUS, smp.cpus)
    .provide(OBJECT_TREE, objectTree)
    .provide(DRIVES, drives)
    .provide(NET_HOST, network)
    .provide(BLOCK_ERRORS, () => () => 'report');
  const chardevs = services.get(CHARDEVS);
  for (const [id, filename] of CHARDEV_FILES) {
    const driver = filename === 'null' ? 'null' : 'socket';
    const yank = driver === 'socket' ? () => {} : undefined;
    chardevs.provide(id, { driver, backend: null, filename: () => filename, yank });
  }
  const objects = new UserObjects(OBJECT_TYPES, objectTree, services);
  const control = new RunControl(events);
  const requests = new GuestRequests(
    {
      ...{ events, trace, runControl: control },
      // No vCPU runs: what is ordered is done at once.
      isInside: () => false,
      requestExit() {},
      reset() {},
      onQuit() {},
      end() {},
      nmi() {},
      powerButton() {},
      printLine: say,
    },
    actionsOf({ noShutdown }),
  );
  requests.provide(services);
  const input = new UserInput(clock, () => control.running, services);
  provideBoard(services, () => board);
  const tree = new DeviceTree(objectTree, { print: sysbusPlaceLines });
  const devices = new DeviceManager(new DeviceRegistry(DEVICE_TYPES), tree, services);
  const described = describeCpu(model, CURRENT_CPU, say);
  const { identity } = described;
  const cpu = new Vcpu(memory, NO_HOST, QUIET, cpuTopologyOf(smp, 0), smp.maxCpus, identity);
  const engine = { cpu, retired: 0, run: (): Exit => 'halted', step: (): Exit => 'halted' };
  const processors = new Processors({ smp, engine, host: NO_HOST, clock, trace: QUIET });
  for (let index = 1; index < smp.cpus; index++) processors.add(index);
  const numa = new Numa({
    ...{ version: machineVersion(CURRENT_MACHINE), smp, ramBytes: memoryBytes, objects: objectTree },
    dimms: dimms && { slots: dimms.slots, maxBytes: dimms.maxSize },
    ...{ hmat, isTest: false },
  });
  const board = new PcBoard({
    numa,
    machineType: 'pc-i440fx-7.2',
    memory,
    ram: pcRamLayout(memoryBytes),
    clock,
    trace,
    wallClockMs: 0,
    apics: processors.hub,
    intr: processors.boot.apic.lint0,
    power: { powerOff() {}, suspendToRam() {}, suspendToDisk() {} },
    reset() {},
    serials: [NULL_CHAR],
    processors,
    cpuObject: new CpuObject({ cpu: described, compat: CURRENT_CPU, dies: smp.dies }),
    events,
    devices,
    input,
    dimms,
    onMemorySize() {},
  });
  const { ports: io, pciBus: bus } = board;
  for (const text of backEnds) objects.add(parseOptions(text, 'qom-type', say));
  for (const text of nodes) numa.set(readNuma(parseOptions(text, 'type', say)), say);
  const preconfig = new Preconfig();
  const completeNuma = async (): Promise<void> => {
    numa.complete(say);
    board.numaComplete();
  };
  if (waits) preconfig.begin(completeNuma);
  else await completeNuma();
  for (const text of driveOptions) await drives.add(parseOptions(text, undefined, say));
  for (const text of coldPlugged) await devices.add(parseOptions(text, 'driver', say));
  devices.machineReady();

  const machine: MachineApi = {
    name: undefined,
    get runState(): RunState {
      return control.state;
    },
    preconfig,
    events,
    jobs: new Jobs(events),
    migration: new MigrationSettings(),
    devices,
    chardevs,
    drives,
    network: services.get(NETWORK),
    objects,
    qom: new Qom(objectTree),
    inspect: new Inspection(board, processors),
    access: new GuestAccess(board, processors),
    input,
    startGdbServer: async () => {},
    trace,
    signals: new GuestSignals({ processors, events, requests, hasBoard: true }),
    setBootOrder: (order) => board.setBootOrder(order),
    createFile,
    snapshots: rigSnapshots(),
    balloon: services.get(BALLOON),
    numa,
    stop: () => control.stop(),
    cont: (): MonitorError | undefined => {
      drives.goesOn();
      return control.cont();
    },
    setActions(actions) {
      requests.actions = { ...requests.actions, ...actions };
    },
    reset() {
      resetDevices(tree);
      events.emit({ event: 'RESET', data: { guest: false, reason: 'host-qmp-system-reset' } });
    },
    powerButton: () => events.emit({ event: 'POWERDOWN', data: undefined }),
    quit: () => events.emit({ event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' } }),
  };

  const register = (offset: number): number => io.read(PCI_HOTPLUG_BASE + offset, 4);
  const answerEvents = (): void => {
    while ((io.read(GPE_BASE, 1) & 2) !== 0) {
      io.write(GPE_BASE, 1, 2);
      io.write(PCI_HOTPLUG_BASE + 0x10, 4, 0);
      const [up, down] = [register(0), register(4)];
      for (let slot = 0; slot < 32; slot++) {
        if ((up >>> slot) & 1) probe(bus, slot);
        if ((down >>> slot) & 1) io.write(PCI_HOTPLUG_BASE + 8, 4, 2 ** slot);
      }
    }
  };
  let screen = '';
  let prompted = (): void => {};
  const console = new HmpConsole(
    (text) => {
      screen += text;
      if (screen.endsWith(`\r\n${HMP_PROMPT}`) && text === HMP_PROMPT) prompted();
    },
    { machine, stderr: say, dialect: findDialect(dialect) },
  );
  console.start();
  const greeting = screen;
  return {
    machine,
    console,
    greeting,
    async keys(text) {
      screen = '';
      console.input(text);
      for (let before: string | undefined; before !== screen; ) {
        before = screen;
        await console.monitor.execute('');
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return screen;
    },
    async execute(line) {
      screen = '';
      const done = new Promise<void>((resolve) => {
        prompted = resolve;
      });
      console.input(`${line}\r`);
      await done;
      const output = screen.slice(screen.indexOf('\r\n') + 2, -HMP_PROMPT.length);
      return output.replaceAll('\r\n', '\n');
    },
    images: store,
    files,
    memory,
    vcpuState: processors.boot.cpu.S,
    stderr,
    time,
    runTimers(ns) {
      time.ns += ns;
      clock.runDue();
    },
    takeEvents: () => seen.splice(0),
    functions: () => bus.devices(),
    boot() {
      assignPciResources(bus);
      for (const chip of [board.i440fx, board.piix3, board.pm]) chip.firmwareSetup();
      // Linux: what happened before ACPI came up is forgotten.
      io.write(GPE_BASE, 2, 0xffff);
      time.ns += 5e9;
    },
    async settle() {
      if (!control.running) return;
      time.ns += 1e9;
      answerEvents();
      await drives.settled();
    },
  };
}

/** Where Linux places what is hot-added, by kind. */
const FREE = { io: 0x1000, mem32: 0x1000_0000, mem64: 0x1_0000_0000, rom: 0x2000_0000 } as const;

/** Linux places the BARs of a slot's new functions at the first addresses that are free, the largest first. */
function probe(bus: PciBus, slot: number): void {
  if (bus.device(slot << 3) === undefined) return;
  const functions = bus.devices().filter(({ devfn, command }) => devfn >>> 3 === slot && command === 0);
  const bars = functions.flatMap((device) => device.bars);
  for (const bar of bars.toSorted((a, b) => b.sizeBytes - a.sizeBytes)) bar.program(freePlace(bus, bar));
  for (const device of functions) device.configWrite(PCI_COMMAND, 2, 7);
}

function freePlace(bus: PciBus, { kind, sizeBytes }: Bar): number {
  const taken = bus.devices().flatMap(({ bars }) => bars.filter((bar) => bar.kind === kind));
  // Old ISA cards answer at ports that have one of these bits, whatever is above them.
  const isAlias = (at: number): boolean => kind === 'io' && (at & 0x300) !== 0;
  const isTaken = (at: number): boolean =>
    taken.some((bar) => bar.programmed < at + sizeBytes && at < bar.programmed + bar.sizeBytes);
  let place: number = FREE[kind];
  while (isAlias(place) || isTaken(place)) place += sizeBytes;
  return place;
}
