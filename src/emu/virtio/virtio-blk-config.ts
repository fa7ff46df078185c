/**
 * What a virtio block device says of itself: feature bits and the configuration structure.
 * Spec: virtio 1.2 §5.2.3–5.2.4; which of them are there is QEMU's choice.
 */
import type { BlockBackend } from '../block/block-backend.ts';

export const VIRTIO_BLK_SECTOR_SIZE = 512;

const VIRTIO_BLK_F_SEG_MAX = 1n << 2n;
const VIRTIO_BLK_F_GEOMETRY = 1n << 4n;
const VIRTIO_BLK_F_RO = 1n << 5n;
const VIRTIO_BLK_F_BLK_SIZE = 1n << 6n;
/** QEMU: offered, though not implemented, by a device without the modern interface. */
export const VIRTIO_BLK_F_SCSI = 1n << 7n;
export const VIRTIO_BLK_F_FLUSH = 1n << 9n;
const VIRTIO_BLK_F_TOPOLOGY = 1n << 10n;
export const VIRTIO_BLK_F_CONFIG_WCE = 1n << 11n;
const VIRTIO_BLK_F_MQ = 1n << 12n;
const VIRTIO_BLK_F_DISCARD = 1n << 13n;
const VIRTIO_BLK_F_WRITE_ZEROES = 1n << 14n;

const SEG_MAX = 12;
const GEOMETRY = 16;
const BLK_SIZE = 20;
const PHYSICAL_BLOCK_EXP = 24;
const MIN_IO_SIZE = 26;
const OPT_IO_SIZE = 28;
export const WCE_OFFSET = 32;
const NUM_QUEUES = 34;
const MAX_DISCARD_SECTORS = 36;
const MAX_DISCARD_SEG = 40;
const DISCARD_SECTOR_ALIGNMENT = 44;
const MAX_WRITE_ZEROES_SECTORS = 48;
const MAX_WRITE_ZEROES_SEG = 52;
const WRITE_ZEROES_MAY_UNMAP = 56;

/** QEMU: fallback geometry of a disk without a partition table. */
const HEADS = 16;
const SECTORS_PER_TRACK = 63;
const MAX_CYLINDERS = 16383;

/** QEMU's properties of virtio-blk, with its names in camel case. Sizes in bytes unless the name says sectors. */
export interface VirtioBlkProperties {
  readonly serial: string;
  readonly logicalBlockSize: number;
  readonly physicalBlockSize: number;
  readonly minIoSize: number;
  readonly optIoSize: number;
  /** write-cache: true is writeback. */
  readonly writeCache: boolean;
  readonly configWce: boolean;
  readonly numQueues: number;
  readonly queueSize: number;
  readonly segMaxAdjust: boolean;
  readonly discard: boolean;
  readonly discardGranularity: number | undefined;
  readonly writeZeroes: boolean;
  readonly maxDiscardSectors: number;
  readonly maxWriteZeroesSectors: number;
}

export const VIRTIO_BLK_DEFAULTS: VirtioBlkProperties = {
  serial: '',
  logicalBlockSize: 512,
  physicalBlockSize: 512,
  minIoSize: 0,
  optIoSize: 0,
  writeCache: true,
  configWce: true,
  numQueues: 1,
  queueSize: 256,
  segMaxAdjust: true,
  discard: true,
  discardGranularity: undefined,
  writeZeroes: true,
  maxDiscardSectors: 0x3fffff,
  maxWriteZeroesSectors: 0x3fffff,
};

export class BlkConfig {
  readonly properties: VirtioBlkProperties;
  /** Bytes of the structure: the fields of the last feature end it. */
  readonly length: number;
  readonly #backend: BlockBackend;

  constructor(properties: VirtioBlkProperties, backend: BlockBackend) {
    this.properties = properties;
    this.#backend = backend;
    if (properties.writeZeroes) this.length = WRITE_ZEROES_MAY_UNMAP + 1;
    else this.length = properties.discard ? MAX_WRITE_ZEROES_SECTORS : MAX_DISCARD_SECTORS;
  }

