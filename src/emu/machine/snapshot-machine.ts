/** A machine as plain data, and a machine made of it that goes on as if nothing had happened. */
import { asBlockError } from '../block/block-backend.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { PAGE_SIZE } from '../memory/guest-memory.ts';
import {
  MAX_DIMM_SLOTS,
  Machine,
  type MachineConfig,
  type MachineHost,
  type RunSnapshot,
} from './machine.ts';
import { type PeripheralsSnapshot, restorePeripherals, savePeripherals } from './snapshot-devices.ts';
import { restoreSections, type Section, saveSections } from './snapshot-sections.ts';

const MEMORY_MAX = 2 ** 31;
const PORTS = 4;

/** What must be known to make the machine that a snapshot is restored into. */
type HeadSnapshot = {
  readonly machine: string;
  readonly memoryBytes: number;
  /** Null: the machine has no slots for DIMMs. */
  readonly dimms: { readonly slots: number; readonly maxBytes: number } | null;
  readonly serialPorts: readonly boolean[];
  readonly noReboot: boolean;
};

type StateSnapshot = {
  readonly run: RunSnapshot;
  readonly peripherals: PeripheralsSnapshot;
  readonly sections: readonly Section[];
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
  const { config, memory } = machine;
  // A restored machine begins with an empty TLB: so must this one go on, or their page tables could differ in an accessed bit.
  machine.engine.cpu.flushTlb(true);
  const head: HeadSnapshot = {
    machine: 'pc',
    memoryBytes: memory.size,
    dimms: config.dimms ?? null,
    serialPorts: [...(config.serialPorts ?? [true])],
    noReboot: config.noReboot === true,
  };
  const state: StateSnapshot = {
    run: machine.saveRun(),
    peripherals: savePeripherals(machine),
    sections: saveSections(machine.devices.tree),
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
  const { memoryBytes, dimms, serialPorts, noReboot } = checkedHead(head);
  const config = { ...more, memoryBytes, dimms: dimms ?? undefined, serialPorts, noReboot };
  return new Machine({ ...config, restoring: true }, host);
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

async function restore(machine: Machine, { run, peripherals, sections }: StateSnapshot): Promise<void> {
  const { board, memory, devices } = machine;
  memory.changed(0, memory.size);
  const missedMs = machine.restoreRun(run);
  await restorePeripherals(machine, peripherals);
  restoreSections(devices.tree, sections);
  if (missedMs !== 0) board.rtc.catchUp(missedMs);
}

function checkedHead(head: Plain): HeadSnapshot {
  const wrong = new SnapshotError('The snapshot is of a machine that this version does not know.');
  if (typeof head !== 'object' || head === null || !('machine' in head)) throw wrong;
  const { machine, memoryBytes, dimms, serialPorts, noReboot } = head;
  if (machine !== 'pc' || typeof memoryBytes !== 'number' || !Array.isArray(serialPorts)) throw wrong;
  if (memoryBytes <= 0 || memoryBytes > MEMORY_MAX || memoryBytes % PAGE_SIZE !== 0) throw wrong;
  return {
    machine,
    memoryBytes,
    dimms: dimms === null ? null : checkedDimms(dimms, wrong),
    serialPorts: serialPorts.slice(0, PORTS).map((there) => there === true),
    noReboot: noReboot === true,
  };
}

function checkedDimms(dimms: Plain, wrong: SnapshotError): HeadSnapshot['dimms'] {
  if (typeof dimms !== 'object' || dimms === null || !('slots' in dimms) || !('maxBytes' in dimms))
    throw wrong;
  const { slots, maxBytes } = dimms;
  if (typeof slots !== 'number' || typeof maxBytes !== 'number') throw wrong;
  if (!Number.isInteger(slots) || slots < 0 || slots > MAX_DIMM_SLOTS || !Number.isSafeInteger(maxBytes))
    throw wrong;
  return { slots, maxBytes };
}
