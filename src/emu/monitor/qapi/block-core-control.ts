/** What is done to drives that are there: their images, sizes and limits. Spec: QEMU qapi/block-core.json. */
import type { Drive } from '../../block/drives.ts';
import {
  type Limit,
  type LimitName,
  limitsError,
  limitsOf,
  type ThrottleLimits,
} from '../../block/throttle-limits.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, deprecated, enumeration, INT, optional, STR, struct } from '../../qapi/schema.ts';
import { BURSTS, RATES } from './block-core-info.ts';
import { command } from './context.ts';

const READ_ONLY_MODE = enumeration('BlockdevChangeReadOnlyMode', ['retain', 'read-only', 'read-write']);
/** Whether an image may be written that comes into a drive; undefined: as the one before. */
const READ_ONLY: Readonly<Record<string, boolean | undefined>> = {
  retain: undefined,
  'read-only': true,
  'read-write': false,
};
/** A drive by its name, or by the device that has it. */
const WHICH = { device: deprecated(optional(STR)), id: optional(STR) };

function notFound(name: string): MonitorError {
  return new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
}

/** The drive of that name. Throws QEMU's error. */
export function driveNamed({ drives }: MachineApi, name: string): Drive {
  const drive = drives.find(name);
  if (drive === undefined) throw notFound(name);
  return drive;
}

/** The drive that the device of that id or path has. QEMU: a virtio card has none, the disk inside it does. */
export function driveOfDevice({ drives, devices }: MachineApi, id: string): Drive {
  const device = devices.tree.find(id);
  const names = [id, device?.path, device?.id].filter((name) => name !== undefined && name !== '');
  const drive = drives.list().find(({ attachedTo }) => names.includes(attachedTo));
  if (drive !== undefined) return drive;
  const isDevice = devices.removable().includes(id) || devices.tree.devices().some(({ path }) => path === id);
  if (isDevice) throw new MonitorError('Device does not have a block device backend');
  throw devices.tree.isOther(id) ? new MonitorError(`${id} is not a hotpluggable device`) : notFound(id);
}

interface Which {
  readonly device?: string | undefined;
  readonly id?: string | undefined;
}

/** The drive that is meant by its name or by its device. Throws QEMU's error. */
function driveOf(machine: MachineApi, { device, id }: Which): Drive {
  if (device !== undefined && id === undefined) return driveNamed(machine, device);
  if (device === undefined && id !== undefined) return driveOfDevice(machine, id);
  throw new MonitorError("Need exactly one of 'device' and 'id'");
}

/** Throws QEMU's error, which calls the drive as it was called. */
function checkRemovable(drive: Drive, { device, id }: Which): void {
  if (!drive.removable) throw new MonitorError(`Device '${device ?? id}' is not removable`);
}

/** `eject`. Rejects with QEMU's error. */
export async function ejectMedium(machine: MachineApi, which: Which, force: boolean): Promise<void> {
  const drive = driveOf(machine, which);
  checkRemovable(drive, which);
  openTray(drive, which, force);
  await machine.drives.eject(drive);
}

/** QEMU: a device that holds its medium is asked, and the user asks again. */
function openTray({ gate: { tray } }: Drive, { device, id }: Which, force: boolean): void {
  if (tray === undefined || tray.isOpen) return;
  const { isLocked } = tray;
  if (isLocked) tray.requestEject(force);
  if (!isLocked || force) tray.move(true);
  else {
    throw new MonitorError(
      `Device '${device ?? id}' is locked and force was not specified, wait for tray to open and try again`,
    );
  }
}

function closeTray({ gate: { tray } }: Drive): void {
  if (tray?.isOpen === true) tray.move(false);
}

/** QEMU: a drive of no device can be opened and closed, which changes nothing. */
function moveTray(machine: MachineApi, which: Which, move: 'close' | { readonly force: boolean }): void {
  const drive = driveOf(machine, which);
  checkRemovable(drive, which);
  if (move === 'close') closeTray(drive);
  else {
    try {
      openTray(drive, which, move.force);
    } catch {
      // QEMU: the guest is asked, which is all that the user wanted.
    }
  }
}

async function removeMedium(machine: MachineApi, which: Which): Promise<void> {
  const drive = driveOf(machine, which);
  checkRemovable(drive, which);
  if (drive.gate.tray?.isOpen === false) {
    throw new MonitorError(`Tray of device '${which.device ?? which.id}' is not open`);
  }
  await machine.drives.eject(drive);
}

/** `change` and `blockdev-change-medium`. Rejects with QEMU's error. */
export async function changeMedium(
  { drives }: MachineApi,
  drive: Drive,
  title: string,
  image: { readonly path: string; readonly format: string | undefined; readonly mode: string | undefined },
  force: boolean,
): Promise<void> {
  const { path, format, mode } = image;
  const readOnly = mode === undefined ? undefined : READ_ONLY[mode];
  await drives.change(drive, title, { path, format, readOnly }, () =>
    openTray(drive, { device: title }, force),
  );
  closeTray(drive);
}

/** QEMU's error for a mode that is none. */
export function modeError(mode: string | undefined): MonitorError | undefined {
  if (mode === undefined || Object.hasOwn(READ_ONLY, mode)) return undefined;
  return new MonitorError(`invalid parameter value: ${mode}`);
}

