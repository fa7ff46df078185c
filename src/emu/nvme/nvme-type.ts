/** nvme and nvme-ns: QEMU's properties and the errors of their realize steps. */
import { BLOCK_ERRORS } from '../block/block-errors.ts';
import { blockLimits, blockProperties } from '../block/block-properties.ts';
import { DRIVES, type Drive } from '../block/drives.ts';
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { PciHardware } from '../pci/pci-hardware.ts';
import { PCI_PROPERTIES } from '../pci/pci-properties.ts';
import type { DeviceType, NewDevice, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { HotplugHandler } from '../qdev/hotplug-handler.ts';
import {
  BOOL,
  badValueError,
  fixed,
  INT32,
  number,
  type PropertyKind,
  type PropertySpec,
  type PropertyValue,
  SIZE,
  STR,
  UINT8,
  UINT16,
  UINT64,
} from '../qdev/properties.ts';
import { CLOCK, TRACE } from '../qdev/services.ts';
import type { Qdev } from '../qdev/tree.ts';
import { Nvme } from './nvme.ts';
import { NvmeNamespace } from './nvme-namespace.ts';
import { MAX_NAMESPACES } from './nvme-spec.ts';

const PCI_VENDOR_ID_REDHAT = 0x1b36;
const PCI_DEVICE_ID_REDHAT_NVME = 0x0010;
const PCI_VENDOR_ID_INTEL = 0x8086;
const PCI_DEVICE_ID_INTEL_NVME = 0x5845;
const OUI_QEMU = [0x00, 0x54, 0x52] as const;
const OUI_INTEL = [0xb3, 0x02, 0x00] as const;
const BUS_TYPE = 'nvme-bus';
const MAX_PAIRS = 0xffff;
const MAX_VECTORS = 2048;
const DISCARD_GRANULARITY = 4096;
/** QEMU's version, as far as the field goes. */
const FIRMWARE = '7.2.22';
const NO_UUID = '00000000-0000-0000-0000-000000000000';
const UUID_TEXT = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** QEMU: a namespace that is no device of its own can copy nothing, and says so. */
const NO_COPY = 0;
const LAST_OF_64 = '18446744073709551615';

/** Those that every namespace has. QEMU's disk without a geometry. */
function driveOf(owner: string): readonly PropertySpec[] {
  const geometry = new Set(['cyls', 'heads', 'secs', 'lcyls', 'lheads', 'lsecs', 'rerror', 'werror']);
  return blockProperties(owner).filter(({ name }) => !geometry.has(name));
}

/** QEMU also takes `auto`, a random one. Not modelled: a snapshot's device would get another. */
const UUID: PropertyKind = {
  ...STR,
  parse(text, { name }, owner) {
    if (UUID_TEXT.test(text)) return text.toLowerCase();
    throw badValueError(owner, name, text);
  },
  format: (value) => STR.format(value ?? NO_UUID),
  toJson: (value) => String(value ?? NO_UUID),
  fromJson: (json, property, owner) =>
    UUID.parse(String(STR.fromJson(json, property, owner)), property, owner),
};

/** The one size that is beyond the exact numbers. */
const LAST_SIZE: PropertyKind = { ...UINT64, typeName: 'size', format: (value) => `${value} (16 EiB)` };

const bool = (name: string, value: boolean): PropertySpec => ({ name, kind: BOOL, default: value });
const BOOT_INDEX = fixed({ name: 'bootindex', kind: INT32 });

export const NVME: DeviceType = {
  name: 'nvme',
  category: 'Storage',
  busType: 'PCI',
  description: 'Non-Volatile Memory Express',
  userCreatable: true,
  hotpluggable: true,
  properties: [
    ...driveOf('nvme'),
    { name: 'serial', kind: STR },
    // Not modelled: memory of the controller's own.
    fixed(number('cmb_size_mb', 0)),
    number('num_queues', 0),
    number('max_ioqpairs', 64),
    number('msix_qsize', 65, UINT16),
    number('aerl', 3, UINT8),
    number('aer_max_queued', 64),
    number('mdts', 7, UINT8),
    number('vsl', 7, UINT8),
    bool('use-intel-id', false),
    fixed(bool('legacy-cmb', false)),
    bool('ioeventfd', false),
    number('zoned.zasl', 0, UINT8),
    bool('zoned.auto_transition', true),
    // Not modelled: virtual functions, which are of PCI Express only.
    fixed(number('sriov_max_vfs', 0, UINT8)),
    fixed(number('sriov_vq_flexible', 0, UINT16)),
    fixed(number('sriov_vi_flexible', 0, UINT16)),
    fixed(number('sriov_max_vi_per_vf', 0, UINT8)),
    fixed(number('sriov_max_vq_per_vf', 0, UINT8)),
    fixed(bool('msix-exclusive-bar', false)),
    ...PCI_PROPERTIES,
  ],
  options: [
    BOOT_INDEX,
    fixed({ name: 'pmrdev', kind: { ...STR, typeName: 'link<memory-backend>' } }),
    fixed({ name: 'subsys', kind: { ...STR, typeName: 'link<nvme-subsys>' } }),
    fixed({ name: 'smart_critical_warning', kind: UINT8 }),
  ],
  realize: realizeNvme,
};

export const NVME_NS: DeviceType = {
  name: 'nvme-ns',
  category: 'Storage',
  busType: BUS_TYPE,
  description: 'Virtual NVMe namespace',
  userCreatable: true,
  hotpluggable: true,
  properties: [
    ...driveOf('nvme-ns'),
    // Not modelled: subsystems, whose namespaces several controllers share.
    bool('detached', false),
    bool('shared', true),
    number('nsid', 0),
    {
      name: 'uuid',
      kind: UUID,
      help: 'UUID (aka GUID) or "auto" for random value (default)',
    },
    { name: 'eui64', kind: UINT64, default: '0' },
    // Not modelled: metadata.
    fixed(number('ms', 0, UINT16)),
    fixed(number('mset', 0, UINT8)),
    fixed(number('pi', 0, UINT8)),
    fixed(number('pil', 0, UINT8)),
    fixed(number('pif', 0, UINT8)),
    number('mssrl', 128, UINT16),
    number('mcl', 128),
    number('msrc', 127, UINT8),
    // Not modelled: zones.
    fixed(bool('zoned', false)),
    fixed(number('zoned.zone_size', 128 << 20, SIZE)),
    fixed(number('zoned.zone_capacity', 0, SIZE)),
    fixed(bool('zoned.cross_read', false)),
    fixed(number('zoned.max_active', 0)),
    fixed(number('zoned.max_open', 0)),
    fixed(number('zoned.descr_ext_size', 0)),
    fixed(number('zoned.numzrwa', 0)),
    fixed(number('zoned.zrwas', 0, SIZE)),
    fixed({ name: 'zoned.zrwafg', kind: LAST_SIZE, default: LAST_OF_64 }),
    fixed(bool('eui64-default', false)),
  ],
  options: [BOOT_INDEX],
  realize: realizeNamespace,
};

async function realizeNvme(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services, id, warn } = request;
  const checked = checkController(values.text('serial'), request);
  if (checked !== undefined) throw checked;
  const old = values.number('num_queues');
  if (old !== 0) warn('num_queues is deprecated; please use max_ioqpairs instead');
  const own = values.text('drive') === '' ? undefined : await openNamespace(request, 1, 'nvme');
  const isIntel = values.is('use-intel-id');
  const settings = {
    deviceId: isIntel ? PCI_DEVICE_ID_INTEL_NVME : PCI_DEVICE_ID_REDHAT_NVME,
    pairs: pairsOf(request),
    vectors: values.number('msix_qsize'),
    maxQueuedEvents: values.number('aer_max_queued'),
    identity: {
      vendorId: isIntel ? PCI_VENDOR_ID_INTEL : PCI_VENDOR_ID_REDHAT,
      serial: values.text('serial'),
      oui: isIntel ? OUI_INTEL : OUI_QEMU,
      mdts: values.number('mdts'),
      vsl: values.number('vsl'),
      aerl: values.number('aerl'),
      firmware: FIRMWARE,
    },
  };
  const wiring = { clock: services.get(CLOCK), trace: services.get(TRACE) };
  const controller = new Nvme(settings, wiring, id, values.is('multifunction'));
  if (own !== undefined) controller.attachNamespace(own.namespace);
  const release = (): void => {
    controller.abandon();
    if (own !== undefined) services.get(DRIVES).deviceGone(own.drive);
  };
  const buses = [
    {
      ...(id === '' ? {} : { name: id }),
      type: BUS_TYPE,
      handler: new NvmeBus(controller),
      coldPlugOnly: true,
    },
  ];
  const blocks = own === undefined ? [] : [own.namespace];
  return {
    hardware: new PciHardware(controller, { buses, release, blocks }),
    values: new Map<string, PropertyValue>([...(own?.values ?? []), ['max_ioqpairs', settings.pairs]]),
  };
}

