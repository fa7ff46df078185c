/** virtio-rng-pci and the virtio-rng-device inside it: QEMU's properties and the errors of its realize step. */
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { link, linked } from '../qdev/links.ts';
import { number, type PropertySpec, readOnlyKind, UINT64 } from '../qdev/properties.ts';
import { CLOCK, ENTROPY, TRACE } from '../qdev/services.ts';
import { RNG_BACKEND, RngBackend } from './rng-backends.ts';
import { realizeVirtioPci, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';
import { VIRTIO_RNG_DEFAULTS, VirtioRng } from './virtio-rng.ts';

const PCI_DEVICE_ID_VIRTIO_RNG = 0x1005;
const PCI_CLASS_OTHERS = 0x00ff;
const DEFAULT_VECTORS = 2;
const MAX_BYTES_LIMIT = 2n ** 63n;

const OWN: readonly PropertySpec[] = [
  { name: 'max-bytes', kind: UINT64, default: String(VIRTIO_RNG_DEFAULTS.maxBytes) },
  number('period', VIRTIO_RNG_DEFAULTS.periodMs),
];

const RNG_LINK: PropertySpec = { name: 'rng', kind: link(RNG_BACKEND) };

const VIRTIO_RNG_DEVICE: DeviceType = {
  name: 'virtio-rng-device',
  category: 'Misc',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
  options: [RNG_LINK],
};

const VIRTIO_RNG_PCI: DeviceType = {
  name: 'virtio-rng-pci',
  alias: 'virtio-rng',
  category: 'Misc',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([IOEVENTFD, vectors()]),
  options: [
    ...OWN,
    ...VIRTIO_PROPERTIES,
    RNG_LINK,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-rng-device>') },
  ],
  realize: realizeVirtioRngPci,
};

function realizeVirtioRngPci(request: RealizeRequest): RealizedDevice {
  const { values, services } = request;
  const settings = virtioPciSettings(values, DEFAULT_VECTORS);
  const properties = { maxBytes: BigInt(values.text('max-bytes')), periodMs: values.number('period') };
  if (properties.periodMs === 0) throw new MonitorError("'period' parameter expects a positive integer");
  const object = linked(values.text('rng'), RNG_BACKEND, 'rng', services);
  if (properties.maxBytes >= MAX_BYTES_LIMIT) {
    throw new MonitorError("'max-bytes' parameter must be non-negative, and less than 2^63");
  }
  // QEMU: without `rng` the device makes itself an rng-builtin.
  const source = object instanceof RngBackend ? object : services.get(ENTROPY);
  return realizeVirtioPci(request, {
    type: 'virtio-rng-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_RNG,
    pciClass: PCI_CLASS_OTHERS,
    settings,
    device: (memory) =>
      new VirtioRng(properties, { memory, trace: services.get(TRACE), clock: services.get(CLOCK), source }),
    inner: VIRTIO_RNG_DEVICE,
  });
}

export const VIRTIO_RNG_TYPES: readonly DeviceType[] = [VIRTIO_RNG_DEVICE, VIRTIO_RNG_PCI];
