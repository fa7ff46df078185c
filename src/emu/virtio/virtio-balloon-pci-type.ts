/** virtio-balloon-pci and the virtio-balloon-device inside it: QEMU's properties and the errors of its realize step. */
import { MonitorError } from '../core/monitor-error.ts';
import { BALLOON } from '../memory/balloon.ts';
import { GUEST_RAM } from '../memory/guest-ram.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { link } from '../qdev/links.ts';
import { INT64, off, on, type PropertySpec, readOnlyKind } from '../qdev/properties.ts';
import type { LiveProperty } from '../qdev/qom-value.ts';
import { CLOCK, EVENTS, TRACE, WALL_CLOCK } from '../qdev/services.ts';
import { POLL_MAX_S, VirtioBalloon } from './virtio-balloon.ts';
import { realizeVirtioPci, virtioPciSettings } from './virtio-pci-type.ts';
import { VIRTIO_PROPERTIES, virtioPciProperties } from './virtio-properties.ts';

const PCI_DEVICE_ID_VIRTIO_BALLOON = 0x1002;
const PCI_CLASS_OTHERS = 0x00ff;
/** QEMU: it interrupts by INTx alone, and has no property `vectors`. */
const NO_VECTORS = 0;

const OWN: readonly PropertySpec[] = [
  off('deflate-on-oom'),
  off('free-page-hint'),
  on('page-poison'),
  off('free-page-reporting'),
  off('qemu-4-0-config-size', ''),
];

const POLL_INTERVAL = 'guest-stats-polling-interval';

/** Set and asked for while the device is there. */
const LIVE: readonly PropertySpec[] = [
  { name: POLL_INTERVAL, kind: INT64 },
  { name: 'guest-stats', kind: readOnlyKind('guest statistics'), owner: 'virtio-balloon-device' },
];

const IOTHREAD: PropertySpec = { name: 'iothread', kind: link('iothread') };

const VIRTIO_BALLOON_DEVICE: DeviceType = {
  name: 'virtio-balloon-device',
  category: 'Misc',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...OWN, ...VIRTIO_PROPERTIES],
  options: [...LIVE, IOTHREAD],
};

const VIRTIO_BALLOON_PCI: DeviceType = {
  name: 'virtio-balloon-pci',
  alias: 'virtio-balloon',
  category: 'Misc',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([]),
  options: [
    ...OWN,
    ...LIVE,
    IOTHREAD,
    ...VIRTIO_PROPERTIES,
    { name: 'virtio-backend', kind: readOnlyKind('child<virtio-balloon-device>') },
  ],
  realize: realizeVirtioBalloonPci,
};

function realizeVirtioBalloonPci(request: RealizeRequest): RealizedDevice {
  const { values, services } = request;
  const settings = virtioPciSettings(values, NO_VECTORS);
  const pollIntervalS = pollInterval(BigInt(values.number(POLL_INTERVAL)));
  const balloon = services.get(BALLOON);
  balloon.checkFree();
  // Not modelled: hints serve migration between hosts, and there are no threads of which one could be named.
  if (values.is('free-page-hint')) throw new MonitorError("'free-page-hint' requires 'iothread' to be set");
  const properties = {
    deflateOnOom: values.is('deflate-on-oom'),
    pagePoison: values.is('page-poison'),
    freePageReporting: values.is('free-page-reporting'),
    longConfig: values.is('qemu-4-0-config-size'),
  };
  return realizeVirtioPci(request, {
    type: 'virtio-balloon-pci',
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_BALLOON,
    pciClass: PCI_CLASS_OTHERS,
    settings,
    device(memory) {
      const device = new VirtioBalloon(properties, {
        memory,
        trace: services.get(TRACE),
        clock: services.get(CLOCK),
        ram: services.get(GUEST_RAM),
        events: services.get(EVENTS),
        wallClockMs: services.get(WALL_CLOCK),
      });
      balloon.connect(device);
      device.setPollInterval(pollIntervalS);
      return device;
    },
    inner: VIRTIO_BALLOON_DEVICE,
    liveProperties,
    release: (device) => balloon.disconnect(device),
  });
}

/** Throws QEMU's error. */
function pollInterval(seconds: bigint): number {
  if (seconds < 0n) throw new MonitorError('timer value must be greater than zero');
  if (seconds > BigInt(POLL_MAX_S)) throw new MonitorError('timer value is too big');
  return Number(seconds);
}

function liveProperties(device: VirtioBalloon): readonly LiveProperty[] {
  return [
    {
      name: POLL_INTERVAL,
      read: () => device.pollIntervalS,
      write: (given) => device.setPollInterval(pollInterval(given.integer())),
    },
    { name: 'guest-stats', read: () => device.guestStats },
  ];
}

export const VIRTIO_BALLOON_TYPES: readonly DeviceType[] = [VIRTIO_BALLOON_DEVICE, VIRTIO_BALLOON_PCI];
