/** scsi-hd and scsi-cd: QEMU's properties and the errors of their realize step. */
import { BLOCK_ERRORS } from '../block/block-errors.ts';
import {
  applyErrorPolicies,
  type BlockLimits,
  blockLimits,
  driveProperties,
} from '../block/block-properties.ts';
import { DRIVES, type Drive } from '../block/drives.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import {
  fixed,
  INT32,
  number,
  off,
  type PropertySpec,
  type PropertyValue,
  STR,
  UINT16,
  UINT64,
} from '../qdev/properties.ts';
import { EVENTS } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import { ANY_NUMBER, SCSI_BUS_TYPE, ScsiUnitHardware } from './scsi-bus.ts';
import { ScsiDisk } from './scsi-disk.ts';
import type { ScsiDiskProperties } from './scsi-facts.ts';
import { type Geometry, geometryFrom } from './scsi-geometry.ts';

/** QEMU: what a disk gives back at a time, when its user does not say. */
const DISCARD_GRANULARITY = 4096;
const MAX_IO_SIZE = '2147483647';
const MAX_UNMAP_SIZE = '1073741824';
const SCSI_VERSION = 5;
/** QEMU: so much of a serial number names the device too. */
const SERIAL_AS_ID = 20;

const text = (name: string): PropertySpec => ({ name, kind: STR });
const wide = (name: string, value: string): PropertySpec => ({ name, kind: UINT64, default: value });

/** Who it says that it is. */
const IDENTITY: readonly PropertySpec[] = [...['ver', 'serial', 'vendor', 'product', 'device_id'].map(text)];
const NAMES: readonly PropertySpec[] = [
  wide('wwn', '0'),
  wide('port_wwn', '0'),
  number('port_index', 0, UINT16),
];
const VERSION = number('scsi_version', SCSI_VERSION, INT32);
const GEOMETRY: readonly PropertySpec[] = [
  ...['cyls', 'heads', 'secs'].map((name) => number(name, 0)),
  ...['lcyls', 'lheads', 'lsecs'].map((name) => fixed(number(name, 0))),
];
/** Of every unit: where it is. */
const ADDRESS: readonly PropertySpec[] = [
  number('channel', 0),
  number('scsi-id', ANY_NUMBER),
  number('lun', ANY_NUMBER),
];
const OPTIONS: readonly PropertySpec[] = [fixed({ name: 'bootindex', kind: INT32 })];

const COMMON = {
  category: 'Storage',
  busType: SCSI_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  options: OPTIONS,
} as const;

const SCSI_HD: DeviceType = {
  ...COMMON,
  name: 'scsi-hd',
  description: 'virtual SCSI disk',
  properties: [
    ...driveProperties('scsi-hd'),
    ...IDENTITY,
    off('removable'),
    off('dpofua'),
    ...NAMES,
    wide('max_unmap_size', MAX_UNMAP_SIZE),
    wide('max_io_size', MAX_IO_SIZE),
    number('rotation_rate', 0, UINT16),
    VERSION,
    fixed(off('quirk_mode_page_vendor_specific_apple')),
    ...GEOMETRY,
    ...ADDRESS,
  ],
  realize: realizeHd,
};

const SCSI_CD: DeviceType = {
  ...COMMON,
  name: 'scsi-cd',
  description: 'virtual SCSI CD-ROM',
  properties: [
    ...driveProperties('scsi-cd'),
    ...IDENTITY,
    ...NAMES,
    wide('max_io_size', MAX_IO_SIZE),
    VERSION,
    off('quirk_mode_page_apple_vendor'),
    off('quirk_mode_sense_rom_use_dbd'),
    fixed(off('quirk_mode_page_vendor_specific_apple')),
    fixed(off('quirk_mode_page_truncated')),
    ...ADDRESS,
  ],
  realize: realizeCd,
};

/** Disks of the host's own, whose commands it would carry out: no file of an image is one, and there are no others here. */
function passThrough(name: string, description: string, own: readonly PropertySpec[]): DeviceType {
  return {
    ...{ ...COMMON, name, description },
    properties: [...own, ...ADDRESS],
    realize({ values, services }) {
      const drive = values.text('drive');
      if (drive === '') throw new MonitorError('drive property not set');
      const why = services.get(DRIVES).hasMedium(drive) ? 'Operation not supported' : 'No medium found';
      const sentence = `cannot get SG_IO version number: ${why}`;
      throw new MonitorError(sentence, 'GenericError', 'Is this a SCSI device?');
    },
  };
}

const [DRIVE = text('drive')] = driveProperties('scsi-generic');
const [BLOCK_DRIVE = text('drive')] = driveProperties('scsi-block');
const SHARE = fixed(off('share-rw', ''));
const TIMEOUT = number('io_timeout', 30);
const policies = driveProperties('scsi-block').filter(({ name }) => name === 'rerror' || name === 'werror');