  features(writeCache: boolean): bigint {
    const { configWce, numQueues, discard, writeZeroes } = this.properties;
    const choose = (on: boolean, feature: bigint): bigint => (on ? feature : 0n);
    return (
      VIRTIO_BLK_F_SEG_MAX |
      VIRTIO_BLK_F_GEOMETRY |
      VIRTIO_BLK_F_BLK_SIZE |
      VIRTIO_BLK_F_TOPOLOGY |
      choose(this.#backend.readOnly, VIRTIO_BLK_F_RO) |
      choose(writeCache || configWce, VIRTIO_BLK_F_FLUSH) |
      choose(configWce, VIRTIO_BLK_F_CONFIG_WCE) |
      choose(numQueues > 1, VIRTIO_BLK_F_MQ) |
      choose(discard, VIRTIO_BLK_F_DISCARD) |
      choose(writeZeroes, VIRTIO_BLK_F_WRITE_ZEROES)
    );
  }

  bytes(writeCache: boolean): Uint8Array {
    const { properties } = this;
    const bytes = new Uint8Array(WRITE_ZEROES_MAY_UNMAP + 4);
    const view = new DataView(bytes.buffer);
    const capacity = this.#sectors;
    view.setUint32(0, capacity % 2 ** 32, true);
    view.setUint32(4, Math.floor(capacity / 2 ** 32), true);
    view.setUint32(SEG_MAX, properties.segMaxAdjust ? properties.queueSize - 2 : 126, true);
    view.setUint16(GEOMETRY, cylinders(capacity), true);
    bytes[GEOMETRY + 2] = HEADS;
    // QEMU: whole logical blocks per track.
    const trackMask = properties.logicalBlockSize / VIRTIO_BLK_SECTOR_SIZE - 1;
    bytes[GEOMETRY + 3] = SECTORS_PER_TRACK & ~trackMask;
    view.setUint32(BLK_SIZE, properties.logicalBlockSize, true);
    bytes[PHYSICAL_BLOCK_EXP] = Math.log2(properties.physicalBlockSize / properties.logicalBlockSize);
    view.setUint16(MIN_IO_SIZE, properties.minIoSize / properties.logicalBlockSize, true);
    view.setUint32(OPT_IO_SIZE, properties.optIoSize / properties.logicalBlockSize, true);
    bytes[WCE_OFFSET] = writeCache ? 1 : 0;
    view.setUint16(NUM_QUEUES, properties.numQueues, true);
    if (properties.discard) {
      const granularity = properties.discardGranularity ?? properties.logicalBlockSize;
      view.setUint32(MAX_DISCARD_SECTORS, properties.maxDiscardSectors, true);
      view.setUint32(MAX_DISCARD_SEG, 1, true);
      view.setUint32(DISCARD_SECTOR_ALIGNMENT, granularity / VIRTIO_BLK_SECTOR_SIZE, true);
    }
    if (properties.writeZeroes) {
      view.setUint32(MAX_WRITE_ZEROES_SECTORS, properties.maxWriteZeroesSectors, true);
      view.setUint32(MAX_WRITE_ZEROES_SEG, 1, true);
      bytes[WRITE_ZEROES_MAY_UNMAP] = 1;
    }
    return bytes.subarray(0, this.length);
  }

  /** True when a request of `total` bytes at `diskOffset` lies on the disk and on whole logical blocks. */
  inRange({ diskOffset, total }: { readonly diskOffset: number; readonly total: number }): boolean {
    const { logicalBlockSize } = this.properties;
    if (total % logicalBlockSize !== 0 || diskOffset % logicalBlockSize !== 0) return false;
    return diskOffset + total <= this.#sectors * VIRTIO_BLK_SECTOR_SIZE;
  }

  get #sectors(): number {
    return Math.floor(this.#backend.sizeBytes / VIRTIO_BLK_SECTOR_SIZE);
  }
}

function cylinders(sectors: number): number {
  return Math.min(MAX_CYLINDERS, Math.max(2, Math.floor(sectors / (HEADS * SECTORS_PER_TRACK))));
}