function pairsOf({ values }: RealizeRequest): number {
  const old = values.number('num_queues');
  return old === 0 ? values.number('max_ioqpairs') : old - 1;
}

/** QEMU's order. */
function checkController(serial: string, request: RealizeRequest): MonitorError | undefined {
  const { values } = request;
  const pairs = pairsOf(request);
  const vectors = values.number('msix_qsize');
  if (pairs < 1 || pairs > MAX_PAIRS) {
    return new MonitorError(`max_ioqpairs must be between 1 and ${MAX_PAIRS}`);
  }
  if (vectors < 1 || vectors > MAX_VECTORS) {
    return new MonitorError(`msix_qsize must be between 1 and ${MAX_VECTORS}`);
  }
  if (serial === '') return new MonitorError('serial property not set');
  if (values.number('zoned.zasl') > values.number('mdts')) {
    return new MonitorError(
      'zoned.zasl (Zone Append Size Limit) must be less than or equal to mdts (Maximum Data Transfer Size)',
    );
  }
  if (values.number('vsl') === 0) return new MonitorError('vsl must be non-zero');
  return undefined;
}

interface OpenNamespace {
  readonly namespace: NvmeNamespace;
  readonly drive: Drive;
  readonly values: ReadonlyMap<string, PropertyValue>;
}

