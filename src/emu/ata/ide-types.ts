/** ide-hd and ide-cd: QEMU's properties and the errors of their realize step. */
import { asBlockError } from '../block/block-backend.ts';
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
  enumeration,
  fixed,
  INT32,
  number,
  type PropertySpec,
  type PropertyValue,
  STR,
  UINT16,
  UINT64,
} from '../qdev/properties.ts';
import { EVENTS } from '../qdev/services.ts';
import { Values } from '../qdev/values.ts';
import { AtaDevice, type AtaProperties, type Geometry } from './ata-device.ts';
import { AtaHardware } from './ata-hardware.ts';
import {
  BOOT_RECORD_BYTES,
  type ChosenGeometry,
  guessGeometry,
  TRANSLATIONS,
  type Translation,
  translationFor,
} from './hd-geometry.ts';
import { ANY_UNIT, IDE_BUS_TYPE } from './ide-slots.ts';

const SECTOR_BYTES = 512;
const VERSION = '2.5+';
const NAMES = { hd: 'QEMU HARDDISK', cd: 'QEMU DVD-ROM' } as const;
const NO_GEOMETRY: ChosenGeometry = {
  geometry: { cylinders: 0, heads: 0, sectors: 0 },
  translation: 'none',
};
/** QEMU: what a disk of this kind may say of itself. */
const LIMITS = [
  ['cyls', 65535],
  ['heads', 16],
  ['secs', 255],
] as const;

const text = (name: string): PropertySpec => ({ name, kind: STR });
const IDENTITY: readonly PropertySpec[] = [
  text('ver'),
  { name: 'wwn', kind: UINT64, default: '0' },
  text('serial'),
  text('model'),
];
const GEOMETRY: readonly PropertySpec[] = [
  ...['cyls', 'heads', 'secs'].map((name) => number(name, 0)),
  ...['lcyls', 'lheads', 'lsecs'].map((name) => fixed(number(name, 0))),
  {
    name: 'bios-chs-trans',
    kind: enumeration('BiosAtaTranslation', TRANSLATIONS),
    default: 'auto',
    help: 'auto/none/lba/large/rechs',
  },
];
const UNIT = number('unit', ANY_UNIT);

const COMMON = {
  category: 'Storage',
  busType: IDE_BUS_TYPE,
  userCreatable: true,
  hotpluggable: true,
  options: [fixed({ name: 'bootindex', kind: INT32 })],
} as const;

const IDE_HD: DeviceType = {
  ...COMMON,
  name: 'ide-hd',
  description: 'virtual IDE disk',
  properties: [
    ...driveProperties('ide-hd'),
    ...IDENTITY,
    ...GEOMETRY,
    number('rotation_rate', 0, UINT16),
    UNIT,
  ],
  realize: realizeHd,
};

const IDE_CD: DeviceType = {
  ...COMMON,
  name: 'ide-cd',
  description: 'virtual IDE CD-ROM',
  properties: [...driveProperties('ide-cd'), ...IDENTITY, UNIT],
  realize: realizeCd,
};

export const IDE_TYPES: readonly DeviceType[] = [IDE_HD, IDE_CD];

/** How QEMU names the device that has a drive. */
function nameOf({ id, path }: RealizeRequest): string {
  return id === '' ? path : id;
}

/** The sizes of blocks, or QEMU's error: an ATA device has sectors of 512 bytes. */
function limitsOf(values: Values): BlockLimits | MonitorError {
  const granularity = values.number('discard_granularity');
  if (![0xffff_ffff, 0, SECTOR_BYTES].includes(granularity))
    return new MonitorError('discard_granularity must be 512 for ide');
  const limits = blockLimits(
    new Values(new Map([...values.all, ['discard_granularity', granularity === 0 ? 0 : SECTOR_BYTES]])),
  );
  if (limits instanceof MonitorError || limits.logicalBlockSize === SECTOR_BYTES) return limits;
  return new MonitorError('logical_block_size must be 512 for IDE');
}

async function realizeHd(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services } = request;
  const drives = services.get(DRIVES);
  const name = values.text('drive');
  if (name === '') throw new MonitorError('No drive specified');
  const limits = limitsOf(values);
  if (limits instanceof MonitorError) throw limits;
  if (!drives.hasMedium(name)) throw new MonitorError('Device needs media, but drive is empty');
  if (isReadOnly(request, name)) throw new MonitorError('Block node is read-only');
  const drive = await drives.attach(name, nameOf(request), false);
  try {
    return made(request, drive, limits, 'hd', await geometryOf(values, drive));
  } catch (error) {
    await drives.detach(drive);
    throw error;
  }
}

