/** A machine: a board, its vCPU, time, run state, and the loop that lets the guest run. */
import { asBlockError } from '../block/block-backend.ts';
import type { Drives } from '../block/drives.ts';
import { sysbusPlaceLines } from '../bus/sysbus.ts';
import { CharPipe } from '../char/char-backend.ts';
import { CHARDEVS, type Chardevs } from '../char/chardevs.ts';
import { assert } from '../core/assert.ts';
import { EventQueue } from '../core/clock.ts';
import { type FileMaker, NO_FILES } from '../core/host.ts';
import { MachineEvents, type ShutdownCause } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Engine } from '../cpu/engine.ts';
import { DEFAULT_CPU, describeCpu } from '../cpu/models/cpu-option.ts';
import { UserInput } from '../input/user-input.ts';
import { ArenaFullError } from '../memory/arena.ts';
import { BALLOON, type Balloon } from '../memory/balloon.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { pcRamLayout } from '../memory/pc-ram.ts';
import { NETWORK, type Network } from '../net/network.ts';
import { DeviceRegistry } from '../qdev/device-type.ts';
import { ObjectTree } from '../qdev/objects.ts';
import { DeviceManager } from '../qdev/plug.ts';
import { Qom } from '../qdev/qom.ts';
import { DeviceTree } from '../qdev/tree.ts';
import { UserObjects } from '../qdev/user-objects.ts';
import { machineServices, provideBoard } from './board-services.ts';
import { NoneBoard } from './boards/none-board.ts';
import { PcBoard } from './boards/pc.ts';
import { mapApics } from './boards/pc-cpus.ts';
import { ChunkSize } from './chunk-size.ts';
import { cpuHostOf, entropyOf } from './cpu-host.ts';
import { CpuObject } from './cpu-object.ts';
import { ONE_PROCESSOR } from './cpu-topology.ts';
import { OBJECT_TYPES, typesOf } from './device-types.ts';
import { GuestAccess } from './guest-access.ts';
import { actionsOf, type GuestActions } from './guest-actions.ts';
import { GuestRequests } from './guest-requests.ts';
import { GuestSignals } from './guest-signals.ts';
import { Inspection } from './inspection.ts';
import { Jobs } from './jobs.ts';
import type { MachineApi } from './machine-api.ts';
import type { BootFiles, MachineConfig, MachineHost, RunSnapshot, SliceResult } from './machine-config.ts';
import { MachineDebug, noGdbServer } from './machine-debug.ts';
import { machineDrives } from './machine-drives.ts';
import { machineEngine } from './machine-engine.ts';
import { dimmSlots, machineMemory } from './machine-memory.ts';
import { MachineSnapshots } from './machine-snapshots.ts';
import { logProcessors, machineTrace } from './machine-trace.ts';
import { CURRENT_MACHINE, machineVersion } from './machine-versions.ts';
import { MigrationSettings } from './migration-settings.ts';
import { machineNuma, type Numa } from './numa.ts';
import { loadBootFiles, powerUp } from './power-up.ts';
import { Preconfig } from './preconfig.ts';
import { NO_PROCESSORS, Processors } from './processors.ts';
import { resetDevices } from './reset-devices.ts';
import { RunControl, type RunState } from './run-state.ts';
import { serialPipes } from './serial-pipes.ts';
import { faultNotice, noticeSmallArena } from './small-arena.ts';
import { SteppedMachineTime } from './stepped-machine-time.ts';
import { InstructionTime, SteppedTime, type TimeSource, timeSourceOf } from './virtual-clock.ts';

const NS_PER_MS = 1_000_000;

