/** virtio-mem-pci and the virtio-mem inside it: QEMU's properties and the errors of its realize step. */
import { MonitorError } from '../core/monitor-error.ts';
import { DEVICE_MEMORY } from '../memory/device-memory.ts';
import { GUEST_RAM } from '../memory/guest-ram.ts';
import { MEMORY_BACKEND, MemoryBackend, memdevMissingError } from '../memory/memory-backend.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { link, linked } from '../qdev/links.ts';
import {
  number,
  ON_OFF_AUTO,
  off,
  type PropertyKind,
  type PropertySpec,
  type PropertyValue,
  readOnlyKind,
  SIZE,
  UINT64,
} from '../qdev/properties.ts';
import type { LiveProperty } from '../qdev/qom-value.ts';
import { CLOCK, EVENTS, TRACE } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import { VirtioMem } from './virtio-mem.ts';
import { realizeVirtioPci } from './virtio-pci-type.ts';
import { VIRTIO_PROPERTIES, virtioPciProperties } from './virtio-properties.ts';

const PCI_CLASS_OTHERS = 0x00ff;
const VIRTIO_MEM = 'virtio-mem';
/** QEMU: it has the modern interface only, and interrupts by INTx alone. */
const SETTINGS = { disableLegacy: true, disableModern: false, vectors: 0 };
const MIN_BLOCK_BYTES = 2 ** 20;
/** QEMU: the size of the host's huge pages. */
const DEFAULT_BLOCK_BYTES = 2 ** 21;

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

function checkedBlockSize(value: PropertyValue, { name }: PropertySpec): number {
  const bytes = Number(value);
  if (bytes < MIN_BLOCK_BYTES) {
    throw new MonitorError(`'${name}' property has to be at least ${hex(MIN_BLOCK_BYTES)}`);
  }
  if (!Number.isInteger(Math.log2(bytes))) {
    throw new MonitorError(`'${name}' property has to be a power of two`);
  }
  return bytes;
}

const BLOCK_SIZE: PropertyKind = {
  ...SIZE,
  parse: (text, property, owner) => checkedBlockSize(SIZE.parse(text, property, owner), property),
  fromJson: (json, property, owner) => checkedBlockSize(SIZE.fromJson(json, property, owner), property),
};

const OWN: readonly PropertySpec[] = [
  { name: 'memaddr', kind: UINT64, default: '0' },
  number('node', 0),
  // Not modelled: memory comes as the guest writes to it.
  off('prealloc', ''),
  { name: 'unplugged-inaccessible', kind: ON_OFF_AUTO, default: 'auto', help: 'on/off/auto' },
];

const MORE: readonly PropertySpec[] = [
  { name: 'memdev', kind: link(MEMORY_BACKEND) },
  { name: 'block-size', kind: BLOCK_SIZE },
  { name: 'requested-size', kind: SIZE },
  { name: 'size', kind: readOnlyKind('size'), owner: VIRTIO_MEM },
];

const VIRTIO_MEM_DEVICE: DeviceType = {
  name: VIRTIO_MEM,
  category: 'Misc',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
  options: MORE,
};

export const VIRTIO_MEM_PCI: DeviceType = {
  name: 'virtio-mem-pci',
  category: 'Misc',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([]),
  options: [
    ...OWN,
    ...MORE,
    ...VIRTIO_PROPERTIES,
    { name: 'virtio-backend', kind: readOnlyKind(`child<${VIRTIO_MEM}>`) },
  ],
  realize: realizeVirtioMemPci,
};

