/** A namespace: a drive, cut into blocks. What Identify tells of it is QEMU's. Spec: NVMe 1.4 §5.15.2.1. */
import type { BlockBackend } from '../block/block-backend.ts';
import type { IoErrorListener } from '../block/block-errors.ts';
import type { BlockLimits } from '../block/block-properties.ts';
import type { DriveGate } from '../block/drive-gate.ts';
import type { Device } from '../core/device.ts';
import { BOOLEAN, BYTE, DWORD, record } from '../core/state-fields.ts';

export const IDENTIFY_BYTES = 4096;

/** Log2 of the block sizes and the metadata bytes of each format. QEMU: its table of them. */
const FORMATS: readonly (readonly [shift: number, metadata: number])[] = [
  [9, 0],
  [9, 8],
  [9, 16],
  [9, 64],
  [12, 0],
  [12, 8],
  [12, 16],
  [12, 64],
];

export interface NvmeNamespaceProperties {
  readonly nsid: number;
  readonly limits: BlockLimits;
  readonly writeCache: boolean;
  readonly isShared: boolean;
  /** 16 bytes; undefined: none. */
  readonly uuid: Uint8Array | undefined;
  /** 0: none. */
  readonly eui64: bigint;
  /** Limits of Copy, in blocks, and in sources less one. */
  readonly maxSourceBlocks: number;
  readonly maxCopyBlocks: number;
  readonly maxSources: number;
}

export interface NamespaceWiring {
  readonly backend: BlockBackend;
  readonly gate: DriveGate;
  readonly onError: IoErrorListener;
}

export type NvmeNamespaceState = {
  /** The format that it has, a place in `FORMATS`, or behind them for one of its own. */
  readonly format: number;
  /** The feature Error Recovery. */
  readonly errorRecovery: number;
  readonly writeCache: boolean;
};

export class NvmeNamespace implements Device<NvmeNamespaceState> {
  readonly vmstate = {
    name: 'nvme-ns',
    version: 1,
    fields: record<NvmeNamespaceState>({
      format: BYTE,
      errorRecovery: DWORD,
      writeCache: BOOLEAN,
    }),
  };
  readonly properties: NvmeNamespaceProperties;
  readonly backend: BlockBackend;
  readonly gate: DriveGate;
  readonly onError: IoErrorListener;
  /** FORMAT NVM is under way: nothing else is done. The command itself is in the state of its controller. */
  isFormatting = false;
  readonly #formats: readonly (readonly [shift: number, metadata: number])[];
  readonly #s: { -readonly [K in keyof NvmeNamespaceState]: NvmeNamespaceState[K] };

  constructor(properties: NvmeNamespaceProperties, { backend, gate, onError }: NamespaceWiring) {
    this.properties = properties;
    this.backend = backend;
    this.gate = gate;
    this.onError = onError;
    const shift = Math.log2(properties.limits.logicalBlockSize);
    const known = FORMATS.some(([own, metadata]) => own === shift && metadata === 0);
    this.#formats = known ? FORMATS : [...FORMATS, [shift, 0]];
    this.#s = this.#powerOn();
  }

  get nsid(): number {
    return this.properties.nsid;
  }

  get blockShift(): number {
    return (this.#formats[this.#s.format] ?? [9, 0])[0];
  }

  get blocks(): number {
    return Math.floor(this.backend.sizeBytes / 2 ** this.blockShift);
  }

  get errorRecovery(): number {
    return this.#s.errorRecovery;
  }

  set errorRecovery(value: number) {
    this.#s.errorRecovery = value;
  }

  get writeCache(): boolean {
    return this.#s.writeCache;
  }

  set writeCache(value: boolean) {
    this.#s.writeCache = value;
  }

  /**
   * Whether the namespace can have the format. Not modelled: metadata, so that formats with it are told and cannot be had; QEMU keeps metadata behind
   * the blocks.
   */
  canFormat(format: number): boolean {
    return this.#formats[format]?.[1] === 0;
  }

  setFormat(format: number): void {
    this.#s.format = format;
  }

  /** False: some of the blocks are beyond the end. */
  inRange(block: number, blocks: number): boolean {
    return block + blocks <= this.blocks;
  }

  /** What Identify says of it. */
  identify(): Uint8Array {
    const bytes = new Uint8Array(IDENTIFY_BYTES);
    const view = new DataView(bytes.buffer);
    const { limits, isShared } = this.properties;
    for (const offset of [0, 8, 16]) view.setBigUint64(offset, BigInt(this.blocks), true);
    view.setUint8(24, 0x14); // NSFEAT: deallocated blocks are told, and how to reach best performance
    view.setUint8(25, this.#formats.length - 1);
    view.setUint8(26, this.#s.format);
    view.setUint8(27, 0x03); // MC
    view.setUint8(28, 0x1f); // DPC
    view.setUint8(30, isShared ? 1 : 0); // NMIC
    view.setUint8(33, 0x01); // DLFEAT: deallocated blocks read as zeros
    const granularity = limits.discardGranularity ?? 4096;
    const granule = granularity / 2 ** this.blockShift - 1;
    view.setUint16(68, granule, true); // NPDG
    view.setUint16(70, granule, true); // NPDA
    view.setUint16(74, this.properties.maxSourceBlocks, true);
    view.setUint32(76, this.properties.maxCopyBlocks, true);
    view.setUint8(80, this.properties.maxSources);
    for (const [n, [shift, metadata]] of this.#formats.entries()) {
      view.setUint16(128 + 4 * n, metadata, true);
      view.setUint8(130 + 4 * n, shift);
    }
    bytes.set(eui64Bytes(this.properties.eui64), 120);
    return bytes;
  }

  /** The names that the namespace has, as CNS 03h lists them. Spec: §5.15.2.4. */
  descriptors(): Uint8Array {
    const { uuid, eui64 } = this.properties;
    const names: readonly (readonly [type: number, bytes: Uint8Array])[] = [
      ...(uuid === undefined ? [] : [[3, uuid] as const]),
      ...(eui64 === 0n ? [] : [[1, eui64Bytes(eui64)] as const]),
      [4, Uint8Array.of(0)],
    ];
    const bytes = new Uint8Array(IDENTIFY_BYTES);
    let at = 0;
    for (const [type, name] of names) {
      bytes[at] = type;
      bytes[at + 1] = name.length;
      bytes.set(name, at + 4);
      at += 4 + name.length;
    }
    return bytes;
  }

  reset(): void {
    Object.assign(this.#s, this.#powerOn());
  }

  save(): NvmeNamespaceState {
    return { ...this.#s };
  }

  restore(state: NvmeNamespaceState): void {
    const format = this.canFormat(state.format) ? state.format : this.#powerOn().format;
    Object.assign(this.#s, { ...state, format });
  }

  #powerOn(): NvmeNamespaceState {
    const shift = Math.log2(this.properties.limits.logicalBlockSize);
    const format = this.#formats.findIndex(([own, metadata]) => own === shift && metadata === 0);
    return { format, errorRecovery: 0, writeCache: this.properties.writeCache };
  }
}

function eui64Bytes(eui64: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, eui64);
  return bytes;
}
