/** The names of drives and devices: those that the machine has, and those that it does not have yet. */
import { imagePath, type Machine } from '../emu/index.ts';
import type { DriveRow, FreeIds, MachineDrives } from './protocol.ts';

/** As the story of README.md has them. */
const DRIVE_STEM = 'disk';
const DEVICE_STEM = 'myvirtio';

/** Before there is a machine. */
export const NO_DRIVES: MachineDrives = {
  drives: [],
  freeIds: { drive: `${DRIVE_STEM}1`, device: `${DEVICE_STEM}1` },
  takenIds: [],
  busTypes: [],
};

/** As much of a machine as has names. */
type Named = Pick<Machine, 'drives' | 'devices'>;
type Drive = ReturnType<Machine['drives']['list']>[number];

export function driveRows(machine: Named): readonly DriveRow[] {
  return machine.drives.list().map((drive) => ({
    // A drive that a device made for a node is called as the node.
    id: drive.id || (drive.medium?.node.name ?? ''),
    path: pathOf(drive),
    nodeName: drive.medium?.node.name,
    readOnly: drive.medium?.backend.readOnly ?? false,
    attached: drive.attachedTo !== undefined,
    deviceId: deviceIdOf(machine, drive),
  }));
}

/** What the machine has to do with the images. */
export function machineDrives(machine: Named): MachineDrives {
  return {
    drives: driveRows(machine),
    freeIds: freeIds(machine),
    takenIds: [...takenIds(machine)],
    busTypes: busTypes(machine),
  };
}

function busTypes({ devices }: Named): readonly string[] {
  const types = new Set<string>();
  for (const device of devices.tree.devices())
    for (const bus of device.buses) if (bus.hotpluggable && !bus.full) types.add(bus.type);
  return [...types];
}

/** Ids stay taken while a device uses them, also after `drive_del`. */
function takenIds(machine: Named): ReadonlySet<string> {
  return new Set([
    ...machine.drives.list().map(({ id }) => id),
    ...machine.drives.nodes.list().map(({ name }) => name),
    ...machine.devices.tree.peripherals().map(({ id }) => id),
  ]);
}

export function freeIds(machine: Named): FreeIds {
  const taken = takenIds(machine);
  return { drive: firstFree(DRIVE_STEM, taken), device: firstFree(DEVICE_STEM, taken) };
}

/** The stem with a number behind it, from `first` on, that nothing has. */
export function firstFree(stem: string, taken: ReadonlySet<string>, first = 1): string {
  let number = first;
  while (taken.has(`${stem}${number}`)) number++;
  return `${stem}${number}`;
}

/** In the form that the list of images has. */
function pathOf({ medium }: Drive): string | undefined {
  return medium === undefined ? undefined : imagePath(medium.path);
}

function deviceIdOf(machine: Named, { attachedTo }: Drive): string | undefined {
  if (attachedTo === undefined) return undefined;
  // QEMU: a device is told by its id; one that is inside of another has none, and is told by its path.
  const owner = machine.devices.tree
    .peripherals()
    .find(({ id, path }) => attachedTo === id || attachedTo.startsWith(`${path}/`));
  return owner === undefined || owner.id === '' ? undefined : owner.id;
}