function realizeVirtioMemPci(request: RealizeRequest): RealizedDevice {
  const { values, services, id, path } = request;
  const backend = linked(values.text('memdev'), MEMORY_BACKEND, 'memdev', services);
  if (!(backend instanceof MemoryBackend)) throw memdevMissingError();
  if (backend.isMapped) {
    throw new MonitorError(`'memdev' property specifies a busy memdev: ${backend.name}`);
  }
  const unpluggedInaccessible = isInaccessible(values, backend);
  const properties = {
    ...checkedSizes(request),
    addr: values.number('memaddr'),
    node: values.number('node'),
    sizeBytes: backend.sizeBytes,
    unpluggedInaccessible,
  };
  const [deviceMemory, events] = [services.get(DEVICE_MEMORY), services.get(EVENTS)];
  const memory = deviceMemory.insert(backend, properties.addr);
  const onSize = (size: number): void =>
    events.emit({
      event: 'MEMORY_DEVICE_SIZE_CHANGE',
      data: { size, 'qom-path': path, ...(id === '' ? {} : { id }) },
    });
  const chosen: [string, PropertyValue][] = [
    ['unplugged-inaccessible', unpluggedInaccessible ? 'on' : 'off'],
    ['block-size', properties.blockBytes],
    ['disable-modern', false],
  ];
  const { hardware, values: own = new Map() } = realizeVirtioPci(request, {
    type: 'virtio-mem-pci',
    // Never shown: there is no transitional interface.
    transitionalDeviceId: 0,
    pciClass: PCI_CLASS_OTHERS,
    settings: SETTINGS,
    device: (dma) =>
      new VirtioMem(properties, {
        memory: dma,
        trace: services.get(TRACE),
        clock: services.get(CLOCK),
        ram: services.get(GUEST_RAM),
        onSize,
      }),
    inner: VIRTIO_MEM_DEVICE,
    innerValues: new Map(chosen),
    liveProperties: (device) => liveProperties(device, () => deviceMemory.grown()),
    release: () => memory.release(),
  });
  return { hardware, values: new Map([...own, ...chosen]) };
}

/** In QEMU's order. Throws its errors. */
function checkedSizes({ values, services, warn }: RealizeRequest): {
  readonly blockBytes: number;
  readonly requestedBytes: number;
} {
  const node = values.number('node');
  // QEMU: a machine without nodes has one in this text, which is QEMU's with what it lacks.
  const nodes = Math.max(1, services.get(DEVICE_MEMORY).nodes);
  if (node >= nodes) {
    throw new MonitorError(
      `'node' property has value '${node}', which exceedsthe number of numa nodes: ${nodes}`,
    );
  }
  const blockBytes = values.number('block-size') || DEFAULT_BLOCK_BYTES;
  if (blockBytes < DEFAULT_BLOCK_BYTES) {
    warn("'block-size' property is smaller than the default block size (2 MiB)");
  }
  const requestedBytes = values.number('requested-size');
  checkMultiple("'requested-size' property", BigInt(requestedBytes), blockBytes);
  return { blockBytes, requestedBytes };
}

function checkMultiple(what: string, bytes: bigint, blockBytes: number): void {
  if (bytes % BigInt(blockBytes) === 0n) return;
  throw new MonitorError(`${what} has to be multiples of 'block-size' (${hex(blockBytes)})`);
}

/** QEMU: reads of memory that is shared with other processes would make it be there. */
function isInaccessible(values: Values, { settings }: MemoryBackend): boolean {
  const given = values.text('unplugged-inaccessible');
  return given === 'auto' ? settings.share : given === 'on';
}

function liveProperties(device: VirtioMem, onRequest: () => void): readonly LiveProperty[] {
  const { blockBytes, sizeBytes } = device.properties;
  return [
    { name: 'size', read: () => device.pluggedBytes },
    {
      name: 'requested-size',
      read: () => device.requestedBytes,
      write(given) {
        const bytes = given.size();
        checkMultiple("'requested-size'", bytes, blockBytes);
        if (bytes > sizeBytes) {
          throw new MonitorError(`'requested-size' cannot exceed the memory backend size(${hex(sizeBytes)})`);
        }
        device.setRequested(Number(bytes));
        onRequest();
      },
    },
    {
      name: 'block-size',
      read: () => blockBytes,
      write() {
        throw new MonitorError("'block-size' cannot be changed");
      },
    },
  ];
}

export const VIRTIO_MEM_TYPES: readonly DeviceType[] = [VIRTIO_MEM_DEVICE, VIRTIO_MEM_PCI];
