/** The lines that plug an image in, for what the machine has. */
import { expect, it } from 'vitest';
import { plugChoices } from '../../src/ui/plug-choices.ts';

const linesOf = (
  title: string,
  takenIds: readonly string[],
  busTypes: readonly string[],
): readonly string[] => {
  const freeIds = { drive: 'disk2', device: 'myvirtio1' };
  const choices = plugChoices('/tmp/a,b.img', { takenIds, busTypes, freeIds });
  return choices.find((choice) => choice.title === title)?.commands ?? [];
};

it('bring a controller where there is none, and take names that are free', () => {
  const drive = 'drive_add 0 if=none,file=/tmp/a,,b.img,format=raw,id=disk2';
  expect(linesOf('USB stick', ['stick1', 'usb1'], ['PCI'])).toEqual([
    'device_add qemu-xhci,id=usb2',
    drive,
    'device_add usb-storage,drive=disk2,id=stick2',
  ]);
  expect(linesOf('USB stick', [], ['PCI', 'usb-bus'])).toEqual([
    drive,
    'device_add usb-storage,drive=disk2,id=stick1',
  ]);
  expect(linesOf('CD-ROM', ['cd1'], ['SCSI'])).toEqual([
    'drive_add 0 if=none,file=/tmp/a,,b.img,format=raw,id=cd2,media=cdrom',
    'device_add scsi-cd,drive=cd2,id=cdrom1',
  ]);
  expect(linesOf('NVMe disk', [], [])).toEqual([drive, 'device_add nvme,drive=disk2,id=nvme1,serial=disk2']);
});
