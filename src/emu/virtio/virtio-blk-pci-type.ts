/** virtio-blk-pci and the virtio-blk-device inside it: QEMU's properties and the errors of its realize step. */
import { BLOCK_ERRORS } from '../block/block-errors.ts';
import { applyErrorPolicies, blockLimits, blockProperties, geometryOf } from '../block/block-properties.ts';
import { DRIVES } from '../block/drives.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import {
  fixed,
  INT32,
  number,
  off,
  on,
  type PropertySpec,
  type PropertyValue,
  readOnlyKind,
  STR,
  UINT16,
} from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import { VirtioBlk } from './virtio-blk.ts';
import { optimalQueues, realizeVirtioPci, throwIf, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';

const PCI_DEVICE_ID_VIRTIO_BLOCK = 0x1001;
const PCI_CLASS_STORAGE_SCSI = 0x0100;
const AUTO_QUEUES = 0xffff;
const QUEUE_MAX_SIZE = 1024;
const MAX_SECTORS = 0x3fffff;

const OWN: readonly PropertySpec[] = [
  ...blockProperties('virtio-blk-device'),
  { name: 'serial', kind: STR },
  on('config-wce'),
  fixed(off('scsi')),
  on('request-merging'),
  number('num-queues', AUTO_QUEUES, UINT16),
  number('queue-size', 256, UINT16),
  on('seg-max-adjust', ''),
  on('discard'),
  on('report-discard-granularity', ''),
  on('write-zeroes'),
  number('max-discard-sectors', MAX_SECTORS),
  number('max-write-zeroes-sectors', MAX_SECTORS),
  on('x-enable-wce-if-config-wce', ''),
];

const LINK_OPTIONS: readonly PropertySpec[] = [
  fixed({ name: 'bootindex', kind: INT32 }),
  fixed({ name: 'iothread', kind: { ...STR, typeName: 'link<iothread>' } }),
];

export const VIRTIO_BLK_DEVICE: DeviceType = {
  name: 'virtio-blk-device',
  category: 'Storage',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
  options: LINK_OPTIONS,
};

export const VIRTIO_BLK_PCI: DeviceType = {
  name: 'virtio-blk-pci',
  alias: 'virtio-blk',
  category: 'Storage',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([number('class', 0), IOEVENTFD, vectors()]),
  options: [
    ...OWN,
    ...VIRTIO_PROPERTIES,
    ...LINK_OPTIONS,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-blk-device>') },
  ],
  realize: realizeVirtioBlkPci,
};

async function realizeVirtioBlkPci(request: RealizeRequest): Promise<RealizedDevice> {
  const { path, values, services } = request;
  const drives = services.get(DRIVES);
  const asked = values.number('num-queues');
  const numQueues = asked === AUTO_QUEUES ? optimalQueues(request, 0) : asked;
  const settings = virtioPciSettings(values, numQueues + 1);
  const name = values.text('drive');
  if (name === '') throw new MonitorError('drive property not set');
  const emptyError = new MonitorError('Device needs media, but drive is empty');
  if (!drives.hasMedium(name)) throw emptyError;
  throwIf(checkQueues(numQueues, values.number('queue-size')));
  const drive = await drives.attach(name, `${path}/virtio-backend`);
  const { medium, gate } = drive;
  const limits = blockLimits(values);
  // Another monitor may have taken the image out meanwhile.
  const missing = medium === undefined ? emptyError : undefined;
  const refused = missing ?? (limits instanceof MonitorError ? limits : checkSectors(values));
  if (limits instanceof MonitorError || medium === undefined || refused !== undefined) {
    await drives.detach(drive);
    throw refused;
  }
  const writeCache = values.text('write-cache');
  const properties = {
    numQueues,
    queueSize: values.number('queue-size'),
    serial: values.text('serial'),
    ...limits,
    writeCache: writeCache === 'auto' ? drive.cache.writeback : writeCache === 'on',
    configWce: values.is('config-wce'),
    segMaxAdjust: values.is('seg-max-adjust'),
    discard: values.is('discard'),
    writeZeroes: values.is('write-zeroes'),
    maxDiscardSectors: values.number('max-discard-sectors'),
    maxWriteZeroesSectors: values.number('max-write-zeroes-sectors'),
  };
  const [trace, clock] = [services.get(TRACE), services.get(CLOCK)];
  const onError = services.get(BLOCK_ERRORS)(drive);
  applyErrorPolicies(values, gate);
  return realizeVirtioPci(request, {
    type: 'virtio-blk-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_BLOCK,
    pciClass: values.number('class') || PCI_CLASS_STORAGE_SCSI,
    settings,
    device: (dma) => new VirtioBlk(properties, medium.backend, { memory: dma, trace, clock, onError, gate }),
    inner: VIRTIO_BLK_DEVICE,
    innerValues: new Map<string, PropertyValue>([
      ['logical_block_size', limits.logicalBlockSize],
      ['physical_block_size', limits.physicalBlockSize],
      ['num-queues', numQueues],
      ...geometryOf(medium.backend.sizeBytes),
    ]),
    release: () => drives.deviceGone(drive),
  });
}

function checkQueues(numQueues: number, size: number): MonitorError | undefined {
  if (numQueues === 0) return new MonitorError('num-queues property must be larger than 0');
  if (numQueues > QUEUE_MAX_SIZE) {
    // QEMU: dies of an assertion. Spec: virtio 1.2 §4.1.4.3 has no such limit; this is QEMU's table of queues.
    return new MonitorError(`num-queues property must not be larger than ${QUEUE_MAX_SIZE}`);
  }
  if (size <= 2) return new MonitorError(`invalid queue-size property (${size}), must be > 2`);
  if (size > QUEUE_MAX_SIZE || !Number.isInteger(Math.log2(size))) {
    return new MonitorError(
      `invalid queue-size property (${size}), must be a power of 2 (max ${QUEUE_MAX_SIZE})`,
    );
  }
  return undefined;
}

function checkSectors(values: Values): MonitorError | undefined {
  for (const [feature, name] of [
    ['discard', 'max-discard-sectors'],
    ['write-zeroes', 'max-write-zeroes-sectors'],
  ] as const) {
    const sectors = values.number(name);
    if (values.is(feature) && (sectors === 0 || sectors > MAX_SECTORS)) {
      return new MonitorError(`invalid ${name} property (${sectors}), must be between 1 and ${MAX_SECTORS}`);
    }
  }
  return undefined;
}

export const VIRTIO_BLK_TYPES: readonly DeviceType[] = [VIRTIO_BLK_DEVICE, VIRTIO_BLK_PCI];