async function openNamespace(
  request: RealizeRequest,
  nsid: number,
  owner: 'nvme' | 'nvme-ns',
): Promise<OpenNamespace> {
  const { values, services, id, path } = request;
  const drives = services.get(DRIVES);
  const name = values.text('drive');
  const emptyError = new MonitorError('could not get blockdev size: No medium found');
  const limits = blockLimits(values);
  if (limits instanceof MonitorError) throw limits;
  if (!drives.hasMedium(name)) throw emptyError;
  const drive = await drives.attach(name, id === '' ? path : id);
  const { medium, gate } = drive;
  // Another monitor may have taken the image out meanwhile.
  if (medium === undefined) {
    await drives.detach(drive);
    throw emptyError;
  }
  const cache = values.text('write-cache');
  const isOwn = owner === 'nvme-ns';
  const discardGranularity =
    limits.discardGranularity ?? Math.max(limits.logicalBlockSize, DISCARD_GRANULARITY);
  const properties = {
    nsid,
    limits: { ...limits, discardGranularity },
    writeCache: cache === 'auto' ? drive.cache.writeback : cache === 'on',
    isShared: false,
    uuid: isOwn ? uuidBytes(values.text('uuid')) : undefined,
    eui64: isOwn ? BigInt(values.text('eui64') || '0') : 0n,
    maxSourceBlocks: isOwn ? values.number('mssrl') : NO_COPY,
    maxCopyBlocks: isOwn ? values.number('mcl') : NO_COPY,
    maxSources: isOwn ? values.number('msrc') : NO_COPY,
  };
  const onError = services.get(BLOCK_ERRORS)(drive);
  // QEMU: whatever the drive says, the driver is told.
  gate.errors.setPolicies({ read: 'report', write: 'report' });
  return {
    namespace: new NvmeNamespace(properties, { backend: medium.backend, gate, onError }),
    drive,
    values: new Map<string, PropertyValue>([
      ['logical_block_size', limits.logicalBlockSize],
      ['physical_block_size', limits.physicalBlockSize],
      ['discard_granularity', discardGranularity],
      ...(isOwn ? [['shared', false] as const] : []),
    ]),
  };
}

class NamespaceHardware implements Hardware {
  readonly namespace: NvmeNamespace;
  readonly sections: readonly NvmeNamespace[];
  readonly release: () => void;

  constructor(namespace: NvmeNamespace, release: () => void) {
    this.namespace = namespace;
    this.sections = [namespace];
    this.release = release;
  }

  buses(): readonly NewBus[] {
    return [];
  }
}

async function realizeNamespace(request: RealizeRequest): Promise<RealizedDevice> {
  const { values, services } = request;
  if (values.is('detached')) {
    throw new MonitorError('detached requires that the nvme device is linked to an nvme-subsys device');
  }
  if (values.text('drive') === '') throw new MonitorError('block backend not configured');
  const own = await openNamespace(request, values.number('nsid'), 'nvme-ns');
  const release = (): void => services.get(DRIVES).deviceGone(own.drive);
  return { hardware: new NamespaceHardware(own.namespace, release), values: own.values };
}

/** The bus of a controller's namespaces. QEMU: it takes them before the machine runs only, and they leave with their controller. */
class NvmeBus implements HotplugHandler {
  readonly #controller: Nvme;

  constructor(controller: Nvme) {
    this.#controller = controller;
  }

  prePlug(device: NewDevice): MonitorError | undefined {
    const asked = Number(device.values.get('nsid') ?? 0);
    if (asked > MAX_NAMESPACES) {
      return new MonitorError(`invalid namespace id (must be between 0 and ${MAX_NAMESPACES})`);
    }
    const isTaken = (nsid: number): boolean => this.#controller.namespace(nsid) !== undefined;
    if (asked !== 0) {
      return isTaken(asked) ? new MonitorError(`namespace id '${asked}' already allocated`) : undefined;
    }
    let free = 1;
    while (free <= MAX_NAMESPACES && isTaken(free)) free++;
    if (free > MAX_NAMESPACES) return new MonitorError('no free namespace id');
    device.place('nsid', free);
    return undefined;
  }

  plug({ path, hardware }: Qdev): void {
    assert(hardware instanceof NamespaceHardware, `${path} is an NVMe namespace`);
    this.#controller.attachNamespace(hardware.namespace);
  }

  unplugRequest(): 'now' {
    return 'now';
  }

  unplug({ path, hardware }: Qdev): void {
    assert(hardware instanceof NamespaceHardware, `${path} is an NVMe namespace`);
    this.#controller.detachNamespace(hardware.namespace);
  }
}

/** Undefined: the name that says that there is none. */
function uuidBytes(uuid: string): Uint8Array | undefined {
  const bytes = Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (digits) =>
    Number.parseInt(digits, 16),
  );
  return bytes.some((byte) => byte !== 0) ? bytes : undefined;
}

export const NVME_TYPES: readonly DeviceType[] = [NVME, NVME_NS];