export class Machine implements MachineApi {
  readonly memory: GuestMemory;
  readonly trace: MachineApi['trace'];
  readonly events: MachineEvents;
  readonly jobs: Jobs;
  readonly migration = new MigrationSettings();
  readonly devices: DeviceManager;
  /** What `object_add` makes. */
  readonly objects: UserObjects;
  /** What `chardev-add` makes. */
  readonly chardevs: Chardevs;
  readonly drives: Drives;
  readonly network: Network;
  readonly balloon: Balloon;
  readonly qom: Qom;
  readonly engine: Engine;
  readonly processors: Processors;
  readonly numa: Numa;
  readonly inspect: Inspection;
  readonly access: GuestAccess;
  readonly createFile: FileMaker;
  readonly snapshots: MachineSnapshots;
  readonly input: UserInput;
  readonly debug: MachineDebug;
  readonly clock: EventQueue;
  readonly config: MachineConfig;
  readonly name: string | undefined;
  /** COM1's other end. */
  readonly serial: CharPipe;
  /** The other ends of COM1 to COM4, where the board has them. */
  readonly serials: readonly (CharPipe | undefined)[];
  readonly runControl: RunControl;
  /** Only with accelerator `qtest`: who moves the time. */
  readonly steppedTime: SteppedMachineTime | undefined;
  readonly #pc: PcBoard | undefined;
  /** vCPUs run while the machine does. */
  readonly #executes: boolean;
  readonly #requests: GuestRequests;
  readonly preconfig = new Preconfig();
  readonly signals: GuestSignals;
  readonly #host: MachineHost;
  readonly #time: TimeSource;
  /** Undefined while they are still on their way. */
  #bootFiles: BootFiles | undefined;
  /** The engine's count and budget, so that time inside a slice is exact in deterministic mode. */
  #budget = 0;
  #running = false;
  readonly #chunk = new ChunkSize();
  #closing: Promise<void> | undefined;
  #isWarm = false;
  /** Closed: the engine is gone. */
  #disposed = false;
  /** The firmware runs when the vCPU next does. */
  #poweredUp = false;
  #internalError: Error | undefined;

