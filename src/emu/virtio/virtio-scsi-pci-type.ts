/** virtio-scsi-pci and the virtio-scsi-device inside it: QEMU's properties and the errors of its realize step. */
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { fixed, number, on, type PropertySpec, readOnlyKind, STR } from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import { scsiBusOf } from '../scsi/scsi-bus.ts';
import { optimalQueues, realizeVirtioPci, throwIf, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';
import { VIRTIO_SCSI_DEFAULTS, VirtioScsi } from './virtio-scsi.ts';
import { VIRTQUEUE_MAX_SIZE } from './virtqueue.ts';

const PCI_DEVICE_ID_VIRTIO_SCSI = 0x1004;
const PCI_CLASS_STORAGE_SCSI = 0x0100;
const AUTO_QUEUES = 0xffff_ffff;
/** QEMU: as many queues as a device may have, without those for control and events. */
const MAX_QUEUES = 1022;
const FIXED_QUEUES = 2;

const OWN: readonly PropertySpec[] = [
  number('num_queues', AUTO_QUEUES),
  number('virtqueue_size', VIRTIO_SCSI_DEFAULTS.queueSize),
  on('seg_max_adjust', ''),
  number('max_sectors', VIRTIO_SCSI_DEFAULTS.maxSectors),
  number('cmd_per_lun', VIRTIO_SCSI_DEFAULTS.cmdPerLun),
  on('hotplug'),
  on('param_change'),
];

const LINK_OPTIONS: readonly PropertySpec[] = [
  fixed({ name: 'iothread', kind: { ...STR, typeName: 'link<iothread>' } }),
];

const VIRTIO_SCSI_DEVICE: DeviceType = {
  name: 'virtio-scsi-device',
  category: 'Storage',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
  options: LINK_OPTIONS,
};

const VIRTIO_SCSI_PCI: DeviceType = {
  name: 'virtio-scsi-pci',
  alias: 'virtio-scsi',
  category: 'Storage',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([IOEVENTFD, vectors()]),
  options: [
    ...OWN,
    ...VIRTIO_PROPERTIES,
    ...LINK_OPTIONS,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-scsi-device>') },
  ],
  realize: realizeVirtioScsiPci,
};

function realizeVirtioScsiPci(request: RealizeRequest): RealizedDevice {
  const { values, services } = request;
  const asked = values.number('num_queues');
  const numQueues = asked === AUTO_QUEUES ? optimalQueues(request, FIXED_QUEUES) : asked;
  const queueSize = values.number('virtqueue_size');
  const settings = virtioPciSettings(values, FIXED_QUEUES + numQueues + 1);
  throwIf(checkQueues(numQueues, queueSize));
  const properties = {
    ...{ numQueues, queueSize, segMaxAdjust: values.is('seg_max_adjust') },
    ...{ maxSectors: values.number('max_sectors'), cmdPerLun: values.number('cmd_per_lun') },
    ...{ hotplug: values.is('hotplug'), paramChange: values.is('param_change') },
  };
  return realizeVirtioPci(request, {
    type: 'virtio-scsi-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_SCSI,
    pciClass: PCI_CLASS_STORAGE_SCSI,
    settings,
    device: (memory) =>
      new VirtioScsi(properties, { memory, trace: services.get(TRACE), clock: services.get(CLOCK) }),
    inner: VIRTIO_SCSI_DEVICE,
    innerValues: new Map([['num_queues', numQueues]]),
    buses: (device) => [scsiBusOf(device.bus, request)],
  });
}

function checkQueues(numQueues: number, size: number): MonitorError | undefined {
  if (numQueues === 0 || numQueues > MAX_QUEUES) {
    return new MonitorError(
      `Invalid number of queues (= ${numQueues}), must be a positive integer less than ${MAX_QUEUES}.`,
    );
  }
  if (size <= 2) return new MonitorError(`invalid virtqueue_size property (= ${size}), must be > 2`);
  if (size > VIRTQUEUE_MAX_SIZE) {
    // QEMU: ends here.
    return new MonitorError(`invalid virtqueue_size property (= ${size}), must be <= ${VIRTQUEUE_MAX_SIZE}`);
  }
  return undefined;
}

export const VIRTIO_SCSI_TYPES: readonly DeviceType[] = [VIRTIO_SCSI_DEVICE, VIRTIO_SCSI_PCI];
