/** The modern interface of virtio-pci, BAR 4 and its capabilities. Spec: virtio 1.2 §4.1.4. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';
import { bytes, DWORD, record, type StateKind, typedArray } from '../core/state-fields.ts';
import type { ConfigSpace } from '../pci/config-space.ts';
import { VIRTIO_F_ANY_LAYOUT, VIRTIO_F_BAD_FEATURE, VIRTIO_F_NOTIFY_ON_EMPTY } from './virtio-device.ts';
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

const COMMON_DFSELECT = 0x00;
const COMMON_DF = 0x04;
const COMMON_GFSELECT = 0x08;
const COMMON_GF = 0x0c;
const COMMON_MSIX = 0x10;
const COMMON_NUMQ = 0x12;
const COMMON_STATUS = 0x14;
const COMMON_CFGGENERATION = 0x15;
const COMMON_Q_SELECT = 0x16;
const COMMON_Q_SIZE = 0x18;
const COMMON_Q_MSIX = 0x1a;
const COMMON_Q_ENABLE = 0x1c;
const COMMON_Q_NOFF = 0x1e;
/** Six dwords: descriptor, available and used address, low half first. */
const COMMON_Q_DESCLO = 0x20;
const COMMON_Q_USEDHI = 0x34;
const COMMON_Q_RESET = 0x3a;
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

export class VirtioPciModern implements IoHandler {
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
        return (this.#readCommon(at) & OPEN_BUS[size]) >>> 0;
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
        this.#writeCommon(at, value);
        break;
      case ISR_REGION:
        break;
      case DEVICE_REGION:
        this.#pci.device.writeConfig(at, size, value);
        break;
      default:
        this.#pci.device.notify(Math.floor((offset - NOTIFY_REGION * REGION_SIZE) / this.#queueBytes));
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

  #readCommon(at: number): number {
    const { device } = this.#pci;
    if (at >= COMMON_Q_DESCLO && at <= COMMON_Q_USEDHI) return this.#readAddress(at);
    switch (at) {
      case COMMON_DFSELECT:
        return this.#s.deviceFeatureSelect;
      case COMMON_DF:
        return half(this.#pci.offeredFeatures & ~LEGACY_FEATURES, this.#s.deviceFeatureSelect);
      case COMMON_GFSELECT:
        return this.#s.driverFeatureSelect;
      case COMMON_GF:
        return this.#s.driverFeatures[this.#s.driverFeatureSelect] ?? 0;
      case COMMON_MSIX:
        return device.configVector;
      case COMMON_NUMQ:
        return device.queues.length;
      case COMMON_STATUS:
        return device.status;
      case COMMON_CFGGENERATION:
        return device.generation;
      case COMMON_Q_SELECT:
        return device.queueSelect;
      case COMMON_Q_SIZE:
        return device.selectedQueue?.size ?? 0;
      case COMMON_Q_MSIX:
        return device.selectedQueue?.vector ?? VIRTIO_NO_VECTOR;
      case COMMON_Q_ENABLE:
        return this.#s.enabled[device.queueSelect] ?? 0;
      case COMMON_Q_NOFF:
        return device.queueSelect;
      default:
        return 0;
    }
  }

  #writeCommon(at: number, value: number): void {
    const { device } = this.#pci;
    if (at >= COMMON_Q_DESCLO && at <= COMMON_Q_USEDHI) this.#writeAddress(at, value);
    switch (at) {
      case COMMON_DFSELECT:
        this.#s.deviceFeatureSelect = value;
        break;
      case COMMON_GFSELECT:
        this.#s.driverFeatureSelect = value;
        break;
      case COMMON_GF:
        this.#writeFeatures(value);
        break;
      case COMMON_MSIX:
        device.setConfigVector(this.#pci.validVector(value));
        break;
      case COMMON_STATUS:
        this.#pci.writeStatus(value & 0xff);
        break;
      case COMMON_Q_SELECT:
        if (value < QUEUES) device.selectQueue(value);
        break;
      case COMMON_Q_SIZE:
        device.selectedQueue?.setSize(value & 0xffff);
        break;
      case COMMON_Q_MSIX:
        device.selectedQueue?.setVector(this.#pci.validVector(value));
        break;
      case COMMON_Q_ENABLE:
        if (value === 1) this.#enableQueue();
        else device.fault(`wrong value for queue_enable ${value}`);
        break;
      case COMMON_Q_RESET:
        if (value === 1) this.#resetQueue();
        break;
    }
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

  #readAddress(at: number): number {
    if (at % 4 !== 0) return 0;
    return this.#s.addresses[this.#addressWord(at)] ?? 0;
  }

  #writeAddress(at: number, value: number): void {
    const word = this.#addressWord(at);
    if (at % 4 === 0 && word < this.#s.addresses.length) this.#s.addresses[word] = value;
  }

  #addressWord(at: number): number {
    return ADDRESS_WORDS * this.#pci.device.queueSelect + (at - COMMON_Q_DESCLO) / 4;
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
