/** A machine made of a snapshot, which goes on as if nothing had happened. */
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import type { SavedRegion } from './boards/pc-device-memory.ts';
import { Machine } from './machine.ts';
import type { MachineConfig, MachineHost } from './machine-config.ts';
import { isHead, STATE, type StateSnapshot, UNKNOWN_MACHINE } from './saved-machine.ts';
import { restorePeripherals } from './snapshot-devices.ts';
import { checkKind, checkSections } from './snapshot-sections.ts';

/**
 * A machine with empty RAM, to be filled before `restoreMachine`. Throws `SnapshotError`.
 * @param more what the snapshot does not say: how time passes, which clock the guest sees
 */
export function machineForSnapshot(
  head: Plain,
  host: MachineHost,
  more: Pick<MachineConfig, 'icountShift' | 'rtcBaseMs'> = {},
): Machine {
  if (!isHead(head)) throw new SnapshotError(UNKNOWN_MACHINE);
  const {
    machine: machineType,
    cpu,
    memoryBytes,
    smp,
    ram,
    dimms,
    hmat,
    serialPorts,
    noReboot,
    globals,
    usb,
    ideDrives,
    floppyDrives,
  } = head;
  const config = {
    ...more,
    machineType,
    cpu,
    memoryBytes,
    smp,
    dimms: dimms ?? undefined,
    hmat,
    usb,
    ideDrives,
    floppyDrives,
    serialPorts,
    noReboot,
    globals,
  };
  const machine = new Machine({ ...config, restoring: true }, host);
  const { regions } = machine.memory;
  const isSame = (saved: SavedRegion, at: number): boolean =>
    saved.name === regions[at]?.name && saved.gpa === regions[at]?.gpa && saved.size === regions[at]?.size;
  const own = ram.slice(0, regions.length);
  if (own.length !== regions.length || !own.every(isSame)) throw new SnapshotError(UNKNOWN_MACHINE);
  // The memory of devices is above all other RAM.
  if (!ram.slice(own.length).every((saved) => machine.board.deviceMemory.restoreRegion(saved))) {
    throw new SnapshotError(UNKNOWN_MACHINE);
  }
  return machine;
}

/**
 * Restores all but RAM. The machine then stands where it was saved, paused if it ran; `setBootFiles` lets it survive a reset.
 * Rejects with `SnapshotError`; the machine is then of no use and holds no images.
 */
export async function restoreMachine(machine: Machine, state: Plain): Promise<void> {
  try {
    checkKind(STATE, state, 'the state');
    await restore(machine, state as StateSnapshot);
  } catch (error) {
    await machine.close();
    if (error instanceof SnapshotError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`The snapshot does not fit this machine: ${why}`);
  }
}

async function restore(machine: Machine, { run, peripherals, sections }: StateSnapshot): Promise<void> {
  const { board, devices } = machine;
  board.cpus.keepOnly(new Set(sections.filter(({ name }) => name === 'cpu').map(({ path }) => path)));
  await restorePeripherals(machine, peripherals);
  if (!board.deviceMemory.isRestored)
    throw new SnapshotError('The snapshot has other memory than its devices say.');
  const restoreAll = checkSections(devices.tree, sections);
  const missedMs = machine.restoreRun(run);
  restoreAll();
  machine.processors.restoreTurn(run.turn);
  if (missedMs !== 0) board.rtc.catchUp(missedMs);
}
