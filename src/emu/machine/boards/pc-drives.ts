/**
 * The drives that the pc board has on its own controllers: -drive if=ide, if=floppy, -hda, -fda and the like.
 * QEMU: pci_ide_create_devs, isa_fdc_init_drives.
 */
import { type DriveInterface, parseDrivePlace } from '../../block/drive-options.ts';
import type { Drive } from '../../block/drives.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import { Options } from '../../qdev/option-string.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import type { PcBoard } from './pc.ts';

type BoardNames = Pick<PcBoard, 'ideDrives' | 'floppyDrives'>;

/** A controller of the board's, and what is made for a drive on it. */
interface BoardPlaces {
  readonly interface: DriveInterface;
  readonly buses: number;
  /** On each. */
  readonly units: number;
  readonly names: (board: BoardNames) => readonly string[];
  readonly device: (drive: Drive) => Readonly<Record<string, string>>;
}

const IDE: BoardPlaces = {
  ...{ interface: 'ide', buses: 2, units: 2 },
  names: ({ ideDrives }) => ideDrives,
  device: ({ bus, options }) => ({
    driver: options?.get('media') === 'cdrom' ? 'ide-cd' : 'ide-hd',
    bus: `ide.${bus}`,
  }),
};
const FLOPPY: BoardPlaces = {
  ...{ interface: 'floppy', buses: 1, units: 2 },
  names: ({ floppyDrives }) => floppyDrives,
  // QEMU: whatever the user has chosen for all drives.
  device: () => ({ driver: 'floppy', bus: 'floppy-bus.0', 'drive-type': 'auto' }),
};

/** How many drives are meant for the board. */
export interface BoardDriveCounts {
  readonly ideDrives: number;
  readonly floppyDrives: number;
}

/** What is wrong with an option is told when its drive is made. */
export function boardDriveCounts(drives: readonly Options[]): BoardDriveCounts {
  const meant = drives.map(placeOf);
  const countOf = ({ interface: type, buses, units }: BoardPlaces): number => {
    const there = meant.filter((place) => place?.interface === type && place.bus < buses);
    return Math.min(there.length, buses * units);
  };
  return { ideDrives: countOf(IDE), floppyDrives: countOf(FLOPPY) };
}

function placeOf(options: Options): ReturnType<typeof parseDrivePlace> | undefined {
  try {
    return parseDrivePlace(options, 'ide');
  } catch (error) {
    if (error instanceof MonitorError) return undefined;
    throw error;
  }
}

/** Makes their devices, in the order of QEMU's. Rejects with `MonitorError`. @param drives all that there are */
export async function attachBoardDrives(
  board: BoardNames,
  devices: DeviceManager,
  drives: readonly Drive[],
  warn: (text: string) => void,
): Promise<void> {
  for (const { interface: type, buses, units, names, device } of [FLOPPY, IDE]) {
    const number = ({ bus, unit }: Drive): number => bus * units + unit;
    const there = drives
      .filter((drive) => drive.interface === type && drive.bus < buses && drive.unit < units)
      .sort((one, other) => number(one) - number(other));
    for (const [n, drive] of there.entries()) {
      const path = names(board)[n];
      if (path === undefined) continue;
      const asked = { ...device(drive), unit: String(drive.unit), drive: drive.name };
      await devices.addForBoard(new Options(Object.entries(asked)), path, warn);
    }
  }
}
