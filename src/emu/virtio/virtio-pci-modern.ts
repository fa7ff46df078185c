/** The modern interface of virtio-pci, BAR 4 and its capabilities. Spec: virtio 1.2 §4.1.4. */
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { bytes, DWORD, record, type StateKind, typedArray } from '../core/state-fields.ts';
import type { ConfigSpace } from '../pci/config-space.ts';
import {
  VIRTIO_F_ANY_LAYOUT,
  VIRTIO_F_BAD_FEATURE,
  VIRTIO_F_NOTIFY_ON_EMPTY,
  type VirtioDevice,
} from './virtio-device.ts';
import type { VirtioPci } from './virtio-pci.ts';
import { readConfig } from './virtio-pci-legacy.ts';
import { VIRTIO_NO_VECTOR } from './virtqueue.ts';

const REGION_SIZE = 0x1000;
const COMMON_REGION = 0;
const ISR_REGION = 1;
const DEVICE_REGION = 2;
const NOTIFY_REGION = 3;
/** Where a queue is notified: so far from the queue before it. QEMU: with page-per-vq a page. */
const NOTIFY_OFF_MULTIPLIER = 4;
const NOTIFY_OFF_MULTIPLIER_PAGE = 0x1000;

const PCI_CAP_ID_VNDR = 0x09;
const CAP_LENGTH = 16;
const CAP_LENGTH_EXTENDED = 20;
/** Offset in config space, type (cfg_type), length and region of each structure. */
const CAPABILITIES = [
  { at: 0x40, type: 1, length: CAP_LENGTH, region: COMMON_REGION },
  { at: 0x50, type: 3, length: CAP_LENGTH, region: ISR_REGION },
  { at: 0x60, type: 4, length: CAP_LENGTH, region: DEVICE_REGION },
  { at: 0x70, type: 2, length: CAP_LENGTH_EXTENDED, region: NOTIFY_REGION },
] as const;
const PCI_CFG_CAP = 0x84;
const PCI_CFG_CAP_TYPE = 5;
const CAP_BAR = 4;
const CAP_OFFSET = 8;
const CAP_STRUCT_LENGTH = 12;
const CAP_EXTRA = 16;

const COMMON_Q_DESCLO = 0x20;
/** Descriptor, available and used address, lower half first. */
const ADDRESSES = ['queue_desc', 'queue_driver', 'queue_device'].flatMap((name) => [
  `${name}_lo`,
  `${name}_hi`,
]);
const ADDRESS_WORDS = 6;
const QUEUES = 1024;

/** Legacy bits that a modern driver is not offered. */
const LEGACY_FEATURES = VIRTIO_F_NOTIFY_ON_EMPTY | VIRTIO_F_ANY_LAYOUT;
const HALF_BITS = 32n;
const LOW_HALF = 0xffff_ffffn;

export type ModernState = {
  readonly deviceFeatureSelect: number;
  readonly driverFeatureSelect: number;
  readonly driverFeatures: Uint32Array;
  readonly addresses: Uint32Array;
  readonly enabled: Uint8Array;
};

/** One half of an address of the selected queue. */
function addressRegister(name: string, word: number): Register<VirtioPciModern> {
  const half = word % 2 === 0 ? 'lower' : 'upper';
  return register(COMMON_Q_DESCLO + 4 * word, 4, name, `${half} half of where that part of the queue is`, {
    read: (card) => card.queueAddress(word),
    write: (card, value) => card.setQueueAddress(word, value),
  });
}