const SCSI_GENERIC = passThrough('scsi-generic', 'pass through generic scsi device (/dev/sg*)', [
  DRIVE,
  SHARE,
  TIMEOUT,
]);
const SCSI_BLOCK = passThrough('scsi-block', 'SCSI block device passthrough', [
  ...[BLOCK_DRIVE, ...policies, SHARE, number('rotation_rate', 0, UINT16)],
  ...[wide('max_unmap_size', MAX_UNMAP_SIZE), wide('max_io_size', MAX_IO_SIZE)],
  ...[number('scsi_version', -1, INT32), TIMEOUT],
]);

export const SCSI_DISK_TYPES: readonly DeviceType[] = [SCSI_HD, SCSI_CD, SCSI_GENERIC, SCSI_BLOCK];

/** How QEMU names the device that has a drive. */
function nameOf({ id, path }: RealizeRequest): string {
  return id === '' ? path : id;
}

async function realizeHd(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services } = request;
  const drives = services.get(DRIVES);
  const name = values.text('drive');
  if (name === '') throw new MonitorError('drive property not set');
  const emptyError = new MonitorError('Device needs media, but drive is empty');
  if (!drives.hasMedium(name)) throw emptyError;
  const drive = await drives.attach(name, nameOf(request), values.is('removable'));
  const { medium } = drive;
  const limits = blockLimits(values);
  const geometry = geometryFrom(values, medium?.backend.sizeBytes ?? 0);
  // Another monitor may have taken the image out meanwhile.
  if (limits instanceof MonitorError || geometry instanceof MonitorError || medium === undefined) {
    await drives.detach(drive);
    throw [limits, geometry].find((one) => one instanceof MonitorError) ?? emptyError;
  }
  return made(request, drive, limits, { isRom: false, removable: values.is('removable'), geometry });
}

/** QEMU: a drive of its own, and empty, where none is named. */
async function realizeCd(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services } = request;
  const drives = services.get(DRIVES);
  const limits = blockLimits(values);
  if (limits instanceof MonitorError) throw limits;
  const name = values.text('drive');
  const drive =
    name === '' ? drives.attachEmpty(nameOf(request)) : await drives.attach(name, nameOf(request), true);
  const geometry = { cylinders: 0, heads: 0, sectors: 0 };
  return made(request, drive, limits, { isRom: true, removable: true, geometry });
}

interface Kind {
  readonly isRom: boolean;
  readonly removable: boolean;
  readonly geometry: Geometry;
}

function made(request: RealizeRequest, drive: Drive, limits: BlockLimits, kind: Kind): RealizedDevice {
  const { values, services, id } = request;
  const properties = propertiesOf(values, drive, limits, kind);
  const events = services.get(EVENTS);
  const drives = services.get(DRIVES);
  applyErrorPolicies(values, drive.gate);
  const unit = new ScsiDisk(properties, drive, {
    onIoError: services.get(BLOCK_ERRORS)(drive),
    onTrayMoved: (open) =>
      events.emit({
        event: 'DEVICE_TRAY_MOVED',
        data: { device: drive.name, 'tray-open': open, id: id === '' ? request.path : id },
      }),
  });
  return {
    hardware: new ScsiUnitHardware(unit, () => drives.deviceGone(drive)),
    values: new Map<string, PropertyValue>([
      ['logical_block_size', limits.logicalBlockSize],
      ['physical_block_size', limits.physicalBlockSize],
      ['discard_granularity', properties.discardGranularity],
      ['ver', properties.version],
      ['serial', properties.serial],
      ['vendor', properties.vendor],
      ['product', properties.product],
      ['device_id', properties.deviceId],
      ['cyls', kind.geometry.cylinders],
      ['heads', kind.geometry.heads],
      ['secs', kind.geometry.sectors],
    ]),
  };
}

function propertiesOf(values: Values, drive: Drive, limits: BlockLimits, kind: Kind): ScsiDiskProperties {
  const given = (name: string, byDefault: string): string => values.text(name) || byDefault;
  const serial = values.text('serial');
  const cache = values.text('write-cache');
  const { discardGranularity, ...sizes } = limits;
  return {
    ...kind,
    ...sizes,
    discardGranularity: discardGranularity ?? Math.max(limits.logicalBlockSize, DISCARD_GRANULARITY),
    writeCache: cache === 'auto' ? drive.cache.writeback : cache === 'on',
    vendor: given('vendor', 'QEMU'),
    product: given('product', kind.isRom ? 'QEMU CD-ROM' : 'QEMU HARDDISK'),
    version: given('ver', '2.5+'),
    serial,
    // QEMU: who is told no name of a device sees its serial number, or else what the user calls the drive.
    deviceId: values.text('device_id') || serial.slice(0, SERIAL_AS_ID) || drive.name,
    wwn: BigInt(values.text('wwn')),
    portWwn: BigInt(values.text('port_wwn')),
    portIndex: values.number('port_index'),
    maxUnmapSize: values.number('max_unmap_size'),
    maxIoSize: values.number('max_io_size'),
    rotationRate: values.number('rotation_rate'),
    scsiVersion: values.number('scsi_version'),
    dpofua: values.is('dpofua'),
    applePage: values.is('quirk_mode_page_apple_vendor'),
    romDescriptor: values.is('quirk_mode_sense_rom_use_dbd'),
  };
}
