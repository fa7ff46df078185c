/** A machine goes back to a snapshot of itself: everything outside of it, monitors, consoles and images, stays connected. */
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { RamImage } from '../memory/ram-image.ts';
import type { SavedRegion } from './boards/pc-device-memory.ts';
import type { Machine } from './machine.ts';
import { machineVersion } from './machine-versions.ts';
import {
  type HeadSnapshot,
  headOf,
  isHead,
  STATE,
  type StateSnapshot,
  UNKNOWN_MACHINE,
} from './saved-machine.ts';
import { type DeviceSnapshot, saveDevices, saveNuma } from './snapshot-devices.ts';
import { checkKind, checkSections, type Section } from './snapshot-sections.ts';

/** A snapshot that has been checked against the machine. Nothing has changed yet, and nothing is checked any more. */
export interface PreparedRestore {
  /** Empties RAM: the snapshot's pages have to be written into what it gives. */
  clearRam(): RamImage;
  /** Restores all but RAM. The run state stays as it is. */
  restore(): void;
}

/**
 * The machine must stand still, with no request to a disk under way, from here to the end of `restore`. Throws `SnapshotError` with QEMU's
 * words where the machine is another than the one that was saved. QEMU: what was plugged since then stays, as after a reset.
 */
export function prepareRestore(machine: Machine, head: Plain, state: Plain): PreparedRestore {
  checkHead(machine, head);
  checkKind(STATE, state, 'the state');
  const { run, peripherals, sections } = state as StateSnapshot;
  checkNuma(machine, peripherals.numa);
  checkDevices(machine, peripherals.devices, sections);
  const { tree } = machine.devices;
  const restoreAll = checkSections(tree, sections, (_path, device) =>
    device.vmstate.stage === 'processor' ? undefined : () => device.reset(),
  );
  return {
    clearRam() {
      machine.memory.releaseAll();
      return new RamImage(machine.memory);
    },
    restore() {
      const { runState, clock } = machine;
      const beforeNs = clock.nowNs();
      const missedMs = machine.restoreRun(run);
      machine.runControl.restore(runState);
      restoreAll();
      machine.processors.restoreTurn(run.turn);
      machine.network.dropConnections();
      restoreUnplugs(machine, peripherals.devices);
      if (missedMs !== 0) machine.board.rtc.catchUp(missedMs);
      machine.input.timeMoved(clock.nowNs() - beforeNs);
    },
  };
}

/** Bytes of all RAM that a snapshot has. Throws `SnapshotError`. */
export function savedRamBytes(head: Plain): number {
  if (!isHead(head)) throw new SnapshotError(UNKNOWN_MACHINE);
  return head.ram.reduce((sum, { size }) => sum + size, 0);
}

/** What differs from the machine that was saved is told in QEMU's order: the type, then memory. */
function checkHead(machine: Machine, head: Plain): asserts head is HeadSnapshot {
  if (!isHead(head)) throw new SnapshotError(UNKNOWN_MACHINE);
  const own = headOf(machine);
  if (head.machine !== own.machine) {
    const [saved, local] = [head.machine, own.machine].map((name) => machineVersion(name).name);
    throw new SnapshotError(`Machine type received is '${saved}' and local is '${local}'`);
  }
  if (head.memoryBytes !== own.memoryBytes) {
    const [saved, local] = [head.memoryBytes, own.memoryBytes].map((bytes) => `0x${bytes.toString(16)}`);
    throw ramError(`Size mismatch: pc.ram: ${saved} != ${local}: Invalid argument`);
  }
  for (const region of head.ram) {
    if (own.ram.some((other) => isSameRegion(region, other))) continue;
    throw ramError(`Unknown ramblock "${region.name}", cannot accept migration`);
  }
  const more = own.ram.find((region) => !head.ram.some((other) => isSameRegion(region, other)));
  if (more !== undefined) throw new SnapshotError(`The snapshot has no memory ${more.name}`);
  if (head.cpu !== own.cpu) {
    throw new SnapshotError(`The snapshot has processors '${head.cpu}', this machine has '${own.cpu}'`);
  }
}

function isSameRegion(one: SavedRegion, other: SavedRegion): boolean {
  return one.name === other.name && one.gpa === other.gpa && one.size === other.size;
}

function ramError(text: string): SnapshotError {
  return new SnapshotError(`${text}\nerror while loading state for instance 0x0 of device 'ram'`);
}

function checkNuma({ numa }: Machine, saved: readonly string[]): void {
  if (saveNuma(numa).join() === saved.join()) return;
  throw new SnapshotError('The snapshot has other NUMA nodes than this machine');
}

/** What the user had plugged must be plugged: the same, at the same place. */
function checkDevices(
  { devices }: Machine,
  saved: readonly DeviceSnapshot[],
  sections: readonly Section[],
): void {
  const present = new Map(
    saveDevices(devices.tree, new Set()).map((device) => [device.path, identityOf(device)]),
  );
  const missing = saved.find((device) => present.get(device.path) !== identityOf(device));
  if (missing !== undefined) throw unknownSection(missing, saved, sections);
}

function identityOf({ options, bus, places }: DeviceSnapshot): string {
  // QEMU: what a card's wire leads to is no part of its state.
  const entries = options.entries.filter(([key]) => key !== 'netdev');
  const byName = entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([byName, bus, places]);
}

/** QEMU names the state of a PCI device by its slot, and that of a virtio device by what it is. */
function unknownSection(
  device: DeviceSnapshot,
  saved: readonly DeviceSnapshot[],
  sections: readonly Section[],
): SnapshotError {
  const { path, options } = device;
  const driver = options.entries.find(([key]) => key === 'driver')?.[1] ?? '';
  const virtio = /^(virtio-[a-z]+)-pci/.exec(driver)?.[1];
  const section = virtio === 'virtio-serial' ? 'virtio-console' : virtio;
  const name = section ?? sections.find((one) => one.path === path)?.name ?? path;
  const slot = pciPath(device, saved);
  return new SnapshotError(
    `Unknown savevm section or instance '${slot === undefined ? '' : `${slot}/`}${name}' 0. ` +
      'Make sure that your current VM setup matches your saved VM setup, including any hotplugged devices',
  );
}

/** The slots on the way from the root bus; undefined: it is not on PCI, or behind a bridge without an id. */
function pciPath({ bus, places }: DeviceSnapshot, saved: readonly DeviceSnapshot[]): string | undefined {
  const devfn = places.find(([key]) => key === 'addr')?.[1];
  if (typeof devfn !== 'number' || bus === null) return undefined;
  // A bridge comes before what is behind it.
  const bridge = saved.findIndex(({ options }) => options.id === bus);
  const before = saved[bridge] === undefined ? undefined : pciPath(saved[bridge], saved.slice(0, bridge));
  const root = bus === 'pci.0' ? '0000:00' : before;
  return root && `${root}:${(devfn >> 3).toString(16).padStart(2, '0')}.${devfn & 7}`;
}

/** Unplugs that were on their way then are so again, and those that were asked for later are forgotten. */
function restoreUnplugs({ devices }: Machine, saved: readonly DeviceSnapshot[]): void {
  const requested = new Map(saved.map(({ path, unplugRequestedMs }) => [path, unplugRequestedMs]));
  for (const device of devices.tree.devices()) {
    device.unplugRequestedMs = requested.get(device.path) ?? undefined;
  }
}
