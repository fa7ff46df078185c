/** The pc board as a monitor sees it, with real chips and no running CPU; a hand plays the guest's ACPI code. */
import { GPE_BASE, GpeBlock } from '../../src/emu/acpi/gpe.ts';
import { PCI_HOTPLUG_BASE, PciHotplug } from '../../src/emu/acpi/pci-hotplug.ts';
import { Piix3Ide } from '../../src/emu/ata/piix3-ide.ts';
import { MemoryChunkDatabase } from '../../src/emu/block/chunk-database.ts';
import { ChunkImageStore } from '../../src/emu/block/chunk-image-store.ts';
import { Drives } from '../../src/emu/block/drives.ts';
import { LocalLocks } from '../../src/emu/block/image-locks.ts';
import { I440fx } from '../../src/emu/chipset/i440fx.ts';
import { Piix3 } from '../../src/emu/chipset/piix3.ts';
import { Piix4Pm } from '../../src/emu/chipset/piix4-pm.ts';
import { type MachineEvent, MachineEvents } from '../../src/emu/core/machine-events.ts';
import type { MonitorError } from '../../src/emu/core/monitor-error.ts';
import { QUIET } from '../../src/emu/core/trace.ts';
import type { CpuHost } from '../../src/emu/cpu/cpu.ts';
import { Vcpu } from '../../src/emu/cpu/vcpu.ts';
import { readCpuRegisters } from '../../src/emu/machine/cpu-registers.ts';
import { DeviceRegistry } from '../../src/emu/machine/device-registry.ts';
import { BOARD_TYPES } from '../../src/emu/machine/device-registry-board.ts';
import { VIRTIO_BLK_DEVICE, VIRTIO_BLK_PCI } from '../../src/emu/machine/device-registry-virtio-blk.ts';
import { DeviceManager } from '../../src/emu/machine/hotplug.ts';
import type { MachineApi } from '../../src/emu/machine/machine-api.ts';
import { DeviceTree } from '../../src/emu/machine/qdev.ts';
import { describePcBoard } from '../../src/emu/machine/qdev-pc.ts';
import { RunControl, type RunState } from '../../src/emu/machine/run-state.ts';
import { GuestMemory } from '../../src/emu/memory/guest-memory.ts';
import { HMP_PROMPT, HmpConsole } from '../../src/emu/monitor/hmp/console.ts';
import { PCI_COMMAND } from '../../src/emu/pci/config-space.ts';
import type { PciDevice } from '../../src/emu/pci/pci-device.ts';
import { type PciDeviceInfo, pciBusInfo } from '../../src/emu/pci/pci-info.ts';
import { assignPciResources } from '../../src/emu/pci/pci-resources.ts';
import { pciRig } from './pci-rig.ts';

const MIB = 1024 * 1024;
const IMAGES = [
  ['/tmp/disk1.img', 64 * MIB],
  ['/tmp/disk2.img', 64 * MIB],
  ['/tmp/odd.img', 1000],
  ['/tmp/odd2.img', 1000],
] as const;

const NO_HOST: CpuHost = {
  ioRead: () => 0,
  ioWrite() {},
  mmioRead: () => 0,
  mmioWrite() {},
  nowNs: () => 0,
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
  /** What the terminal is sent for these keys. */
  keys(text: string): Promise<string>;
  /** Everything that went to QEMU's standard error. */
  readonly stderr: string[];
  readonly time: { ns: number };
  /** Events since the last call. */
  takeEvents(): readonly MachineEvent[];
  functions(): readonly PciDevice[];
  /** Firmware and Linux's start. */
  boot(): void;
  /** Linux answers the hotplug events that are pending, when its CPU runs. */
  settle(): Promise<void>;
}

