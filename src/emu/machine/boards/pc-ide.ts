/** The drives that the pc board has on its IDE channels: -drive if=ide, -hda and the like. QEMU: pci_ide_create_devs. */
import { parseDrivePlace } from '../../block/drive-options.ts';
import type { Drive } from '../../block/drives.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { Options } from '../../qdev/option-string.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import type { PcBoard } from './pc.ts';

const CHANNELS = 2;
const UNITS = 2;

/** How many of these drives are meant for the board. What is wrong with an option is told when its drive is made. */
export function ideDriveCount(drives: readonly Options[]): number {
  return Math.min(drives.filter(isForBoard).length, CHANNELS * UNITS);
}

function isForBoard(options: Options): boolean {
  try {
    const place = parseDrivePlace(options, 'ide');
    return place.interface === 'ide' && place.bus < CHANNELS;
  } catch (error) {
    if (error instanceof MonitorError) return false;
    throw error;
  }
}

/** Makes their devices, in the order of their places. Rejects with `MonitorError`. @param drives all that there are */
export async function attachIdeDrives(
  { ideDrives }: Pick<PcBoard, 'ideDrives'>,
  devices: DeviceManager,
  drives: readonly Drive[],
  warn: (text: string) => void,
): Promise<void> {
  const places = drives
    .filter((drive) => drive.interface === 'ide' && drive.bus < CHANNELS && drive.unit < UNITS)
    .sort((one, other) => placeOf(one) - placeOf(other));
  for (const [n, { bus, unit, name, options }] of places.entries()) {
    const path = ideDrives[n];
    if (path === undefined) continue;
    const asked = new Options([
      ['driver', options?.get('media') === 'cdrom' ? 'ide-cd' : 'ide-hd'],
      ['bus', `ide.${bus}`],
      ['unit', String(unit)],
      ['drive', name],
    ]);
    await devices.addForBoard(asked, path, warn);
  }
}

function placeOf({ bus, unit }: Drive): number {
  return bus * UNITS + unit;
}
