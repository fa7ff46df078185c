/** virtio-net-pci and the virtio-net-device inside it: QEMU's properties and the errors of its realize step. */
import { MonitorError } from '../core/monitor-error.ts';
import { formatMac, parseMac } from '../net/mac-address.ts';
import { NetClient } from '../net/net-client.ts';
import { NETWORK } from '../net/network.ts';
import { nicProperties } from '../net/nic-properties.ts';
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
import { CLOCK, EVENTS, TRACE } from '../qdev/services.ts';
import type { Values } from '../qdev/values.ts';
import * as net from './virtio-net.ts';
import { realizeVirtioPci, virtioPciSettings } from './virtio-pci-type.ts';
import { IOEVENTFD, VIRTIO_PROPERTIES, vectors, virtioPciProperties } from './virtio-properties.ts';

const PCI_DEVICE_ID_VIRTIO_NET = 0x1000;
const PCI_CLASS_NETWORK_ETHERNET = 0x0200;
const MODEL = 'virtio-net-pci';
const INNER_NAME = 'virtio-net-device';
/** Two queues, the control queue, and the configuration. */
const DEFAULT_VECTORS = 4;
const QUEUE_LEAST = 256;
const QUEUE_MOST = 1024;
/** QEMU: how long a queue is, where the back end cannot have a longer one. */
const TX_QUEUE_SIZE = 256;
const DUPLEXES = ['half', 'full'] as const;

/** Features that a property switches, as far as a back end without offloads has them. */
const FEATURES: readonly (readonly [property: string, feature: bigint])[] = [
  ['ctrl_guest_offloads', net.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS],
  ['gso', net.VIRTIO_NET_F_GSO],
  ['mrg_rxbuf', net.VIRTIO_NET_F_MRG_RXBUF],
  ['status', net.VIRTIO_NET_F_STATUS],
  ['ctrl_vq', net.VIRTIO_NET_F_CTRL_VQ],
  ['ctrl_rx', net.VIRTIO_NET_F_CTRL_RX],
  ['ctrl_vlan', net.VIRTIO_NET_F_CTRL_VLAN],
  ['ctrl_rx_extra', net.VIRTIO_NET_F_CTRL_RX_EXTRA],
  ['guest_announce', net.VIRTIO_NET_F_GUEST_ANNOUNCE],
  ['mq', net.VIRTIO_NET_F_MQ],
  ['ctrl_mac_addr', net.VIRTIO_NET_F_CTRL_MAC_ADDR],
];

/** @param owner whose they are in errors; absent: the device's own */
const own = (owner?: string): readonly PropertySpec[] => [
  ...[on('csum'), on('guest_csum'), on('gso'), on('guest_tso4'), on('guest_tso6'), on('guest_ecn')],
  ...[on('guest_ufo'), on('guest_announce'), on('host_tso4'), on('host_tso6'), on('host_ecn')],
  ...[on('host_ufo'), on('mrg_rxbuf'), on('status'), on('ctrl_vq'), on('ctrl_rx'), on('ctrl_vlan')],
  ...[on('ctrl_rx_extra'), on('ctrl_mac_addr'), on('ctrl_guest_offloads'), off('mq')],
  ...[fixed(off('rss')), fixed(off('hash')), fixed(off('guest_rsc_ext'))],
  number('rsc_interval', 300_000),
  ...nicProperties(owner),
  number('x-txtimer', 150_000),
  number('x-txburst', 256, INT32),
  { name: 'tx', kind: STR },
  number('rx_queue_size', 256, UINT16),
  number('tx_queue_size', 256, UINT16),
  number('host_mtu', 0, UINT16),
  on('x-mtu-bypass-backend', ''),
  number('speed', -1, INT32),
  { name: 'duplex', kind: STR },
  fixed(off('failover', '')),
];

const VIRTIO_NET_DEVICE: DeviceType = {
  name: INNER_NAME,
  category: 'Network',
  busType: 'virtio-bus',
  userCreatable: true,
  hotpluggable: true,
  properties: [...own(), ...VIRTIO_PROPERTIES],
  options: [fixed({ name: 'bootindex', kind: INT32 })],
};

