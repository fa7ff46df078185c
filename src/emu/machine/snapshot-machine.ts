/** A machine as plain data, and a machine made of it that goes on as if nothing had happened. */
import { asBlockError } from '../block/block-backend.ts';
import type { Device } from '../core/device.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { PAGE_SIZE } from '../memory/guest-memory.ts';
import { Machine, type MachineConfig, type MachineHost, type RunSnapshot } from './machine.ts';
import { type PeripheralsSnapshot, restorePeripherals, savePeripherals } from './snapshot-devices.ts';

const MEMORY_MAX = 2 ** 31;
const PORTS = 4;

/** What must be known to make the machine that a snapshot is restored into. */
type HeadSnapshot = {
  readonly machine: string;
  readonly memoryBytes: number;
  readonly serialPorts: readonly boolean[];
  readonly noReboot: boolean;
};

type SavedDevice = { readonly name: string; readonly version: number; readonly state: Plain };

type StateSnapshot = {
  readonly run: RunSnapshot;
  readonly peripherals: PeripheralsSnapshot;
  /** By devfn. */
  readonly pci: readonly (SavedDevice & { readonly devfn: number })[];
  readonly chips: readonly SavedDevice[];
  readonly apic: SavedDevice;
  readonly cpu: SavedDevice;
};

export interface MachineSnapshot {
  readonly head: Plain;
  /** The machine's own memory: it must not run before this is stored. */
  readonly ram: Uint8Array;
  readonly state: Plain;
}

/**
 * Stops the machine and says all of it; `cont` lets it go on. Requests to disks are finished first.
 * Rejects with `SnapshotError`.
 */
export async function saveMachine(machine: Machine): Promise<MachineSnapshot> {
  machine.stop();
  if (machine.runState === 'internal-error') {
    throw new SnapshotError('A machine that stopped by a fault of the emulator cannot be saved.');
  }
  await machine.drives.settled();
  await machine.drives.drained();
  await machine.drives.flush().catch((error: unknown) => {
    throw new SnapshotError(`The disks could not be stored: ${asBlockError(error).message}`);
  });
  const { board, config, memory } = machine;
  // A restored machine begins with an empty TLB: so must this one go on, or their page tables could differ in an accessed bit.
  machine.engine.cpu.flushTlb(true);
  const head: HeadSnapshot = {
    machine: 'pc',
    memoryBytes: memory.size,
    serialPorts: [...(config.serialPorts ?? [true])],
    noReboot: config.noReboot === true,
  };
  const state: StateSnapshot = {
    run: machine.saveRun(),
    peripherals: savePeripherals(machine),
    pci: board.pciBus.devices().map((device) => ({ devfn: device.devfn, ...saveDevice(device) })),
    chips: board.chips.map(saveDevice),
    apic: saveDevice(machine.apic),
    cpu: saveDevice(machine.engine.cpu),
  };
  return { head, ram: memory.bytes, state };
}

/**
 * A machine with empty RAM, to be filled before `restoreMachine`. Throws `SnapshotError`.
 * @param more what the snapshot does not say: how time passes, which clock the guest sees
 */
export function machineForSnapshot(
  head: Plain,
  host: MachineHost,
  more: Pick<MachineConfig, 'icountShift' | 'rtcBaseMs'> = {},
): Machine {
  const { memoryBytes, serialPorts, noReboot } = checkedHead(head);
  return new Machine({ ...more, memoryBytes, serialPorts, noReboot, restoring: true }, host);
}

/**
 * Restores all but RAM. The machine then stands where it was saved, paused if it ran; `setBootFiles` lets it survive a reset.
 * Rejects with `SnapshotError`; the machine is then of no use and holds no images.
 */
export async function restoreMachine(machine: Machine, state: Plain): Promise<void> {
  // The shape is held to the machine's by the names and versions inside; what a checksum let pass fails below.
  const snapshot = state as StateSnapshot;
  try {
    await restore(machine, snapshot);
  } catch (error) {
    await machine.close();
    if (error instanceof SnapshotError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`The snapshot does not fit this machine: ${why}`);
  }
}

async function restore(
  machine: Machine,
  { run, peripherals, pci, chips, apic, cpu }: StateSnapshot,
): Promise<void> {
  const { board, memory } = machine;
  memory.changed(0, memory.size);
  const missedMs = machine.restoreRun(run);
  await restorePeripherals(machine, peripherals);
  const functions = board.pciBus.devices();
  if (functions.length !== pci.length)
    throw new SnapshotError('The snapshot has other PCI devices than its board.');
  for (const saved of pci) restoreDevice(board.pciBus.device(saved.devfn), saved);
  if (board.chips.length !== chips.length) throw new SnapshotError('The snapshot is of another board.');
  // The interrupt controllers last: the devices' wires are at their levels by then, and no edge of that is remembered.
  const controllers: readonly Device[] = [board.pic, board.ioApic];
  const order = [...board.chips.entries()].sort(
    ([, a], [, b]) => Number(controllers.includes(a)) - Number(controllers.includes(b)),
  );
  for (const [at, chip] of order) restoreDevice(chip, chips[at]);
  restoreDevice(machine.apic, apic);
  restoreDevice(machine.engine.cpu, cpu);
  if (missedMs !== 0) board.rtc.catchUp(missedMs);
}

function saveDevice(device: Device): SavedDevice {
  const { name, version } = device.vmstate;
  return { name, version, state: device.save() };
}

function restoreDevice(device: Device | undefined, saved: SavedDevice): void {
  const known = device?.vmstate;
  if (device === undefined || known?.name !== saved.name) {
    throw new SnapshotError(
      `The snapshot has a device ${saved.name} where this machine has ${known?.name ?? 'none'}.`,
    );
  }
  if (known.version !== saved.version) {
    throw new SnapshotError(
      `The snapshot has ${saved.name} in version ${saved.version}, this machine has version ${known.version}.`,
    );
  }
  device.restore(saved.state);
}

function checkedHead(head: Plain): HeadSnapshot {
  const wrong = new SnapshotError('The snapshot is of a machine that this version does not know.');
  if (typeof head !== 'object' || head === null || !('machine' in head)) throw wrong;
  const { machine, memoryBytes, serialPorts, noReboot } = head;
  if (machine !== 'pc' || typeof memoryBytes !== 'number' || !Array.isArray(serialPorts)) throw wrong;
  if (memoryBytes <= 0 || memoryBytes > MEMORY_MAX || memoryBytes % PAGE_SIZE !== 0) throw wrong;
  return {
    machine,
    memoryBytes,
    serialPorts: serialPorts.slice(0, PORTS).map((there) => there === true),
    noReboot: noReboot === true,
  };
}
