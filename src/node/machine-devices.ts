/** Drives and devices of the command line. They take the way of `drive_add` and `device_add`. */
import { type Machine, Options } from '../emu/index.ts';
import { atOption, type CommandLine, type OptionGroup } from './options.ts';
import { startError } from './start-error.ts';

interface MadeDrive {
  readonly name: string;
  readonly at: string;
}

/** Makes all that the command line names. Rejects with StartError. */
export async function attachDevices(
  machine: Machine,
  { drives, devices }: Pick<CommandLine, 'drives' | 'devices'>,
): Promise<void> {
  const made: MadeDrive[] = [];
  for (const { options, at } of drives) {
    const { name } = await machine.drives.add(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
    made.push({ name, at });
  }
  for (const { options, at } of [...devices, ...virtioDisks(machine, made)]) {
    await machine.devices.add(options).catch((error: unknown) => {
      throw atOption(error, at);
    });
  }
  checkOrphans(machine, made);
}

/** QEMU: if=virtio makes the device too, after those that the user named. */
function virtioDisks(machine: Machine, made: readonly MadeDrive[]): readonly OptionGroup[] {
  return made
    .filter(({ name }) => machine.drives.find(name)?.interface === 'virtio')
    .map(({ name, at }) => ({
      options: new Options([
        ['driver', 'virtio-blk-pci'],
        ['drive', name],
      ]),
      at,
    }));
}

/** Drives that should be on a controller of the board, which has none for them. */
function checkOrphans(machine: Machine, made: readonly MadeDrive[]): void {
  for (const { name, at } of made) {
    const drive = machine.drives.find(name);
    if (drive === undefined || drive.interface === 'none' || drive.attachedTo !== undefined) continue;
    const { interface: type, bus, unit } = drive;
    throw startError(`machine type does not support if=${type},bus=${bus},unit=${unit}`, at);
  }
}