/** Rejects with QEMU's error. */
async function insertMedium(machine: MachineApi, id: string, nodeName: string): Promise<void> {
  const drive = driveOfDevice(machine, id);
  const node = machine.drives.nodes.find(nodeName);
  if (node === undefined) throw new MonitorError(`Node '${nodeName}' not found`);
  if (machine.drives.list().some(({ medium }) => medium?.node === node)) {
    throw new MonitorError(`Node '${nodeName}' is already in use`);
  }
  if (!drive.removable) throw new MonitorError('Device is not removable');
  const { tray } = drive.gate;
  if (tray === undefined) throw new MonitorError('Device is not removable');
  if (!tray.isOpen) throw new MonitorError('Tray of the device is not open');
  if (drive.medium !== undefined) throw new MonitorError('There already is a medium in the device');
  await machine.drives.insert(drive, nodeName);
}

/** QEMU: no image has an end beyond this. */
const MAX_IMAGE_BYTES = 0x7fff_ffff_c000_0000n;

/** `block_resize`. Rejects with QEMU's error. */
export async function resizeImage(
  { drives }: MachineApi,
  device: string | undefined,
  nodeName: string | undefined,
  size: number | bigint,
): Promise<void> {
  const drive = device === undefined ? undefined : drives.find(device);
  if (drive !== undefined && drive.medium === undefined) {
    throw new MonitorError(`Device '${device}' has no medium`);
  }
  const node = drive?.medium?.node ?? (nodeName === undefined ? undefined : drives.nodes.find(nodeName));
  if (node === undefined) {
    throw new MonitorError(`Cannot find device='${device ?? ''}' nor node-name='${nodeName ?? ''}'`);
  }
  if (size < 0) throw new MonitorError("Parameter 'size' expects a >0 size");
  if (size > MAX_IMAGE_BYTES) {
    throw new MonitorError(`offset(${size}) exceeds maximum(${MAX_IMAGE_BYTES})`);
  }
  await drives.resize(node, Number(size));
}

type Rates = Readonly<Record<LimitName, number | bigint>> &
  Readonly<Partial<Record<keyof typeof BURSTS, number | bigint | undefined>>>;

/** QEMU: the length of a burst is unsigned. */
function lengthOf(given: number | bigint | undefined): number {
  return given === undefined ? 1 : Number(BigInt.asUintN(64, BigInt(given)));
}

function limitsGiven(rates: Rates): ThrottleLimits {
  const limit = (name: LimitName): Limit => ({
    avg: Number(rates[name]),
    max: Number(rates[`${name}_max`] ?? 0),
    length: lengthOf(rates[`${name}_max_length`]),
  });
  return limitsOf(limit, Number(rates.iops_size ?? 0));
}

/** `block_set_io_throttle`. Throws QEMU's error, having changed nothing. */
export function setIoThrottle(
  drive: Drive,
  title: string,
  rates: Rates & { readonly group?: string | undefined },
): void {
  if (drive.medium === undefined) throw new MonitorError('Device has no medium');
  const limits = limitsGiven(rates);
  const error = limitsError(limits);
  if (error !== undefined) throw error;
  drive.gate.limitTo(limits, { group: rates.group, byDefault: title });
}

export const BLOCK_CONTROL_COMMANDS = [
  command('eject', {
    args: struct({ ...WHICH, force: optional(BOOL) }),
    run: ({ machine }, { force = false, ...which }) => ejectMedium(machine, which, force),
  }),
  command('blockdev-open-tray', {
    args: struct({ ...WHICH, force: optional(BOOL) }),
    run: ({ machine }, { force = false, ...which }) => moveTray(machine, which, { force }),
  }),
  command('blockdev-close-tray', {
    args: struct(WHICH),
    run: ({ machine }, which) => moveTray(machine, which, 'close'),
  }),
  command('blockdev-remove-medium', {
    args: struct({ id: STR }),
    run: ({ machine }, which) => removeMedium(machine, which),
  }),
  command('blockdev-insert-medium', {
    args: struct({ id: STR, 'node-name': STR }),
    run: ({ machine }, { id, 'node-name': nodeName }) => insertMedium(machine, id, nodeName),
  }),
  command('blockdev-change-medium', {
    args: struct({
      ...WHICH,
      ...{ filename: STR, format: optional(STR), force: optional(BOOL) },
      'read-only-mode': optional(READ_ONLY_MODE),
    }),
    run({ machine }, { filename: path, format, 'read-only-mode': mode, force = false, ...which }) {
      const title = which.device ?? which.id ?? '';
      return changeMedium(machine, driveOf(machine, which), title, { path, format, mode }, force);
    },
  }),
  command('block_resize', {
    args: struct({ device: optional(STR), 'node-name': optional(STR), size: INT }),
    allowPreconfig: true,
    run: ({ machine }, { device, 'node-name': nodeName, size }) =>
      resizeImage(machine, device, nodeName, size),
  }),
  command('block_set_io_throttle', {
    args: struct({ ...WHICH, ...RATES, ...BURSTS, group: optional(STR) }),
    allowPreconfig: true,
    run({ machine }, rates) {
      setIoThrottle(driveOf(machine, rates), rates.device ?? rates.id ?? '', rates);
    },
  }),
];
