/**
 * Snapshots of a whole machine: `savevm`, `loadvm`, `delvm`. QEMU keeps them inside of qcow2 images, and refuses raw ones, which are all
 * that there are here. So a snapshot is a file of its own, which the host keeps: the machine, and what its disks hold.
 */
import { asBlockError, BlockError } from '../block/block-backend.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Plain } from '../core/plain.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import { type RamTarget, SnapshotReader } from '../snapshot/snapshot-reader.ts';
import { planSnapshot } from '../snapshot/snapshot-writer.ts';
import type { VmDisk, VmInfo } from '../snapshot/vm-format.ts';
import { readVm, readVmInfo } from '../snapshot/vm-reader.ts';
import { writeVm } from '../snapshot/vm-writer.ts';
import { areKept, DiskRestore, disksOfNodes, isKept, type LiveDisk, liveDisks } from './vm-disks.ts';

export interface KeptVm {
  readonly tag: string;
  readonly info: VmInfo;
  /** It is about all disks that the machine has. */
  readonly isLoadable: boolean;
}

/** Oldest first; what is damaged is left out. */
export async function listVms(machine: MachineApi): Promise<readonly KeptVm[]> {
  const { store } = machine.snapshots;
  const kept: KeptVm[] = [];
  for (const tag of await store.list()) {
    try {
      const info = await readVmInfo(store.read(tag));
      kept.push({ tag, info, isLoadable: areKept(machine, info.disks) });
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
    }
  }
  return kept.sort((one, other) => one.info.savedMs - other.info.savedMs);
}

/** Which disks of the machine a snapshot is about. Throws QEMU's errors. */
interface Disks {
  /** To be kept. QEMU: the first one has the machine, too. */
  toSave(): Promise<readonly LiveDisk[]>;
  /** To be put back; the others stay as they are. */
  toLoad(kept: readonly VmDisk[], tag: string): readonly LiveDisk[];
}

function allDisks(machine: MachineApi): Disks {
  return {
    toSave: async () => liveDisks(machine),
    toLoad(kept, tag) {
      if (!areKept(machine, kept)) throw notThere(tag);
      return liveDisks(machine);
    },
  };
}

/** What the jobs of QMP are asked for. */
export interface NamedDisks {
  readonly tag: string;
  /** Names of nodes. */
  readonly devices: readonly string[];
}

/** @param vmstate the node that has the machine, too */
function namedDisks(machine: MachineApi, { tag, devices }: NamedDisks, vmstate: string): Disks {
  const first = (disks: readonly LiveDisk[]): LiveDisk => {
    const disk = disks.find(({ node }) => node.name === vmstate);
    if (disk === undefined) throw new MonitorError(`vmstate block device '${vmstate}' does not exist`);
    return disk;
  };
  return {
    async toSave() {
      const disks = disksOfNodes(machine, devices);
      if ((await machine.snapshots.store.list()).includes(tag)) {
        throw new MonitorError(`Snapshot '${tag}' already exists in one or more devices`);
      }
      const main = first(disks);
      return [main, ...disks.filter((disk) => disk !== main)];
    },
    toLoad(kept) {
      const disks = disksOfNodes(machine, devices);
      if (!disks.every((disk) => isKept(disk, kept))) throw notThere(tag);
      if (!isKept(first(disks), kept.slice(0, 1))) {
        throw new MonitorError('This is a disk-only snapshot. Revert to it  offline using qemu-img');
      }
      return disks;
    },
  };
}

/** `snapshot-save`: keeps the machine and these disks under a tag that nothing has. Rejects with `MonitorError`; nothing was kept then. */
export async function saveVmOf(machine: MachineApi, wanted: NamedDisks, vmstate: string): Promise<void> {
  const disks = namedDisks(machine, wanted, vmstate);
  await disks.toSave();
  await saveVm(machine, wanted.tag, disks);
}

/** `snapshot-load`: the machine and these disks go back, other disks do not. As `loadVm`. */
export async function loadVmOf(
  machine: MachineApi,
  wanted: NamedDisks,
  vmstate: string,
  say: (text: string) => void,
): Promise<void> {
  disksOfNodes(machine, wanted.devices);
  await loadVm(machine, wanted.tag, say, namedDisks(machine, wanted, vmstate));
}

/** `snapshot-delete`: without effect where no such disk was kept. Rejects with `MonitorError`. */
export async function deleteVmOf(machine: MachineApi, { tag, devices }: NamedDisks): Promise<void> {
  const disks = disksOfNodes(machine, devices);
  const { store } = machine.snapshots;
  if (!(await store.list()).includes(tag)) return;
  const { disks: kept } = await readVmInfo(store.read(tag)).catch(rethrow);
  if (!disks.some((disk) => isKept(disk, kept))) return;
  const others = liveDisks(machine).filter((disk) => !disks.some(({ node }) => node === disk.node));
  if (others.some((disk) => isKept(disk, kept))) {
    throw new MonitorError(
      `Hotslot keeps snapshot '${tag}' of several devices in one file: name all of them`,
    );
  }
  await deleteVm(machine, tag);
}