const VIRTIO_NET_PCI: DeviceType = {
  name: MODEL,
  alias: 'virtio-net',
  category: 'Network',
  busType: 'PCI',
  userCreatable: true,
  hotpluggable: true,
  properties: virtioPciProperties([IOEVENTFD, vectors()]),
  options: [
    ...own(INNER_NAME),
    ...VIRTIO_PROPERTIES,
    fixed({ name: 'bootindex', kind: INT32 }),
    { name: 'virtio-backend', kind: readOnlyKind(`child<${INNER_NAME}>`) },
  ],
  realize: realizeVirtioNetPci,
};

function realizeVirtioNetPci(request: RealizeRequest): RealizedDevice {
  const { id, path, values, services } = request;
  const settings = virtioPciSettings(values, DEFAULT_VECTORS);
  const speed = speedOf(values);
  const duplex = duplexOf(values);
  checkQueueSize('rx', values.number('rx_queue_size'), '.');
  checkQueueSize('tx', values.number('tx_queue_size'), '');
  const network = services.get(NETWORK);
  const mac = network.macs.take(parseMac(values.text('mac')));
  const properties: net.VirtioNetProperties = {
    features: featuresOf(values, speed !== undefined || duplex !== undefined),
    rxQueueSize: values.number('rx_queue_size'),
    txQueueSize: TX_QUEUE_SIZE,
    mtu: values.number('host_mtu'),
    ...{ mac, speed, duplex },
  };
  const name = network.nicName(id, MODEL);
  return realizeVirtioPci(request, {
    type: MODEL,
    transitionalDeviceId: PCI_DEVICE_ID_VIRTIO_NET,
    pciClass: PCI_CLASS_NETWORK_ETHERNET,
    settings,
    device(memory) {
      const card = new net.VirtioNet(properties, {
        ...{ memory, trace: services.get(TRACE), clock: services.get(CLOCK), events: services.get(EVENTS) },
        ...{ id, path: `${path}/virtio-backend` },
        connect: (end) =>
          new NetClient({ name, type: 'nic', model: MODEL, info: () => infoOf(end.mac) }, end),
      });
      const nic = {
        ...{ client: card.client, path, rxFilter: () => card.rxFilter, mac: () => mac },
        announce: () => card.announce(),
      };
      network.addNic(nic, network.findBackend(values.text('netdev')));
      return card;
    },
    inner: VIRTIO_NET_DEVICE,
    innerValues: new Map<string, PropertyValue>([['mac', formatMac(mac)]]),
    release(card) {
      network.removeNic(card.client);
      network.macs.giveBack(mac);
    },
  });
}

const infoOf = (mac: Uint8Array): string => `model=${MODEL},macaddr=${formatMac(mac)}`;

function featuresOf(values: Values, tellsSpeed: boolean): bigint {
  let features = net.VIRTIO_NET_F_MAC;
  for (const [property, feature] of FEATURES) if (values.is(property)) features |= feature;
  if (values.number('host_mtu') !== 0) features |= net.VIRTIO_NET_F_MTU;
  return tellsSpeed ? features | net.VIRTIO_NET_F_SPEED_DUPLEX : features;
}

function duplexOf(values: Values): (typeof DUPLEXES)[number] | undefined {
  const text = values.text('duplex');
  const duplex = DUPLEXES.find((one) => one === text);
  if (text !== '' && duplex === undefined) throw new MonitorError("'duplex' must be 'half' or 'full'");
  return duplex;
}

function speedOf(values: Values): number | undefined {
  const speed = values.number('speed');
  if (speed < -1) throw new MonitorError("'speed' must be between 0 and INT_MAX");
  return speed === -1 ? undefined : speed;
}

function checkQueueSize(name: 'rx' | 'tx', size: number, end: string): void {
  if (size >= QUEUE_LEAST && size <= QUEUE_MOST && Number.isInteger(Math.log2(size))) return;
  const range = `must be a power of 2 between ${QUEUE_LEAST} and ${QUEUE_MOST}${end}`;
  throw new MonitorError(`Invalid ${name}_queue_size (= ${size}), ${range}`);
}

export const VIRTIO_NET_TYPES: readonly DeviceType[] = [VIRTIO_NET_DEVICE, VIRTIO_NET_PCI];
