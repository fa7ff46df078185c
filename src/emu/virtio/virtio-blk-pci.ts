/** virtio-blk-pci: a virtio block device on PCI, with QEMU's defaults. */
import type { BlockBackend } from '../block/block-backend.ts';
import type { IoErrorListener } from '../block/block-errors.ts';
import type { Trace } from '../core/trace.ts';
import type { DmaPort } from '../memory/dma-port.ts';
import { VirtioBlk } from './virtio-blk.ts';
import type { VirtioBlkProperties } from './virtio-blk-config.ts';
import { VIRTIO_BLK_DEFAULTS } from './virtio-blk-config.ts';
import type { VirtioPciProperties } from './virtio-pci.ts';
import { VirtioPci } from './virtio-pci.ts';

const PCI_DEVICE_ID_VIRTIO_BLOCK = 0x1001;
const PCI_CLASS_STORAGE_SCSI = 0x0100;

/** Properties as the user gives them; what is left out has QEMU's default. */
export interface VirtioBlkPciProperties extends Partial<VirtioBlkProperties>, Partial<VirtioPciProperties> {
  readonly id?: string;
  readonly multifunction?: boolean;
  /** Class and subclass; 0 for the default. */
  readonly class?: number;
}

/** What the machine gives the device. */
export interface VirtioBlkPciWiring {
  readonly memory: DmaPort;
  readonly trace: Trace;
  readonly onError?: IoErrorListener;
}

/** A device ready to be put on a bus; `backend` stays the caller's to close. */
export function createVirtioBlkPci(
  properties: VirtioBlkPciProperties,
  backend: BlockBackend,
  { memory, trace, onError }: VirtioBlkPciWiring,
): VirtioPci<VirtioBlk> {
  const settings: VirtioBlkProperties = { ...VIRTIO_BLK_DEFAULTS, ...properties };
  const device = new VirtioBlk(settings, backend, memory, trace, onError);
  return new VirtioPci(
    {
      type: 'virtio-blk-pci',
      transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_BLOCK,
      classCode: (properties.class || PCI_CLASS_STORAGE_SCSI) * 0x100,
      multifunction: properties.multifunction ?? false,
      id: properties.id ?? '',
    },
    device,
    {
      disableLegacy: properties.disableLegacy ?? false,
      disableModern: properties.disableModern ?? false,
      vectors: properties.vectors ?? settings.numQueues + 1,
    },
  );
}
