/** -drive if=ide, -hda and the like: the drives that the board has on its IDE controller. Texts are QEMU's. */
import { parseDrivePlace } from '../block/drive-options.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Machine } from '../machine/machine.ts';
import { NONE_MACHINE } from '../machine/machine-versions.ts';
import { Options } from '../qdev/option-string.ts';
import type { MadeDrive } from './attach-flash.ts';
import { atOption, type CommandLine } from './options.ts';
import { report } from './start-error.ts';

const CHANNELS = 2;
const UNITS = 2;

/** How many there are. What is wrong with an option is told when its drive is made. */
export function ideDriveCount({ drives, machineType }: Pick<CommandLine, 'drives' | 'machineType'>): number {
  if (machineType === NONE_MACHINE) return 0;
  const count = drives.filter(({ options }) => {
    try {
      const place = parseDrivePlace(options, 'ide');
      return place.interface === 'ide' && place.bus < CHANNELS;
    } catch (error) {
      if (error instanceof MonitorError) return false;
      throw error;
    }
  }).length;
  return Math.min(count, CHANNELS * UNITS);
}

/** Makes their devices, in the order of their places. Rejects with StartError. @param made all drives of the command line */
export async function attachIdeDrives(
  machine: Machine,
  made: readonly MadeDrive[],
  warn: (text: string) => void,
): Promise<void> {
  if (machine.config.machineType === NONE_MACHINE) return;
  const places = made
    .map(({ name }) => machine.drives.find(name))
    .filter((drive) => drive?.interface === 'ide' && drive.bus < CHANNELS && drive.unit < UNITS)
    .sort((one, other) => placeOf(one) - placeOf(other));
  for (const [n, drive] of places.entries()) {
    const name = machine.board.ideDrives[n];
    if (drive === undefined || name === undefined) continue;
    const isDisc = drive.options?.get('media') === 'cdrom';
    const options = new Options([
      ['driver', isDisc ? 'ide-cd' : 'ide-hd'],
      ['bus', `ide.${drive.bus}`],
      ['unit', String(drive.unit)],
      ['drive', drive.name],
    ]);
    // QEMU: what is wrong with it is not said about its option.
    await machine.devices
      .addForBoard(options, name, (text) => warn(report(text)))
      .catch((error: unknown) => {
        throw atOption(error);
      });
  }
}

function placeOf(drive: { readonly bus: number; readonly unit: number } | undefined): number {
  return drive === undefined ? 0 : drive.bus * UNITS + drive.unit;
}
