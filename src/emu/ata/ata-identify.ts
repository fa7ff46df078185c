/** What IDENTIFY DEVICE and IDENTIFY PACKET DEVICE tell. Spec: ATA/ATAPI-6 §8.15, §8.16. The values are QEMU's. */
import type { AtaProperties } from './ata-device.ts';
import { MAX_MULTIPLE } from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';

export const IDENTITY_BYTES = 512;
/** Words of it. */
const WORD_SINGLE_DMA = 62;
const WORD_CACHE = 85;
const WORD_ULTRA_DMA = 88;
const LBA28_MAX = 2 ** 28 - 1;
const LIMIT_16 = 65_536;

/** NOP and SMART are there, and the write cache, or it is on. */
const CACHE_ON = 0x4021;
const CACHE_OFF = 0x4001;
const DMA_MODES = 0x07;
const ULTRA_DMA_MODES = 0x3f;
const TRIM = 1;
const TRIM_IS_DETERMINATE = 0x4000;

class Words {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  put(word: number, ...values: readonly number[]): void {
    for (const [n, value] of values.entries()) this.#view.setUint16(2 * (word + n), value & 0xffff, true);
  }

  /** The two characters of a word are the other way round. */
  text(word: number, text: string, length: number): void {
    const padded = new Uint8Array(length).fill(0x20);
    padded.set(new TextEncoder().encode(text).subarray(0, length));
    for (const [n, byte] of padded.entries()) this.bytes[2 * word + (n ^ 1)] = byte;
  }

  wwn(wwn: bigint): void {
    if (wwn === 0n) return;
    for (let n = 0; n < 4; n++) this.put(108 + n, Number((wwn >> BigInt(48 - 16 * n)) & 0xffffn));
  }
}

/** @param queues commands that the bus takes at once; 0: one */
export function identify(unit: AtaUnit, queues: number): Uint8Array {
  const { kept } = unit;
  kept.identity ??= unit.kind === 'cd' ? packetIdentity(unit, queues) : diskIdentity(unit, queues);
  return kept.identity.slice();
}

function diskIdentity({ device, kept, s }: AtaUnit, queues: number): Uint8Array {
  const words = new Words(new Uint8Array(IDENTITY_BYTES));
  const { properties } = device ?? {};
  if (properties === undefined) return words.bytes;
  const { cylinders } = properties.geometry;
  const { heads, trackSectors } = kept;
  const chs = cylinders * heads * trackSectors;
  const hasWwn = properties.wwn !== 0n ? 0x4100 : 0x4000;
  words.put(0, 0x0040, cylinders, 0, heads, 512 * trackSectors, 512, trackSectors);
  names(words, properties);
  words.put(47, 0x8000 | MAX_MULTIPLE, 1, 0x0b00);
  words.put(51, 0x0200, 0x0200, 0x0007);
  words.put(54, cylinders, heads, trackSectors, chs, Math.floor(chs / LIMIT_16));
  if (s.multiple !== 0) words.put(59, 0x100 | s.multiple);
  words.put(WORD_SINGLE_DMA, DMA_MODES, DMA_MODES, 0x03, 120, 120, 120, 120);
  if (properties.discards) words.put(69, TRIM_IS_DETERMINATE);
  if (queues > 0) words.put(75, queues - 1, 0x0100);
  words.put(80, 0x00f0, 0x0016, CACHE_ON, 0x7400, hasWwn);
  words.put(WORD_CACHE, kept.writeCache ? CACHE_ON : CACHE_OFF, 0x3400, hasWwn);
  words.put(WORD_ULTRA_DMA, ULTRA_DMA_MODES | 0x2000);
  words.put(93, 0x6001);
  words.put(106, 0x6000 | properties.physicalBlockExponent);
  words.wwn(properties.wwn);
  if (properties.discards) words.put(169, TRIM);
  words.put(217, properties.rotationRate);
  putSize(words, kept.sectors);
  return words.bytes;
}

function packetIdentity({ device }: AtaUnit, queues: number): Uint8Array {
  const words = new Words(new Uint8Array(IDENTITY_BYTES));
  const { properties } = device ?? {};
  if (properties === undefined) return words.bytes;
  // A CD-ROM that can be taken out, with packets of 12 bytes.
  words.put(0, 0x85c0);
  names(words, properties);
  words.put(48, 1, 0x0300);
  words.put(53, 0x0007);
  words.put(WORD_SINGLE_DMA, DMA_MODES, DMA_MODES, 0x03, 0xb4, 0xb4, 0x12c, 0xb4);
  words.put(71, 30, 30);
  if (queues > 0) words.put(75, queues - 1, 0x0100);
  words.put(80, 0x001e);
  if (properties.wwn !== 0n) words.put(87, 0x0100);
  words.put(WORD_ULTRA_DMA, ULTRA_DMA_MODES | 0x2000);
  words.wwn(properties.wwn);
  return words.bytes;
}

function names(words: Words, { serial, version, model }: AtaProperties): void {
  words.text(10, serial, 20);
  words.put(20, 3, 512, 4);
  words.text(23, version, 8);
  words.text(27, model, 40);
}

function putSize(words: Words, sectors: number): void {
  const short = Math.min(sectors, LBA28_MAX);
  words.put(60, short, Math.floor(short / LIMIT_16));
  words.put(100, ...[0, 16, 32, 48].map((shift) => Math.floor(sectors / 2 ** shift) % LIMIT_16));
}

/** The disk has another size. */
export function changeSize({ kept }: AtaUnit): void {
  if (kept.identity !== null) putSize(new Words(kept.identity), kept.sectors);
}

/** The driver has turned the write cache on or off. QEMU: told only from then on, whether or not a driver asked before. */
export function changeCache({ kept }: AtaUnit): void {
  if (kept.identity !== null)
    new Words(kept.identity).put(WORD_CACHE, kept.writeCache ? CACHE_ON : CACHE_OFF);
}

/**
 * SET FEATURES, set transfer mode.
 * @param mode its kind in bits 3 to 7, its number below
 * @returns false for a kind that there is not
 */
export function changeTransferMode({ kept }: AtaUnit, mode: number): boolean {
  const chosen = 0x100 << (mode & 7);
  const type = mode >> 3;
  if (![0, 1, 2, 4, 8].includes(type)) return false;
  if (kept.identity === null) return true;
  const words = new Words(kept.identity);
  words.put(WORD_SINGLE_DMA, DMA_MODES | (type === 2 ? chosen : 0), DMA_MODES | (type === 4 ? chosen : 0));
  words.put(WORD_ULTRA_DMA, ULTRA_DMA_MODES | (type === 8 ? chosen : 0));
  return true;
}
