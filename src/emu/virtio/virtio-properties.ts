/** Properties that virtio devices share, in QEMU's order. */
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import { fixed, number, ON_OFF_AUTO, off, on, type PropertySpec } from '../qdev/properties.ts';

export const VECTORS_UNSPECIFIED = 0xffff_ffff;

/** Of every virtio device, whatever its transport: `info qtree` shows them after the device's own. */
export const VIRTIO_PROPERTIES: readonly PropertySpec[] = [
  fixed(on('indirect_desc')),
  fixed(on('event_idx')),
  fixed(on('notify_on_empty')),
  fixed(on('any_layout')),
  fixed(off('iommu_platform')),
  fixed(off('packed')),
  on('queue_reset'),
  fixed(on('use-started', '')),
  fixed(on('use-disabled-flag', '')),
  fixed(off('x-disable-legacy-check', '')),
];

/** QEMU: beside notifications, all queues are looked at once when the driver is ready. */
export const IOEVENTFD = on('ioeventfd');
export const vectors = (byDefault: number = VECTORS_UNSPECIFIED): PropertySpec =>
  number('vectors', byDefault);

/**
 * Of a virtio device on PCI. QEMU: those about PCI Express change nothing on a conventional bus.
 * @param own the properties that only this type has
 */
export function virtioPciProperties(own: readonly PropertySpec[]): readonly PropertySpec[] {
  return [
    { name: 'disable-legacy', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
    off('disable-modern', ''),
    ...own,
    fixed(off('virtio-pci-bus-master-bug-migration')),
    fixed(on('migrate-extra')),
    fixed(off('modern-pio-notify')),
    off('x-disable-pcie'),
    off('page-per-vq'),
    // QEMU: of devices outside its process, which there are none of here.
    off('x-ignore-backend-features', ''),
    off('ats'),
    on('x-ats-page-aligned'),
    on('x-pcie-deverr-init'),
    on('x-pcie-lnkctl-init'),
    on('x-pcie-pm-init'),
    on('x-pcie-flr-init'),
    off('aer'),
    ...PCI_PROPERTIES,
  ];
}
