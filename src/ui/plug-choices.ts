/** What a disk image can become in the machine that runs, and the monitor's lines for it. */
import type { MachineDrives } from '../workers/protocol.ts';
import { optionValue } from './format.ts';

/** A way to plug an image in. */
export interface PlugChoice {
  readonly title: string;
  /** What it is to the guest, in a sentence. */
  readonly text: string;
  readonly commands: readonly string[];
}

/** A controller that is plugged in first, where the machine has no bus for the device. */
interface Controller {
  readonly busType: string;
  readonly type: string;
  readonly stem: string;
}

interface Kind {
  readonly title: string;
  readonly text: string;
  readonly type: string;
  readonly stem: string;
  readonly driveStem?: string;
  readonly driveOptions?: string;
  /** Options of the device besides drive and id. */
  readonly options?: (drive: string) => string;
  readonly controller?: Controller;
}

const SCSI: Controller = { busType: 'SCSI', type: 'virtio-scsi-pci', stem: 'scsi' };
const USB: Controller = { busType: 'usb-bus', type: 'qemu-xhci', stem: 'usb' };

const KINDS: readonly Kind[] = [
  {
    title: 'Virtio disk',
    text: 'A PCI card of its own: /dev/vda',
    type: 'virtio-blk-pci',
    stem: 'myvirtio',
  },
  {
    title: 'USB stick',
    text: 'On a USB controller: /dev/sda',
    type: 'usb-storage',
    stem: 'stick',
    controller: USB,
  },
  {
    title: 'SCSI disk',
    text: 'On a SCSI adapter: /dev/sda',
    type: 'scsi-hd',
    stem: 'sd',
    controller: SCSI,
  },
  {
    title: 'CD-ROM',
    text: 'In a drive on a SCSI adapter, to be read only: /dev/sr0',
    type: 'scsi-cd',
    stem: 'cdrom',
    driveStem: 'cd',
    driveOptions: ',media=cdrom',
    controller: SCSI,
  },
  {
    title: 'NVMe disk',
    text: 'A PCI card of its own: /dev/nvme0n1',
    type: 'nvme',
    stem: 'nvme',
    options: (drive) => `,serial=${drive}`,
  },
];

/** All ways, for what the machine has now. */
export function plugChoices(
  path: string,
  { takenIds, busTypes, freeIds }: Pick<MachineDrives, 'takenIds' | 'busTypes' | 'freeIds'>,
): readonly PlugChoice[] {
  return KINDS.map(({ title, text, type, stem, driveStem, driveOptions = '', options, controller }) => {
    const taken = new Set(takenIds);
    const take = (wanted: string): string => {
      let number = 1;
      while (taken.has(`${wanted}${number}`)) number++;
      taken.add(`${wanted}${number}`);
      return `${wanted}${number}`;
    };
    const commands: string[] = [];
    if (controller !== undefined && !busTypes.includes(controller.busType))
      commands.push(`device_add ${controller.type},id=${take(controller.stem)}`);
    const drive = driveStem === undefined ? freeIds.drive : take(driveStem);
    taken.add(drive);
    commands.push(
      `drive_add 0 if=none,file=${optionValue(path)},format=raw,id=${drive}${driveOptions}`,
      `device_add ${type},drive=${drive},id=${take(stem)}${options?.(drive) ?? ''}`,
    );
    return { title, text, commands };
  });
}