function isReadOnly({ services }: RealizeRequest, name: string): boolean {
  const drives = services.get(DRIVES);
  const node = drives.find(name)?.medium?.node ?? drives.nodes.find(name);
  return node?.settings.readOnly === true;
}

/** QEMU: a drive of its own, and empty, where none is named. */
async function realizeCd(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services } = request;
  const drives = services.get(DRIVES);
  const limits = limitsOf(values);
  if (limits instanceof MonitorError) throw limits;
  const name = values.text('drive');
  const drive =
    name === '' ? drives.attachEmpty(nameOf(request)) : await drives.attach(name, nameOf(request), true);
  return made(request, drive, limits, 'cd', NO_GEOMETRY);
}

/** The geometry that the user gave, or a guess when there is none. Throws QEMU's error for one that cannot be. */
async function geometryOf(values: Values, { medium }: Drive): Promise<ChosenGeometry> {
  const [cylinders = 0, heads = 0, sectors = 0] = LIMITS.map(([name]) => values.number(name));
  const asked = values.text('bios-chs-trans') as Translation;
  if (cylinders === 0 && heads === 0 && sectors === 0) {
    const guess = await guessOf(medium);
    return asked === 'auto' ? guess : { ...guess, translation: asked };
  }
  for (const [name, max] of LIMITS) {
    const value = values.number(name);
    if (value < 1 || value > max) throw new MonitorError(`${name} must be between 1 and ${max}`);
  }
  const geometry: Geometry = { cylinders, heads, sectors };
  return { geometry, translation: asked === 'auto' ? translationFor(geometry) : asked };
}

async function guessOf(medium: Drive['medium']): Promise<ChosenGeometry> {
  if (medium === undefined) throw new MonitorError('Device needs media, but drive is empty');
  const { backend } = medium;
  const record = new Uint8Array(BOOT_RECORD_BYTES);
  // QEMU: a disk whose first sector cannot be read has the geometry of one without partitions.
  if (backend.sizeBytes >= BOOT_RECORD_BYTES) {
    await backend.read(0, record).catch((error: unknown) => {
      asBlockError(error);
      record.fill(0);
    });
  }
  return guessGeometry(record, Math.floor(backend.sizeBytes / SECTOR_BYTES));
}

function made(
  request: RealizeRequest,
  drive: Drive,
  limits: BlockLimits,
  kind: AtaProperties['kind'],
  { geometry, translation }: ChosenGeometry,
): RealizedDevice {
  const { values, services, id } = request;
  applyErrorPolicies(values, drive.gate);
  const drives = services.get(DRIVES);
  const events = services.get(EVENTS);
  const properties = propertiesOf(values, drive, limits, kind, { geometry, translation });
  const device = new AtaDevice(properties, drive, {
    onIoError: services.get(BLOCK_ERRORS)(drive),
    onTrayMoved: (open) =>
      events.emit({
        event: 'DEVICE_TRAY_MOVED',
        data: { device: drive.name, 'tray-open': open, id: id === '' ? request.path : id },
      }),
  });
  const shown = new Map<string, PropertyValue>([
    ['logical_block_size', limits.logicalBlockSize],
    ['physical_block_size', limits.physicalBlockSize],
    ['discard_granularity', limits.discardGranularity ?? SECTOR_BYTES],
    ['ver', properties.version],
    ['serial', properties.serial],
  ]);
  if (kind === 'hd') {
    shown.set('cyls', geometry.cylinders).set('heads', geometry.heads).set('secs', geometry.sectors);
    shown.set('bios-chs-trans', translation);
  }
  return { hardware: new AtaHardware(device, () => drives.deviceGone(drive)), values: shown };
}

function propertiesOf(
  values: Values,
  drive: Drive,
  limits: BlockLimits,
  kind: AtaProperties['kind'],
  { geometry, translation }: ChosenGeometry,
): AtaProperties {
  const cache = values.text('write-cache');
  return {
    ...{ kind, geometry, translation: TRANSLATIONS.indexOf(translation) - 1 },
    model: values.text('model') || NAMES[kind],
    serial: values.text('serial'),
    version: values.text('ver') || VERSION,
    wwn: BigInt(values.text('wwn')),
    rotationRate: kind === 'hd' ? values.number('rotation_rate') : 0,
    discards: limits.discardGranularity !== 0,
    physicalBlockExponent: Math.log2(limits.physicalBlockSize / limits.logicalBlockSize),
    writeCache: cache === 'auto' ? drive.cache.writeback : cache === 'on',
  };
}