  /** Throws a KernelError when `kernel` cannot be started, a MonitorError for a machine or a processor that there is not. */
  constructor(config: MachineConfig, host: MachineHost) {
    this.config = config;
    this.name = config.name;
    this.#host = host;
    this.trace = machineTrace(this, host);
    this.events = new MachineEvents((delayMs, callback) => host.after(delayMs, callback));
    this.jobs = new Jobs(this.events);
    const version = machineVersion(config.machineType ?? CURRENT_MACHINE);
    const { isEmpty } = version;
    this.#executes = !isEmpty && config.accel !== 'qtest';
    this.memory = machineMemory(version, config, host);
    this.memory.onFull(() => this.#arenaFull());
    this.#time = timeSourceOf(config, host, () => this.#retired());
    this.clock = new EventQueue(() => this.#time.nowNs());
    if (this.#time instanceof SteppedTime) {
      this.steppedTime = new SteppedMachineTime(this.#time, this.clock, () => this.runControl.running);
    }
    this.clock.onEarlierDeadline(() => this.engine?.cpu.requestExit());
    this.runControl = new RunControl(this.events, (running) => {
      // Before the clock: the guest must not see the time that it takes.
      if (running && this.#executes) this.warmUp();
      if (running) this.#time.start();
      else this.#time.stop();
      if (!running) this.processors.plan = undefined;
      this.engine.cpu.requestExit();
    });
    this.drives = machineDrives(this, host, isEmpty);
    const cpu = describeCpu(config.cpu ?? DEFAULT_CPU, version.cpu, () => {});
    const objectTree = new ObjectTree(`${version.name}-machine`);
    const services = machineServices(this, {
      ...{ objectTree, host, wallClockMs: () => this.#wallClockMs() },
    });
    this.input = new UserInput(this.clock, () => this.runControl.running, services);
    this.chardevs = services.get(CHARDEVS);
    this.network = services.get(NETWORK);
    this.balloon = services.get(BALLOON);
    this.qom = new Qom(objectTree);
    this.objects = new UserObjects(OBJECT_TYPES, objectTree, services);
    provideBoard(services, () => this.board);
    const tree = new DeviceTree(objectTree, { print: sysbusPlaceLines });
    this.devices = new DeviceManager(new DeviceRegistry(typesOf(version, config.globals)), tree, services);
    this.serials = serialPipes(
      isEmpty ? [] : (config.serialPorts ?? [true]),
      config.hostChardevs === true ? undefined : this.chardevs,
      (bytes, port) => this.onSerial(bytes, port),
    );
    this.serial = this.serials[0] ?? new CharPipe((bytes) => this.onSerial(bytes, 0));
    const cpuHost = cpuHostOf(() => this.board, {
      nowNs: () => this.#time.nowNs(),
      random: entropyOf(config, host, () => this.#retired()),
    });
    const { smp = ONE_PROCESSOR } = config;
    const { memory, clock, trace, devices } = this;
    this.engine = machineEngine({ memory, trace, host: cpuHost, smp, identity: cpu.identity }, host);
    const { engine } = this;
    const requests = new GuestRequests(
      {
        ...{ events: this.events, trace, runControl: this.runControl },
        ...{ isInside: () => this.#running, requestExit: () => engine.cpu.requestExit() },
        ...{ onQuit: () => this.onQuit(), end: (status) => this.#end(status) },
        ...{ nmi: () => this.signals.nmi(), powerButton: () => this.powerButton() },
        ...{ reset: (reason) => this.#reset(true, reason), printLine: (line) => host.printLine?.(line) },
      },
      actionsOf(config),
    );
    requests.provide(services);
    this.#requests = requests;
    this.processors = new Processors({ smp, engine, host: cpuHost, clock, trace });
    const { processors } = this;
    for (let index = 1; index < smp.cpus; index++) this.processors.add(index);
    this.numa = machineNuma(version, config, objectTree);
    const onMemorySize = (bytes: number): void => noticeSmallArena(this.memory, bytes, host);
    const wallClockMs = config.rtcBaseMs ?? host.wallClockMs();
    const cpuObject = new CpuObject({ cpu, compat: version.cpu, dies: smp.dies });
    this.#pc = isEmpty
      ? undefined
      : new PcBoard({
          ...{ memory, ram: pcRamLayout(config.memoryBytes), clock, trace, dimms: dimmSlots(config) },
          ...{ apics: processors.hub, intr: processors.boot.apic.lint0, power: requests.power },
          ...{ reset: () => requests.requestReset('guest-reset'), wallClockMs },
          ...{ machineType: version.name, processors, cpuObject, numa: this.numa, input: this.input },
          ...{ serials: this.serials, events: this.events, devices, onMemorySize, settings: config },
        });
    const pc = this.#pc;
    const shown = isEmpty && config.cpu === undefined ? NO_PROCESSORS : processors;
    const lone = { processors, object: cpuObject, given: cpu.given };
    const bare = { memory, ramBytes: config.memoryBytes, memoryBackend: config.memoryBackend, devices };
    const board = pc ?? new NoneBoard(bare, shown === NO_PROCESSORS ? undefined : lone);
    this.inspect = new Inspection(board, shown, config.accel);
    logProcessors(this);
    const { events } = this;
    this.signals = new GuestSignals({ processors: shown, events, requests, hasBoard: !isEmpty });
    this.access = new GuestAccess(board, shown);
    this.createFile = host.createFile ?? NO_FILES;
    this.snapshots = new MachineSnapshots(this, host);
    this.debug = new MachineDebug(this.processors, engine.cpu);
    if (pc !== undefined) mapApics(pc.physical, this.processors);
    onMemorySize(config.memoryBytes);
    if (config.coldPlug !== true && config.restoring !== true) {
      this.completeNuma();
      this.devices.machineReady();
    }
    this.#bootFiles = config.restoring === true ? undefined : config;
    if (this.#bootFiles !== undefined) loadBootFiles(this.#bootFiles, this.#pc, 0);
  }

  /** Replaced by whoever shows the console. */
  onSerial: (bytes: Uint8Array, port: number) => void = () => {};
  /** Starts the gdb server on a character device, or ends it with `none`. Rejects with MonitorError. Replaced by whoever has such devices. */
  startGdbServer = noGdbServer;
  /** Told when a drive was made, lost, attached or detached. QEMU has no event for it. */
  onDrivesChange: () => void = () => {};
  /** Told when `quit` was asked for, or the guest is off. */
  onQuit: () => void = () => {};
  /** Of the program that runs the machine, once the machine has quit. */
  exitStatus: number | undefined;

  /** The machine must have one: `none` has not. */
  get board(): PcBoard {
    const pc = this.#pc;
    assert(pc !== undefined, 'machine none has no board');
    return pc;
  }

  /** All of NUMA nodes is said, and devices may be made. Throws QEMU's error. @param warn told QEMU's warnings */
  completeNuma(warn: (text: string) => void = () => {}): void {
    if (this.numa.isComplete) return;
    this.numa.complete(warn);
    this.#pc?.numaComplete();
  }

  get runState(): RunState {
    return this.runControl.state;
  }

  get retiredInstructions(): number {
    return this.engine.retired;
  }

  /** Makes the interpreter fast before the guest needs it: a second of work. `cont` does it at the latest. The guest sees nothing of it. */
  warmUp(): void {
    if (this.#isWarm) return;
    this.#isWarm = true;
    this.trace.silently(() => this.engine.warmUp());
  }

  /** Lets the guest run for about `sliceMs` of host time, unless it sleeps sooner. */
  run(sliceMs: number): SliceResult {
    try {
      return this.#run(this.#host.monotonicNs() + sliceMs * NS_PER_MS);
    } catch (error) {
      this.#fail(error);
      return { idleMs: Number.POSITIVE_INFINITY };
    }
  }

  #run(untilNs: number): SliceResult {
    while (this.runControl.running && !this.#disposed) {
      if (!this.#executes) return { idleMs: this.#runDevices() };
      this.#catchUpRtc();
      if (!this.#poweredUp && !this.#powerUp()) return { idleMs: Number.POSITIVE_INFINITY };
      if (this.#waitsForDisk()) return { idleMs: 0 };
      if (!this.processors.holdsTimers) this.clock.runDue();
      // A timer may have stopped the machine: no instruction comes after that.
      if (this.#requests.service() || !this.runControl.running) continue;
      const deadline = this.clock.nextDeadlineNs();
      if (this.processors.isIdle) {
        const idleMs = this.#idleUntil(deadline);
        if (idleMs > 0) return { idleMs };
      } else {
        this.#runChunk(deadline);
        this.#requests.service();
      }
      if (this.#host.monotonicNs() >= untilNs) return { idleMs: 0 };
    }
    return { idleMs: Number.POSITIVE_INFINITY };
  }

  /** What happens in a machine whose vCPUs do not run; milliseconds until the next timer. */
  #runDevices(): number {
    this.clock.runDue();
    this.#requests.service();
    if (this.steppedTime !== undefined) return this.steppedTime.isDue ? 0 : Number.POSITIVE_INFINITY;
    return this.#idleUntil(this.clock.nextDeadlineNs());
  }

  /** What limits of drives hold back is carried out meanwhile, as the clock stands still: `drives.drainAll` tells when it is. */
  stop(): void {
    this.runControl.stop();
    void this.drives.drainAll();
  }

  cont(): MonitorError | undefined {
    this.drives.goesOn();
    return this.runControl.cont();
  }

  /** What is done when its guest resets, ends or crashes. */
  get actions(): GuestActions {
    return this.#requests.actions;
  }

  setActions(actions: Partial<GuestActions>): void {
    this.#requests.actions = { ...this.actions, ...actions };
  }

  reset(): void {
    this.snapshots.whenFree(() => this.#reset(false, 'host-qmp-system-reset'));
  }

  quit(): void {
    this.#end(0, true);
  }

  /** QEMU: nobody is told of a machine that its guest ends by itself. */
  #end(status: number, isTold = false): void {
    this.exitStatus = status;
    this.runControl.end();
    if (isTold) this.events.emit({ event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' } });
    this.jobs.forgetAll();
    this.close().catch((error: unknown) => this.#host.warn?.(asBlockError(error).message));
    this.onQuit();
  }

  /** Why the machine is in run state `internal-error`; the trace has what came before. */
  get internalError(): Error | undefined {
    return this.#internalError;
  }

  get hasQuit(): boolean {
    return this.exitStatus !== undefined;
  }

  setBootOrder(order: string): void {
    if (this.#pc === undefined) {
      throw new MonitorError('no function defined to set boot device list for this architecture');
    }
    this.#pc.setBootOrder(order);
  }

  powerButton(): void {
    this.events.emit({ event: 'POWERDOWN', data: undefined });
    this.#pc?.pm.powerButton();
  }

  /** Flushes and closes all images, then gives back what the host keeps for the machine. Rejects with `BlockError`; may then be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.network.close();
    await this.drives.closeAll();
    this.#disposed = true;
    this.engine.dispose();
  }

  /** Kernel and initrd for the next reset, or for the first start: then throws KernelError. */
  setBootFiles(files: BootFiles): void {
    this.#bootFiles = files;
    if (this.runState === 'prelaunch') loadBootFiles(files, this.#pc, 0);
  }

  /** The guest was reset before `setBootFiles`: it stands still. */
  get waitsForBootFiles(): boolean {
    return this.#bootFiles === undefined && !this.#poweredUp && this.runControl.running;
  }

  /** What the machine itself keeps between two slices; its parts are saved apart. */
  saveRun(): RunSnapshot {
    return {
      nowNs: this.clock.nowNs(),
      wallClockMs: this.#wallClockMs(),
      retired: this.engine.retired,
      runState: this.runState,
      poweredUp: this.#poweredUp,
      powerOff: this.#requests.powerOff,
      resetReason: this.#requests.resetReason ?? null,
      noReboot: this.config.noReboot === true,
      turn: this.processors.saveTurn(),
    };
  }

  /** All but the turn, which its processors restore. A running machine waits for `cont`. Gives the milliseconds that the world went on by meanwhile. */
  restoreRun(state: RunSnapshot): number {
    this.engine.retired = state.retired;
    this.#time.restore(state.nowNs);
    this.#poweredUp = state.poweredUp;
    this.#requests.powerOff = state.powerOff;
    this.#requests.resetReason = state.resetReason ?? undefined;
    this.runControl.restore(state.runState === 'running' ? 'paused' : state.runState);
    return this.config.rtcBaseMs === undefined ? this.#wallClockMs() - state.wallClockMs : 0;
  }

  #wallClockMs(): number {
    const { rtcBaseMs } = this.config;
    return rtcBaseMs === undefined ? this.#host.wallClockMs() : rtcBaseMs + this.clock.nowNs() / NS_PER_MS;
  }

  #retired(): number {
    return this.#running ? this.engine.retiredNow(this.#budget) : (this.engine?.retired ?? 0);
  }

  /** The real-time clock has a battery: it goes on by what the rest of the machine misses for good. */
  #catchUpRtc(): void {
    const lostNs = this.#time.takeLostNs();
    const { rtcBaseMs, rtcClock } = this.config;
    if (lostNs > 0 && rtcBaseMs === undefined && rtcClock !== 'vm')
      this.board.rtc.catchUp(lostNs / NS_PER_MS);
  }

  /** Deterministic: a request takes no virtual time, however long the host needs for it. */
  #waitsForDisk(): boolean {
    return this.#time instanceof InstructionTime && this.drives.busy;
  }

  /** Milliseconds to wait for `deadline`; 0 when it is there. */
  #idleUntil(deadline: number): number {
    if (this.#time.skipTo(deadline)) return 0;
    return Math.max(0, (deadline - this.clock.nowNs()) / NS_PER_MS);
  }

  #runChunk(deadline: number): void {
    const { engine } = this;
    const time = this.#time;
    const exact = time instanceof InstructionTime;
    time.sync(true);
    const chunk = this.#chunk.instructions;
    const budget = this.processors.takeTurn(time.budget(chunk, deadline));
    const before = engine.retired;
    const start = exact ? 0 : this.#host.monotonicNs();
    this.#budget = budget;
    this.#running = true;
    const exit = this.processors.run(budget, exact);
    this.#running = false;
    time.sync(false);
    if (exit === 'shutdown') this.#requests.requestReset('guest-reset');
    if (exit === 'debug') this.runControl.stop('debug');
    if (exact || exit !== 'budget' || budget < chunk) return;
    this.#chunk.learn(engine.retired - before, this.#host.monotonicNs() - start);
  }

  #reset(guest: boolean, reason: ShutdownCause): void {
    const told = { event: 'RESET', data: { guest, reason } } as const;
    this.events.emitBeforeDeletions(told, () => resetDevices(this.devices.tree));
    this.runControl.machineReset();
    // With its contents the guest would not get far.
    if (this.#internalError instanceof ArenaFullError) this.memory.releaseAll();
    this.#internalError = undefined;
    this.#requests.forgetPanic();
    this.#poweredUp = false;
  }

  /** Before the first instruction; false: it has to wait. */
  #powerUp(): boolean {
    if (this.#bootFiles === undefined) return false;
    this.#poweredUp = true;
    powerUp(this.#bootFiles, this.board, this.processors, this.engine.cpu);
    return true;
  }

  /** A fault of ours: the guest may be in any state now, only a reset makes it good. */
  #fail(error: unknown): void {
    this.#running = false;
    this.#internalError = error instanceof Error ? error : new Error(String(error));
    this.trace.internalError(this.#internalError.message);
    this.runControl.stop('internal-error');
    this.#host.notice?.(faultNotice(this.#internalError), 'fault');
  }

  /** The guest's next instruction must not run; a device's transfer just moves nothing. */
  #arenaFull(): void {
    if (this.#running) throw new ArenaFullError(this.memory.arena.capacity);
    this.#fail(new ArenaFullError(this.memory.arena.capacity));
  }
}