export class VirtioPciModern implements IoHandler {
  /** QEMU: a register answers at its first byte only, whatever the size. */
  static readonly registers = new RegisterTable<VirtioPciModern>(
    {
      name: 'virtio-pci-common',
      title: 'virtio-pci, common configuration',
      place: 'BAR 4, from 0',
      spec: 'virtio 1.2 §4.1.4.3',
    },
    [
      register(0x00, 4, 'device_feature_select', 'which 32 features device_feature shows', {
        read: (card) => card.#s.deviceFeatureSelect,
        write: (card, value) => {
          card.#s.deviceFeatureSelect = value;
        },
      }),
      register(0x04, 4, 'device_feature', 'what the device offers', {
        read: (card) =>
          half(
            card.#pci.offeredFeatures & ~LEGACY_FEATURES & ~card.#pci.device.oldFeatures,
            card.#s.deviceFeatureSelect,
          ),
      }),
      register(0x08, 4, 'driver_feature_select', 'which 32 features driver_feature takes', {
        read: (card) => card.#s.driverFeatureSelect,
        write: (card, value) => {
          card.#s.driverFeatureSelect = value;
        },
      }),
      register(0x0c, 4, 'driver_feature', 'what the driver accepts', {
        read: (card) => card.#s.driverFeatures[card.#s.driverFeatureSelect] ?? 0,
        write: (card, value) => card.#writeFeatures(value),
      }),
      register(0x10, 2, 'config_msix_vector', 'MSI-X vector for changes of the configuration; 0xffff: none', {
        read: ({ device }) => device.configVector,
        write: (card, value) => card.device.setConfigVector(card.#pci.validVector(value)),
      }),
      register(0x12, 2, 'num_queues', 'how many queues there are', {
        read: ({ device }) => device.queues.length,
      }),
      register(0x14, 1, 'device_status', 'how far the driver got; writing 0 resets', {
        read: ({ device }) => device.status,
        write: (card, value) => card.#pci.writeStatus(value & 0xff),
      }),
      register(0x15, 1, 'config_generation', 'changes with the configuration', {
        read: ({ device }) => device.generation,
      }),
      register(0x16, 2, 'queue_select', 'the queue of the registers below', {
        read: ({ device }) => device.queueSelect,
        write: ({ device }, value) => {
          if (value < QUEUES) device.selectQueue(value);
        },
      }),
      register(0x18, 2, 'queue_size', 'entries; 0: there is no such queue', {
        read: ({ device }) => device.selectedQueue?.size ?? 0,
        write: ({ device }, value) => device.selectedQueue?.setSize(value & 0xffff),
      }),
      register(0x1a, 2, 'queue_msix_vector', 'MSI-X vector of the queue; 0xffff: none', {
        read: ({ device }) => device.selectedQueue?.vector ?? VIRTIO_NO_VECTOR,
        write: (card, value) => card.device.selectedQueue?.setVector(card.#pci.validVector(value)),
      }),
      register(0x1c, 2, 'queue_enable', 'writing 1 starts the queue', {
        read: (card) => card.#s.enabled[card.device.queueSelect] ?? 0,
        write: (card, value) => {
          if (value === 1) card.#enableQueue();
          else card.device.fault(`wrong value for queue_enable ${value}`);
        },
      }),
      register(
        0x1e,
        2,
        'queue_notify_off',
        'where the queue is notified, in steps of notify_off_multiplier',
        {
          read: ({ device }) => device.queueSelect,
        },
      ),
      ...ADDRESSES.map(addressRegister),
      register(0x3a, 2, 'queue_reset', 'writing 1 resets the queue', {
        write: (card, value) => {
          if (value === 1) card.#resetQueue();
        },
      }),
    ],
  );

  readonly #pci: VirtioPci;
  readonly #s: {
    deviceFeatureSelect: number;
    driverFeatureSelect: number;
    driverFeatures: Uint32Array;
    addresses: Uint32Array;
    enabled: Uint8Array;
  };

  readonly fields: StateKind<ModernState>;
  /** Of the BAR. */
  readonly sizeBytes: number;
  /** Notify_off_multiplier. */
  readonly #queueBytes: number;

  constructor(pci: VirtioPci, pagePerVq: boolean) {
    this.#pci = pci;
    this.#queueBytes = pagePerVq ? NOTIFY_OFF_MULTIPLIER_PAGE : NOTIFY_OFF_MULTIPLIER;
    const end = NOTIFY_REGION * REGION_SIZE + QUEUES * this.#queueBytes;
    this.sizeBytes = 2 ** Math.ceil(Math.log2(end));
    const queues = pci.device.queues.length;
    this.fields = record<ModernState>({
      deviceFeatureSelect: DWORD,
      driverFeatureSelect: DWORD,
      driverFeatures: typedArray(Uint32Array, 2),
      addresses: typedArray(Uint32Array, ADDRESS_WORDS * queues),
      enabled: bytes(queues),
    });
    this.#s = {
      deviceFeatureSelect: 0,
      driverFeatureSelect: 0,
      driverFeatures: new Uint32Array(2),
      addresses: new Uint32Array(ADDRESS_WORDS * queues),
      enabled: new Uint8Array(queues),
    };
  }