/** QEMU's words where there is no disk to keep a machine in: only one without a board keeps none here. */
export const NO_VMSTATE = 'no block device can store vmstate for snapshot';

function checkHasDisks({ inspect }: MachineApi): void {
  if (!inspect.hasBoard) throw new MonitorError(NO_VMSTATE);
}

/** Keeps the machine and its disks under the tag, in place of what was kept there. Rejects with `MonitorError`; nothing was kept then. */
export async function saveVm(machine: MachineApi, tag: string, disks = allDisks(machine)): Promise<void> {
  checkHasDisks(machine);
  const { snapshots } = machine;
  await snapshots
    .alone(async () => {
      const chosen = await disks.toSave();
      const contents = await snapshots.save();
      const info = {
        savedMs: snapshots.wallClockMs(),
        clockNs: snapshots.clockNs,
        icount: snapshots.icount ?? null,
      };
      const whole = { info, disks: chosen, machine: planSnapshot(contents) };
      await snapshots.store.write(tag, writeVm(whole));
    })
    .catch(rethrow);
}

export async function deleteVm({ snapshots }: MachineApi, tag: string): Promise<void> {
  await snapshots.store.delete(tag).catch(rethrow);
}

/**
 * The machine and its disks go back to what was kept. Rejects with `MonitorError`; then nothing has changed, unless an image could not be
 * written in the middle of it.
 * @param say told why a snapshot cannot be used. QEMU: beside the error
 */
export async function loadVm(
  machine: MachineApi,
  tag: string,
  say: (text: string) => void,
  disks = allDisks(machine),
): Promise<void> {
  checkHasDisks(machine);
  if (!(await machine.snapshots.store.list()).includes(tag)) throw notThere(tag);
  const failed = (error: unknown): never => {
    if (!(error instanceof SnapshotError || error instanceof BlockError)) throw error;
    say(error.message);
    throw new MonitorError('Error -22 while loading VM state');
  };
  const checked = await readWhole(machine, tag).catch(failed);
  disks.toLoad(checked.info.disks, tag);
  await machine.snapshots.alone(() => restore(machine, tag, checked, disks)).catch(failed);
}

/** What a snapshot has beside pages and disks. */
interface CheckedVm {
  readonly info: VmInfo;
  readonly head: Plain;
  readonly state: Plain;
}

/** Reads all of it, so that what is damaged is known before anything changes. Rejects with `SnapshotError`. */
async function readWhole({ snapshots }: MachineApi, tag: string): Promise<CheckedVm> {
  let info: VmInfo | undefined;
  let head: Plain;
  const reader = new SnapshotReader((read) => {
    head = read;
    return noRam(snapshots.ramBytes(read));
  });
  for await (const part of readVm(snapshots.store.read(tag))) {
    if (part.type === 'info') info = part.info;
    if (part.type === 'machine') reader.push(part.bytes);
  }
  const state = reader.finish();
  if (info === undefined) throw new SnapshotError('The snapshot is damaged: its head is missing.');
  return { info, head, state };
}

/** Takes pages and forgets them. */
function noRam(sizeBytes: number): RamTarget {
  return { sizeBytes, write: () => true, read: (_at, target) => void target.fill(0) };
}

async function restore(
  machine: MachineApi,
  tag: string,
  { info, head, state }: CheckedVm,
  disks: Disks,
): Promise<void> {
  const { snapshots } = machine;
  const chosen = disks.toLoad(info.disks, tag);
  const prepared = snapshots.prepare(head, state);
  try {
    await fill(machine, tag, new DiskRestore(info.disks, chosen), () => prepared.clearRam());
    prepared.restore();
  } catch (error) {
    snapshots.brokenOff();
    throw error;
  }
}

/** Disks come first: when one cannot be written, RAM is as it was. */
async function fill(
  machine: MachineApi,
  tag: string,
  disks: DiskRestore,
  clearRam: () => RamTarget,
): Promise<void> {
  const reader = new SnapshotReader(clearRam);
  let areDisksDone = false;
  for await (const part of readVm(machine.snapshots.store.read(tag))) {
    if (part.type === 'disk') await disks.put(part.disk, part.offset, part.bytes);
    if (part.type !== 'machine') continue;
    if (!areDisksDone) await disks.finish();
    areDisksDone = true;
    reader.push(part.bytes);
  }
  reader.finish();
}

function notThere(tag: string): MonitorError {
  return new MonitorError(`Snapshot '${tag}' does not exist in one or more devices`);
}

function rethrow(error: unknown): never {
  if (error instanceof SnapshotError) throw new MonitorError(error.message);
  if (error instanceof BlockError) throw asBlockError(error).toMonitorError();
  throw error;
}