/** A machine stopped before its first instruction. */
export async function monitorRig(): Promise<MonitorRig> {
  const rig = pciRig();
  const { bus, io } = rig;
  const memory = new GuestMemory(4 * MIB);
  const wires = Array.from({ length: 16 }, () => ({ set() {} }));
  const [none] = wires;
  if (none === undefined) throw new Error('no wires');
  const i440fx = new I440fx(4 * MIB);
  const piix3 = new Piix3(io, wires, () => {});
  const piix3Ide = new Piix3Ide(io, [none, none]);
  const power = { powerOff() {}, suspendToRam() {}, suspendToDisk() {} };
  const piix4Pm = new Piix4Pm({ ports: io, clock: rig.clock, sci: none, power, trace: QUIET });
  bus.add(i440fx, 0x00);
  bus.add(piix3, 0x08);
  bus.add(piix3Ide, 0x09);
  bus.add(piix4Pm, 0x0b);
  const gpe = new GpeBlock(none, QUIET);
  gpe.attach(io);

  const stderr: string[] = [];
  const say = (message: string): void => void stderr.push(message);
  const database = new MemoryChunkDatabase();
  let images = 0;
  const store = new ChunkImageStore({ database, locks: new LocalLocks(), newId: () => `image${images++}` });
  for (const [path, sizeBytes] of IMAGES) await store.createEmpty(path, sizeBytes);
  const drives = new Drives({ images: store, warn: say });
  const events = new MachineEvents();
  const seen: MachineEvent[] = [];
  events.listen((event) => seen.push(event));
  const registry = new DeviceRegistry([...BOARD_TYPES, VIRTIO_BLK_PCI, VIRTIO_BLK_DEVICE]);
  const services = { memory, clock: rig.clock, trace: QUIET, drives };
  const devices = new DeviceManager(registry, new DeviceTree(), services, events);
  const serialPorts = [{ iobase: 0x3f8, irq: 4 }];
  const board = { pciBus: bus, i440fx, piix3, piix3Ide, piix4Pm, serialPorts, i8042: true };
  const tree = describePcBoard(devices, board);
  const hotplug = new PciHotplug(tree.hotplug, gpe, QUIET);
  hotplug.attach(io);
  tree.connectHotplug(hotplug);
  devices.machineReady();

  const control = new RunControl(events);
  const cpu = new Vcpu(memory, NO_HOST, QUIET);
  const machine: MachineApi = {
    get runState(): RunState {
      return control.state;
    },
    events,
    devices,
    drives,
    stop: () => control.stop(),
    cont: (): MonitorError | undefined => control.cont(),
    reset: () => hotplug.reset(),
    quit() {},
    pciFunctions: (): readonly PciDeviceInfo[] => pciBusInfo(bus),
    cpus: () => [{ index: 0, halted: false, threadId: 1 }],
    cpuRegisters: (index) => (index === 0 ? readCpuRegisters(cpu, 0) : undefined),
  };

  const register = (offset: number): number => io.read(PCI_HOTPLUG_BASE + offset, 4);
  const answerEvents = (): void => {
    while ((io.read(GPE_BASE, 1) & 2) !== 0) {
      io.write(GPE_BASE, 1, 2);
      io.write(PCI_HOTPLUG_BASE + 0x10, 4, 0);
      const [up, down] = [register(0), register(4)];
      for (let slot = 0; slot < 32; slot++) {
        if ((up >>> slot) & 1) probe(bus.device(slot << 3));
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
    { machine, stderr: say },
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
    stderr,
    time: rig.time,
    takeEvents: () => seen.splice(0),
    functions: () => bus.devices(),
    boot() {
      assignPciResources(bus);
      for (const chip of [i440fx, piix3, piix4Pm]) chip.firmwareSetup();
      // Linux: what happened before ACPI came up is forgotten.
      io.write(GPE_BASE, 2, 0xffff);
      rig.time.ns += 5e9;
    },
    async settle() {
      if (!control.running) return;
      rig.time.ns += 1e9;
      answerEvents();
      await drives.settled();
    },
  };
}

/** Linux places the BARs of the only hot-added function where its windows begin. */
function probe(device: PciDevice | undefined): void {
  for (const bar of device?.bars ?? []) {
    bar.program({ io: 0x1000, mem32: 0x1000_0000, mem64: 0x1_0000_0000 }[bar.kind]);
  }
  device?.configWrite(PCI_COMMAND, 2, 7);
}
