/** All device types that the machine knows. */

import type { DeviceType } from './device-registry.ts';
import { BOARD_TYPES } from './device-registry-board.ts';
import { VIRTIO_BLK_DEVICE, VIRTIO_BLK_PCI } from './device-registry-virtio-blk.ts';

export const DEVICE_TYPES: readonly DeviceType[] = [...BOARD_TYPES, VIRTIO_BLK_DEVICE, VIRTIO_BLK_PCI];
