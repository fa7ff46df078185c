/** Drives and devices that the user made: how they are told to a snapshot, and made again of it without a word to the guest. */

import type { Drive } from '../block/drives.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { SnapshotError } from '../core/snapshot-error.ts';
import { pciFunction, pciSlot } from '../pci/pci-bus.ts';
import { Options } from '../qdev/option-string.ts';
import type { Machine } from './machine.ts';
import type { Qdev } from './qdev.ts';

type SavedOptions = {
  readonly id: string | null;
  readonly entries: readonly (readonly [key: string, value: string])[];
};

export type DriveSnapshot = {
  readonly options: SavedOptions;
  /** Null: an empty drive. */
  readonly medium: {
    readonly path: string;
    readonly sizeBytes: number;
    readonly nodeName: string;
    readonly fileNodeName: string;
  } | null;
};

export type DeviceSnapshot = {
  readonly options: SavedOptions;
  readonly path: string;
  readonly hotplugged: boolean;
  /** Virtual milliseconds. */
  readonly unplugRequestedMs: number | null;
};

export type PeripheralsSnapshot = {
  readonly drives: readonly DriveSnapshot[];
  readonly nodeCount: number;
  /** Oldest first. */
  readonly devices: readonly DeviceSnapshot[];
  readonly anonymousDevices: number;
};

/** Where a drive is and how its image is read, said anew. */
const PLACE_OF_DRIVE = ['bus', 'unit', 'index', 'format', 'driver'];
const ANONYMOUS = /^\/machine\/peripheral-anon\/device\[(\d+)\]$/;

/** Throws `SnapshotError` where a device could not be made again. */
export function savePeripherals({ drives, devices }: Machine): PeripheralsSnapshot {
  const made = [...devices.tree.devices()].filter(({ options }) => options !== undefined).reverse();
  return {
    drives: drives.list().map(saveDrive),
    nodeCount: drives.nodeCount,
    devices: made.map(saveDevice),
    anonymousDevices: devices.anonymousDevices,
  };
}

/** Rejects with `SnapshotError`. The machine is one that was just made to be restored. */
export async function restorePeripherals(machine: Machine, state: PeripheralsSnapshot): Promise<void> {
  const { drives, devices } = machine;
  for (const drive of state.drives) await restoreDrive(machine, drive);
  drives.nodeCount = state.nodeCount;
  for (const device of state.devices) await restoreDevice(machine, device);
  devices.anonymousDevices = state.anonymousDevices;
  devices.machineReady();
}

function saveDrive({ name, id, bus, unit, medium, options }: Drive): DriveSnapshot {
  if (name === '') {
    throw new SnapshotError(
      `Drive ${id} was deleted under its device: take the device out, then save again.`,
    );
  }
  const place: [string, string][] = [
    ['bus', String(bus)],
    ['unit', String(unit)],
  ];
  // What the guest wrote into a raw image must not make it one of another format.
  if (medium !== undefined) place.push(['format', medium.format]);
  const entries = options.entries.filter(([key]) => !PLACE_OF_DRIVE.includes(key));
  return {
    options: { id: options.id ?? null, entries: [...entries, ...place] },
    medium:
      medium === undefined
        ? null
        : {
            path: medium.path,
            sizeBytes: medium.backend.sizeBytes,
            nodeName: medium.nodeName,
            fileNodeName: medium.fileNodeName,
          },
  };
}

async function restoreDrive({ drives }: Machine, { options, medium }: DriveSnapshot): Promise<void> {
  const nodes = medium ?? { nodeName: '', fileNodeName: '' };
  const drive = await drives.restore(toOptions(options), nodes).catch((error: unknown) => {
    if (medium === null) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`The snapshot needs the disk image ${medium.path}, which cannot be used: ${why}`);
  });
  if (medium === null || drive.medium?.backend.sizeBytes === medium.sizeBytes) return;
  throw new SnapshotError(`The disk image ${medium.path} has another size than when the snapshot was taken.`);
}

function saveDevice(qdev: Qdev): DeviceSnapshot {
  const { options, device, qomPath, hotplugged, unplugRequestedMs } = qdev;
  const entries = (options?.entries ?? []).filter(([key]) => key !== 'addr');
  const at = device?.devfn ?? 0;
  const addr = `${pciSlot(at).toString(16)}.${pciFunction(at).toString(16)}`;
  return {
    options: {
      id: options?.id ?? null,
      entries: device === undefined ? entries : [...entries, ['addr', addr]],
    },
    path: qomPath,
    hotplugged,
    unplugRequestedMs: unplugRequestedMs ?? null,
  };
}

async function restoreDevice({ devices }: Machine, state: DeviceSnapshot): Promise<void> {
  const number = ANONYMOUS.exec(state.path)?.[1];
  if (number !== undefined) devices.anonymousDevices = Number(number);
  const qdev = await devices.add(toOptions(state.options)).catch((error: unknown) => {
    if (!(error instanceof MonitorError)) throw error;
    throw new SnapshotError(`The snapshot has a device that cannot be made: ${error.message}`);
  });
  qdev.hotplugged = state.hotplugged;
  if (qdev.device !== undefined) qdev.device.hotplugged = state.hotplugged;
  qdev.unplugRequestedMs = state.unplugRequestedMs ?? undefined;
}

function toOptions({ id, entries }: SavedOptions): Options {
  return new Options(entries, id ?? undefined);
}
