/** What QEMU calls the bits of virtio devices, in the order in which it tells them. Spec: QEMU qapi/virtio.json. */

type Bits = readonly (readonly [bit: number, text: string])[];

const TRANSPORT_FEATURES: Bits = [
  [29, 'VIRTIO_RING_F_EVENT_IDX: Used & avail. event fields enabled'],
  [28, 'VIRTIO_RING_F_INDIRECT_DESC: Indirect descriptors supported'],
  [32, 'VIRTIO_F_VERSION_1: Device compliant for v1 spec (legacy)'],
  [27, 'VIRTIO_F_ANY_LAYOUT: Device accepts arbitrary desc. layouts'],
  [24, 'VIRTIO_F_NOTIFY_ON_EMPTY: Notify when device runs out of avail. descs. on VQ'],
];

/** QEMU: some devices have the bit, under which old drivers are known, for one of a back end outside of its process. */
const PROTOCOL_FEATURES = [
  30,
  'VHOST_USER_F_PROTOCOL_FEATURES: Vhost-user protocol features negotiation supported',
] as const;

/** By the device's id (virtio 1.2 §5): what devices of this machine may offer. */
const DEVICE_FEATURES: ReadonlyMap<number, Bits> = new Map<number, Bits>([
  [
    1,
    [
      PROTOCOL_FEATURES,
      [6, 'VIRTIO_NET_F_GSO: Handling GSO-type packets supported'],
      [63, 'VIRTIO_NET_F_SPEED_DUPLEX: Device set linkspeed and duplex'],
      [23, 'VIRTIO_NET_F_CTRL_MAC_ADDR: MAC address set through control channel'],
      [22, 'VIRTIO_NET_F_MQ: Multiqueue with automatic receive steering supported'],
      [21, 'VIRTIO_NET_F_GUEST_ANNOUNCE: Driver sending gratuitous packets supported'],
      [20, 'VIRTIO_NET_F_CTRL_RX_EXTRA: Extra RX mode control supported'],
      [19, 'VIRTIO_NET_F_CTRL_VLAN: Control channel VLAN filtering supported'],
      [18, 'VIRTIO_NET_F_CTRL_RX: Control channel RX mode supported'],
      [17, 'VIRTIO_NET_F_CTRL_VQ: Control channel available'],
      [16, 'VIRTIO_NET_F_STATUS: Configuration status field available'],
      [15, 'VIRTIO_NET_F_MRG_RXBUF: Driver can merge receive buffers'],
      [5, 'VIRTIO_NET_F_MAC: Device has given MAC address'],
      [3, 'VIRTIO_NET_F_MTU: Device max MTU reporting supported'],
      [2, 'VIRTIO_NET_F_CTRL_GUEST_OFFLOADS: Control channel offloading reconfig. supported'],
    ],
  ],
  [
    2,
    [
      PROTOCOL_FEATURES,
      [11, 'VIRTIO_BLK_F_CONFIG_WCE: Cache writeback and writethrough modes supported'],
      [9, 'VIRTIO_BLK_F_FLUSH: Flush command supported'],
      [7, 'VIRTIO_BLK_F_SCSI: SCSI packet commands supported'],
      [14, 'VIRTIO_BLK_F_WRITE_ZEROES: Write zeroes command supported'],
      [13, 'VIRTIO_BLK_F_DISCARD: Discard command supported'],
      [12, 'VIRTIO_BLK_F_MQ: Multiqueue supported'],
      [10, 'VIRTIO_BLK_F_TOPOLOGY: Topology information available'],
      [6, 'VIRTIO_BLK_F_BLK_SIZE: Block size of disk available'],
      [5, 'VIRTIO_BLK_F_RO: Device is read-only'],
      [4, 'VIRTIO_BLK_F_GEOMETRY: Legacy geometry available'],
      [2, 'VIRTIO_BLK_F_SEG_MAX: Max segments in a request is seg_max'],
    ],
  ],
  [
    3,
    [
      [2, 'VIRTIO_CONSOLE_F_EMERG_WRITE: Emergency write supported'],
      [1, 'VIRTIO_CONSOLE_F_MULTIPORT: Multiple ports for device supported'],
      [0, 'VIRTIO_CONSOLE_F_SIZE: Host providing console size'],
    ],
  ],
  [4, [PROTOCOL_FEATURES]],
  [
    5,
    [
      [5, 'VIRTIO_BALLOON_F_REPORTING: Page reporting VQ enabled'],
      [4, 'VIRTIO_BALLOON_F_PAGE_POISON: Guest page poisoning enabled'],
      [2, 'VIRTIO_BALLOON_F_DEFLATE_ON_OOM: Deflate balloon when guest OOM'],
      [1, 'VIRTIO_BALLOON_F_STATS_VQ: Guest memory stats VQ available'],
    ],
  ],
  [
    8,
    [
      PROTOCOL_FEATURES,
      [2, 'VIRTIO_SCSI_F_CHANGE: Reporting and handling LUN changes supported'],
      [1, 'VIRTIO_SCSI_F_HOTPLUG: Reporting and handling hot-plug events supported'],
    ],
  ],
  [24, [[1, 'VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE: Unplugged memory cannot be accessed']]],
]);

const STATUSES: Bits = [
  [0, 'VIRTIO_CONFIG_S_ACKNOWLEDGE: Valid virtio device found'],
  [7, 'VIRTIO_CONFIG_S_FAILED: Error in guest, device failed'],
  [6, 'VIRTIO_CONFIG_S_NEEDS_RESET: Irrecoverable error, device needs reset'],
  [1, 'VIRTIO_CONFIG_S_DRIVER: Guest OS compatible with device'],
  [3, 'VIRTIO_CONFIG_S_FEATURES_OK: Feature negotiation complete'],
  [2, 'VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready'],
];

/** QEMU: those of packed rings are told of any. */
const DESCRIPTOR_FLAGS: Bits = [
  [15, 'used'],
  [7, 'avail'],
  [2, 'indirect'],
  [1, 'write'],
  [0, 'next'],
];

interface Named {
  readonly names: readonly string[];
  /** Bits without a name; undefined: there are none. */
  readonly unknown: bigint | undefined;
}

function named(bits: bigint, table: Bits): Named {
  const found = table.filter(([bit]) => (bits >> BigInt(bit)) & 1n);
  const unknown = found.reduce((left, [bit]) => left & ~(1n << BigInt(bit)), bits);
  return { names: found.map(([, text]) => text), unknown: unknown === 0n ? undefined : unknown };
}

/** Features of the transport and of the device; the rest has no name. */
export function featureNames(
  deviceId: number,
  features: bigint,
): { readonly transports: readonly string[]; readonly device: Named } {
  const transport = named(features, TRANSPORT_FEATURES);
  return {
    transports: transport.names,
    device: named(transport.unknown ?? 0n, DEVICE_FEATURES.get(deviceId) ?? []),
  };
}

export function statusNames(status: number): Named {
  return named(BigInt(status), STATUSES);
}

export function descriptorFlagNames(flags: number): readonly string[] {
  return named(BigInt(flags), DESCRIPTOR_FLAGS).names;
}