  read(offset: number, size: AccessSize): number {
    const at = offset % REGION_SIZE;
    switch (Math.floor(offset / REGION_SIZE)) {
      case COMMON_REGION:
        return (this.#readCommon(at, size) & OPEN_BUS[size]) >>> 0;
      case ISR_REGION:
        return this.#pci.readIsr();
      case DEVICE_REGION:
        return readConfig(this.#pci, at, size);
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): void {
    const at = offset % REGION_SIZE;
    switch (Math.floor(offset / REGION_SIZE)) {
      case COMMON_REGION:
        VirtioPciModern.registers.write(this, this.device.trace, at, size, value);
        break;
      case ISR_REGION:
        break;
      case DEVICE_REGION:
        this.#pci.device.writeConfig(at, size, value);
        break;
      default:
        this.#notify(offset - NOTIFY_REGION * REGION_SIZE, size, value);
        break;
    }
  }

  reset(): void {
    this.#s.deviceFeatureSelect = 0;
    this.#s.driverFeatureSelect = 0;
    this.#s.driverFeatures.fill(0);
    this.resetQueues();
  }

  /** QEMU: a device reset leaves the selectors and the written features. */
  resetQueues(): void {
    this.#s.addresses.fill(0);
    this.#s.enabled.fill(0);
  }

  save(): ModernState {
    return structuredClone(this.#s);
  }

  restore(state: ModernState): void {
    this.#s.deviceFeatureSelect = state.deviceFeatureSelect;
    this.#s.driverFeatureSelect = state.driverFeatureSelect;
    this.#s.driverFeatures.set(state.driverFeatures);
    this.#s.addresses.set(state.addresses);
    this.#s.enabled.set(state.enabled);
  }

  #notify(at: number, size: AccessSize, value: number): void {
    const { trace } = this.device;
    if (trace.on) trace.event('virtio_pci_notify_write', at, value, size);
    this.device.notify(Math.floor(at / this.#queueBytes));
  }

  get device(): VirtioDevice {
    return this.#pci.device;
  }

  queueAddress(word: number): number {
    return this.#s.addresses[ADDRESS_WORDS * this.device.queueSelect + word] ?? 0;
  }

  setQueueAddress(word: number, value: number): void {
    const at = ADDRESS_WORDS * this.device.queueSelect + word;
    if (at < this.#s.addresses.length) this.#s.addresses[at] = value;
  }

  #readCommon(at: number, size: AccessSize): number {
    return VirtioPciModern.registers.read(this, this.device.trace, at, size) ?? 0;
  }

  #writeFeatures(value: number): void {
    const { driverFeatures, driverFeatureSelect } = this.#s;
    if (driverFeatureSelect >= driverFeatures.length) return;
    driverFeatures[driverFeatureSelect] = value;
    const wanted = BigInt(driverFeatures[0]) | (BigInt(driverFeatures[1]) << HALF_BITS);
    // QEMU: the legacy trap bit is not shown here, but taken when a driver sets it.
    this.#pci.device.negotiate(wanted, this.#pci.offeredFeatures | VIRTIO_F_BAD_FEATURE);
  }

  #enableQueue(): void {
    const index = this.#pci.device.queueSelect;
    const queue = this.#pci.device.selectedQueue;
    if (queue === undefined) return;
    queue.setRings(this.#address(index, 0), this.#address(index, 1), this.#address(index, 2));
    this.#s.enabled[index] = 1;
  }

  #resetQueue(): void {
    const index = this.#pci.device.queueSelect;
    if (this.#pci.device.selectedQueue === undefined) return;
    this.#pci.device.resetQueue(index);
    this.#s.enabled[index] = 0;
  }

  #address(index: number, ring: number): number {
    const at = ADDRESS_WORDS * index + 2 * ring;
    return this.#s.addresses[at] + this.#s.addresses[at + 1] * 2 ** 32;
  }

  /** Announces the structures of BAR `bar` in config space, and the window onto them there. */
  addCapabilities(config: ConfigSpace, bar: number): void {
    for (const { at, type, length, region } of CAPABILITIES) {
      config.addCapability(PCI_CAP_ID_VNDR, at, length);
      config.set(at + 2, 1, length);
      config.set(at + 3, 1, type);
      config.set(at + CAP_BAR, 1, bar);
      config.set(at + CAP_OFFSET, 4, region * REGION_SIZE);
      config.set(
        at + CAP_STRUCT_LENGTH,
        4,
        region === NOTIFY_REGION ? QUEUES * this.#queueBytes : REGION_SIZE,
      );
      if (region === NOTIFY_REGION) config.set(at + CAP_EXTRA, 4, this.#queueBytes);
    }
    config.addCapability(PCI_CAP_ID_VNDR, PCI_CFG_CAP, CAP_LENGTH_EXTENDED);
    config.set(PCI_CFG_CAP + 2, 1, CAP_LENGTH_EXTENDED);
    config.set(PCI_CFG_CAP + 3, 1, PCI_CFG_CAP_TYPE);
    config.setWritable(PCI_CFG_CAP + CAP_BAR, 1, 0xff);
    config.setWritable(PCI_CFG_CAP + CAP_OFFSET, 4, 0xffffffff);
    config.setWritable(PCI_CFG_CAP + CAP_STRUCT_LENGTH, 4, 0xffffffff);
    config.setWritable(PCI_CFG_CAP + CAP_EXTRA, 4, 0xffffffff);
  }

  /** Carries out an access through the window: reading its data field fetches first, writing it stores after. */
  accessByConfig(config: ConfigSpace, offset: number, size: AccessSize, direction: 'read' | 'write'): void {
    const data = PCI_CFG_CAP + CAP_EXTRA;
    if (offset >= data + 4 || offset + size <= data) return;
    const length = config.read(PCI_CFG_CAP + CAP_STRUCT_LENGTH, 4);
    if (length !== 1 && length !== 2 && length !== 4) return;
    // QEMU: whatever BAR the driver names, and aligned to the length.
    const wanted = config.read(PCI_CFG_CAP + CAP_OFFSET, 4);
    const at = wanted - (wanted % length);
    if (at + length > this.sizeBytes) return;
    if (direction === 'read') config.set(data, length, this.read(at, length));
    else this.write(at, length, config.read(data, length));
  }
}

function half(features: bigint, select: number): number {
  return select < 2 ? Number((features >> (HALF_BITS * BigInt(select))) & LOW_HALF) : 0;
}
