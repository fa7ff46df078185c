/** virtio-blk-pci and the virtio-blk-device inside it: QEMU's properties and the errors of its realize step. */

import type { Drive } from '../block/drives.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { PropertyKind, PropertySpec, PropertyValue, PropertyValues } from '../qdev/properties.ts';
import {
  BLOCK_SIZE,
  BOOL,
  DRIVE,
  ERROR_POLICY,
  INT32,
  ON_OFF_AUTO,
  readOnlyKind,
  SIZE,
  STR,
  UINT16,
  UINT32,
} from '../qdev/properties.ts';
import { createVirtioBlkPci } from '../virtio/virtio-blk-pci.ts';
import { checkVirtioPciProperties } from '../virtio/virtio-pci.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from './device-registry.ts';
import { PCI_PROPERTIES } from './device-registry-pci.ts';

const AUTO_QUEUES = 0xffff;
const VECTORS_UNSPECIFIED = 0xffff_ffff;
const GRANULARITY_UNSPECIFIED = 0xffff_ffff;
const QUEUE_MAX_SIZE = 1024;
const MAX_SECTORS = 0x3fffff;
const HEADS = 16;
const SECTORS = 63;
const MIN_CYLINDERS = 2;
const MAX_CYLINDERS = 16383;

const on = (name: string, help = 'on/off'): PropertySpec => ({ name, kind: BOOL, default: true, help });
const off = (name: string, help = 'on/off'): PropertySpec => ({ name, kind: BOOL, default: false, help });
const fixed = (property: PropertySpec): PropertySpec => ({ ...property, fixed: true });
const number = (name: string, value: number, kind: PropertyKind = UINT32): PropertySpec => ({
  name,
  kind,
  default: value,
});

