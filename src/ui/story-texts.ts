/** The steps of the stories, as commands for a machine. */
import type { ImageRow, MachineDrives, MachineHardware } from '../workers/protocol.ts';
import { optionValue, STORY_PATH } from './format.ts';

/** A command, a way to the images, or a sentence where nothing can be done. */
export type Step =
  | { readonly to: 'monitor' | 'guest'; readonly command: string }
  | { readonly to: 'images'; readonly text: string }
  | { readonly to: 'nobody'; readonly text: string };

/** What the disk's commands name. */
export interface DiskNames {
  readonly path: string;
  readonly drive: string;
  readonly device: string;
}

/** What these stories plug in; the lines that an image's button writes begin with the same names. */
const STICK = 'stick1';
const SCSI_DISK = 'sd1';

/** Of a new memory module. Linux takes memory in blocks of 128 MiB. */
const MODULE_SIZE = '256M';

const monitor = (command: string): Step => ({ to: 'monitor', command });
const guest = (command: string): Step => ({ to: 'guest', command });

const IMAGE: Step = { to: 'images', text: 'Upload a disk image, or make an empty one' };
const addDrive = ({ path, drive }: DiskNames): Step =>
  monitor(`drive_add 0 if=none,file=${optionValue(path)},format=raw,id=${drive}`);

export interface StoryDisks {
  readonly disk: DiskNames;
  readonly stick: DiskNames;
  readonly scsi: DiskNames;
}

/**
 * What the stories with disks name: a drive that the machine has, so that a story stays the same from step to step, else an image
 * that nobody uses and ids that are free. What one story has plugged in is not another's.
 */
export function storyDisks(
  images: readonly ImageRow[],
  { drives, freeIds }: Pick<MachineDrives, 'drives' | 'freeIds'>,
): StoryDisks {
  const known = drives.filter(({ path }) => images.some((image) => image.path === path));
  const image = images.find(({ inUse }) => !inUse) ?? images[0];
  const names = (drive: (typeof known)[number] | undefined, device: string): DiskNames => ({
    path: drive?.path ?? image?.path ?? STORY_PATH,
    drive: drive?.id ?? freeIds.drive,
    device,
  });
  const disk = known.find(({ deviceId }) => deviceId !== STICK && deviceId !== SCSI_DISK);
  const pluggedAs = (id: string): DiskNames =>
    names(known.find(({ deviceId }) => deviceId === id) ?? known.find(({ attached }) => !attached), id);
  return {
    disk: names(disk, disk?.deviceId ?? freeIds.device),
    stick: pluggedAs(STICK),
    scsi: pluggedAs(SCSI_DISK),
  };
}

export function diskSteps(names: DiskNames): readonly Step[] {
  const { drive, device } = names;
  return [
    IMAGE,
    addDrive(names),
    monitor(`device_add virtio-blk-pci,drive=${drive},id=${device}`),
    monitor(`device_del ${device}`),
  ];
}

/** A controller first: this machine's board has none. */
export function usbSteps(names: DiskNames): readonly Step[] {
  return [
    IMAGE,
    monitor('device_add qemu-xhci,id=usb1'),
    addDrive(names),
    monitor(`device_add usb-storage,bus=usb1.0,drive=${names.drive},id=${names.device}`),
    monitor('info usb'),
    guest('lsusb -t; lsblk'),
    monitor(`device_del ${names.device}`),
    monitor('device_del usb1'),
  ];
}

export function scsiSteps(names: DiskNames): readonly Step[] {
  return [
    IMAGE,
    monitor('device_add virtio-scsi-pci,id=scsi1'),
    addDrive(names),
    monitor(`device_add scsi-hd,bus=scsi1.0,drive=${names.drive},id=${names.device}`),
    guest('lsscsi; lsblk'),
    monitor(`device_del ${names.device}`),
    monitor('device_del scsi1'),
  ];
}

/** Nothing of it leaves the page: the gateway that answers is a part of the machine. */
export function networkSteps(): readonly Step[] {
  return [
    monitor('netdev_add user,id=net1'),
    monitor('device_add virtio-net-pci,netdev=net1,id=nic1'),
    monitor('info network'),
    guest('ip link set eth0 up; udhcpc -q -i eth0'),
    guest('ip addr show eth0; ping -c 1 10.0.2.2'),
    monitor('device_del nic1'),
    monitor('netdev_del net1'),
  ];
}

export function processorSteps({ nextProcessor, lastProcessor }: MachineHardware): readonly Step[] {
  const subject = lastProcessor ?? nextProcessor;
  const add: Step =
    nextProcessor === undefined
      ? { to: 'nobody', text: 'Every place for a processor is taken' }
      : monitor(`device_add ${nextProcessor.device}`);
  const list = monitor('info hotpluggable-cpus');
  if (subject === undefined) return [list, add];
  return [
    list,
    add,
    // Guest: Linux numbers processors in the order in which they came first; places are offered in the same order.
    guest(`echo 1 > /sys/devices/system/cpu/cpu${subject.index}/online`),
    guest('nproc'),
    monitor(`device_del ${subject.id}`),
  ];
}

export function memorySteps(hardware: MachineHardware): readonly Step[] {
  const { nextMemory, lastDimm, unusedBackend, memorySlots, freeMemorySlots } = hardware;
  if (memorySlots === 0) {
    return [
      {
        to: 'nobody',
        text: 'This machine has no slots for memory: Machine… gives it some, with -m 256,slots=4,maxmem=2G',
      },
    ];
  }
  const dimm = `device_add pc-dimm,id=${nextMemory.dimm},memdev=${unusedBackend ?? nextMemory.backend}`;
  return [
    monitor(`object_add memory-backend-ram,id=${nextMemory.backend},size=${MODULE_SIZE}`),
    freeMemorySlots > 0 ? monitor(dimm) : { to: 'nobody', text: 'Every slot for memory is taken' },
    // Movable: memory that Linux keeps for itself could not be taken out again.
    guest(`chmem -e -z Movable ${MODULE_SIZE}`),
    guest('free -m; lsmem'),
    monitor(`device_del ${lastDimm?.dimm ?? nextMemory.dimm}`),
    monitor(`object_del ${unusedBackend ?? lastDimm?.backend ?? nextMemory.backend}`),
  ];
}
