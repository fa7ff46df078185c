/** The steps of the stories, as commands for a machine. */
import type { MachineHardware } from '../workers/protocol.ts';
import { optionValue } from './format.ts';

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

/** Of a new memory module. Linux takes memory in blocks of 128 MiB. */
const MODULE_SIZE = '256M';

const monitor = (command: string): Step => ({ to: 'monitor', command });
const guest = (command: string): Step => ({ to: 'guest', command });

export function diskSteps({ path, drive, device }: DiskNames): readonly Step[] {
  return [
    { to: 'images', text: 'Upload a disk image, or make an empty one' },
    monitor(`drive_add 0 if=none,file=${optionValue(path)},format=raw,id=${drive}`),
    monitor(`device_add virtio-blk-pci,drive=${drive},id=${device}`),
    monitor(`device_del ${device}`),
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
