/** Names of device types that there were once. */
import type { MachineApi } from '../../../machine/machine-api.ts';
import { Options } from '../../../qdev/option-string.ts';

/** QEMU before 6.0: a disk or a CD-ROM drive, as its drive says. */
export const SCSI_DISK = 'scsi-disk';

/** The type of today for a drive that was asked for so. */
export function scsiDriver(drive: Options | undefined): string {
  return drive?.get('media') === 'cdrom' ? 'scsi-cd' : 'scsi-hd';
}

/** What `device_add` was asked for, in the names of today. */
export function inWordsOfToday({ drives }: MachineApi, options: Options): Options {
  if (options.get('driver') !== SCSI_DISK) return options;
  const driver = scsiDriver(drives.find(options.get('drive') ?? '')?.options);
  const others = options.entries.filter(([key]) => key !== 'driver');
  return new Options([['driver', driver], ...others], options.id);
}