const BLOCK_PROPERTIES: readonly PropertySpec[] = [
  { name: 'drive', kind: DRIVE, help: 'drive made by drive_add', owner: 'virtio-blk-device' },
  fixed({ name: 'backend_defaults', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' }),
  { name: 'logical_block_size', kind: BLOCK_SIZE, default: 0, help: 'power of two, 512 bytes to 2 MiB' },
  { name: 'physical_block_size', kind: BLOCK_SIZE, default: 0, help: 'power of two, 512 bytes to 2 MiB' },
  number('min_io_size', 0, SIZE),
  number('opt_io_size', 0, SIZE),
  number('discard_granularity', GRANULARITY_UNSPECIFIED, SIZE),
  { name: 'write-cache', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
  fixed(off('share-rw', '')),
  { name: 'account-invalid', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
  { name: 'account-failed', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
  fixed({ name: 'rerror', kind: ERROR_POLICY, default: 'auto', help: 'what a read error does' }),
  fixed({ name: 'werror', kind: ERROR_POLICY, default: 'auto', help: 'what a write error does' }),
  fixed(number('cyls', 0)),
  fixed(number('heads', 0)),
  fixed(number('secs', 0)),
  fixed(number('lcyls', 0)),
  fixed(number('lheads', 0)),
  fixed(number('lsecs', 0)),
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

const VIRTIO_PROPERTIES: readonly PropertySpec[] = [
  fixed(on('indirect_desc')),
  fixed(on('event_idx')),
  fixed(on('notify_on_empty')),
  fixed(on('any_layout')),
  fixed(off('iommu_platform')),
  fixed(off('packed')),
  fixed(on('queue_reset')),
  fixed(on('use-started', '')),
  fixed(on('use-disabled-flag', '')),
  fixed(off('x-disable-legacy-check', '')),
];

const VIRTIO_PCI_PROPERTIES: readonly PropertySpec[] = [
  { name: 'disable-legacy', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
  off('disable-modern', ''),
];

/** QEMU: the transport's; those about PCI Express change nothing on a conventional bus. */
const VIRTIO_PCI_COMMON: readonly PropertySpec[] = [
  fixed(off('virtio-pci-bus-master-bug-migration')),
  fixed(on('migrate-extra')),
  fixed(off('modern-pio-notify')),
  off('x-disable-pcie'),
  fixed(off('page-per-vq')),
  fixed(off('x-ignore-backend-features', '')),
  off('ats'),
  on('x-ats-page-aligned'),
  on('x-pcie-deverr-init'),
  on('x-pcie-lnkctl-init'),
  on('x-pcie-pm-init'),
  on('x-pcie-flr-init'),
  off('aer'),
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
  properties: [...BLOCK_PROPERTIES, ...VIRTIO_PROPERTIES],
  options: LINK_OPTIONS,
};

export const VIRTIO_BLK_PCI: DeviceType = {
  name: 'virtio-blk-pci',
  alias: 'virtio-blk',
  category: 'Storage',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: [
    ...VIRTIO_PCI_PROPERTIES,
    number('class', 0),
    fixed(on('ioeventfd')),
    number('vectors', VECTORS_UNSPECIFIED),
    ...VIRTIO_PCI_COMMON,
    ...PCI_PROPERTIES,
  ],
  options: [
    ...BLOCK_PROPERTIES,
    ...VIRTIO_PROPERTIES,
    ...LINK_OPTIONS,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-blk-device>') },
  ],
  realize: realizeVirtioBlkPci,
};

/** Property values by name; every property of the type has one. */
class Values {
  readonly #values: PropertyValues;

  constructor(values: PropertyValues) {
    this.#values = values;
  }

  number(name: string): number {
    return Number(this.#values.get(name) ?? 0);
  }

  text(name: string): string {
    return String(this.#values.get(name) ?? '');
  }

  is(name: string): boolean {
    return this.#values.get(name) === true;
  }
}

async function realizeVirtioBlkPci({
  id,
  qomPath,
  values: given,
  services,
}: RealizeRequest): Promise<RealizedDevice> {
  const values = new Values(given);
  const disableLegacy = values.text('disable-legacy') === 'on';
  const disableModern = values.is('disable-modern');
  const automatic = values.number('num-queues') === AUTO_QUEUES;
  const numQueues = automatic ? 1 : values.number('num-queues');
  const unspecified = values.number('vectors') === VECTORS_UNSPECIFIED;
  const vectors = unspecified ? numQueues + 1 : values.number('vectors');
  throwIf(checkVirtioPciProperties({ disableLegacy, disableModern, vectors }));
  const { drives, memory, trace } = services;
  const name = values.text('drive');
  if (name === '') throw new MonitorError('drive property not set');
  const medium = drives.find(name)?.medium;
  if (medium === undefined) throw new MonitorError('Device needs media, but drive is empty');
  throwIf(checkQueues(numQueues, values.number('queue-size')));
  const drive = await drives.attach(name, `${qomPath}/virtio-backend`);
  const blockSizes = {
    logicalBlockSize: values.number('logical_block_size') || 512,
    physicalBlockSize: values.number('physical_block_size') || 512,
  };
  const problem = checkBlockSizes(values, blockSizes) ?? checkSectors(values);
  if (problem !== undefined) {
    await drives.detach(drive);
    throw problem;
  }
  const granularity = values.number('discard_granularity');
  const device = createVirtioBlkPci(
    {
      id,
      multifunction: values.is('multifunction'),
      class: values.number('class'),
      disableLegacy,
      disableModern,
      vectors,
      numQueues,
      queueSize: values.number('queue-size'),
      serial: values.text('serial'),
      ...blockSizes,
      minIoSize: values.number('min_io_size'),
      optIoSize: values.number('opt_io_size'),
      writeCache: writeCache(values.text('write-cache'), drive),
      configWce: values.is('config-wce'),
      segMaxAdjust: values.is('seg-max-adjust'),
      discard: values.is('discard'),
      discardGranularity: granularity === GRANULARITY_UNSPECIFIED ? undefined : granularity,
      writeZeroes: values.is('write-zeroes'),
      maxDiscardSectors: values.number('max-discard-sectors'),
      maxWriteZeroesSectors: values.number('max-write-zeroes-sectors'),
    },
    medium.backend,
    { memory, trace, onError: services.onBlockError?.(drive) ?? (() => {}) },
  );
  const geometry = geometryOf(medium.backend.sizeBytes);
  return {
    device,
    values: new Map<string, PropertyValue>([
      ['disable-legacy', disableLegacy ? 'on' : 'off'],
      ['vectors', vectors],
    ]),
    children: [
      {
        busName: 'virtio-bus',
        busType: 'virtio-pci-bus',
        type: VIRTIO_BLK_DEVICE,
        qomName: 'virtio-backend',
        values: new Map<string, PropertyValue>([
          ...given,
          ['logical_block_size', blockSizes.logicalBlockSize],
          ['physical_block_size', blockSizes.physicalBlockSize],
          ['num-queues', numQueues],
          ...geometry,
        ]),
      },
    ],
    release() {
      device.device.abandon();
      drives.deviceGone(drive);
    },
  };
}

function throwIf(error: MonitorError | undefined): void {
  if (error !== undefined) throw error;
}

function writeCache(text: string, drive: Drive): boolean {
  return text === 'auto' ? drive.cache.writeback : text === 'on';
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

function checkBlockSizes(
  values: Values,
  {
    logicalBlockSize: logical,
    physicalBlockSize: physical,
  }: { readonly logicalBlockSize: number; readonly physicalBlockSize: number },
): MonitorError | undefined {
  if (logical > physical) return new MonitorError('logical_block_size > physical_block_size not supported');
  const misaligned = (name: string): boolean => values.number(name) % logical !== 0;
  const error = (name: string): MonitorError =>
    new MonitorError(`${name} must be a multiple of logical_block_size`);
  if (misaligned('min_io_size')) return error('min_io_size');
  if (values.number('min_io_size') / logical > 0xffff) {
    return new MonitorError('min_io_size must not exceed 65535 logical blocks');
  }
  if (misaligned('opt_io_size')) return error('opt_io_size');
  const granularity = values.number('discard_granularity');
  if (granularity !== GRANULARITY_UNSPECIFIED && granularity % logical !== 0) {
    return error('discard_granularity');
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

/** QEMU: the geometry of a disk without a partition table that says otherwise. */
function geometryOf(sizeBytes: number): readonly (readonly [string, number])[] {
  const cylinders = Math.floor(sizeBytes / 512 / (HEADS * SECTORS));
  return [
    ['cyls', Math.min(MAX_CYLINDERS, Math.max(MIN_CYLINDERS, cylinders))],
    ['heads', HEADS],
    ['secs', SECTORS],
  ];
}
