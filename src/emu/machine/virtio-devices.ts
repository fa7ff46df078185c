/** The machine's virtio devices as monitors look into them. */
import { pciFunctionOf } from '../pci/pci-hardware.ts';
import type { DeviceTree } from '../qdev/tree.ts';
import { VirtioView } from '../virtio/virtio-inspection.ts';
import { VirtioPci } from '../virtio/virtio-pci.ts';

export type { QueueElement } from '../virtio/virtqueue.ts';

/** The object that is the device itself, inside its card. */
const INNER = 'virtio-backend';

export interface VirtioDeviceInfo {
  readonly path: string;
  /** As QEMU calls the device without its transport: `virtio-blk`. */
  readonly name: string;
  /** The bus that it brings; undefined: it brings none. */
  readonly busName: string | undefined;
  readonly view: VirtioView;
}

/** The newest first. */
export function virtioDevices(tree: DeviceTree): readonly VirtioDeviceInfo[] {
  return tree
    .devices()
    .filter(({ path }) => path.endsWith(`/${INNER}`))
    .toReversed()
    .flatMap(({ path, type, buses, bus }) => {
      const card = bus?.owner === undefined ? undefined : pciFunctionOf(bus.owner);
      if (!(card instanceof VirtioPci)) return [];
      const name = type.name.replace(/-device$/, '');
      return [{ path, name, busName: buses[0]?.name, view: new VirtioView(card) }];
    });
}
