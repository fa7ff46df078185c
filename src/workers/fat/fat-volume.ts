/**
 * Reads the files of a FAT file system: FAT12, FAT16 and FAT32, with or without a partition table around it. Nothing of it is trusted: a guest wrote it.
 * Spec: Microsoft FAT specification (FAT: General Overview of On-Disk Format, 1.03).
 */
import { ENTRY_BYTES, LONE_SURROGATE, LONG_NAME, PART_CHARACTERS, shortNameChecksum } from './fat-names.ts';

const SECTOR = 512;
const FIRST_CLUSTER = 2;
/** Spec: "FAT Type Determination": the number of clusters alone says which it is. */
const FAT12_CLUSTERS = 4085;
const FAT16_CLUSTERS = 65_525;
const FAT32_MASK = 0x0fff_ffff;
const DIRECTORY = 0x10;
const VOLUME_LABEL = 0x08;
const DELETED = 0xe5;
/** In the place of a first byte of 0xe5. */
const KANJI_E5 = 0x05;
const NAME_IS_SMALL = 0x08;
const EXTENSION_IS_SMALL = 0x10;
/** The longest directory that FAT allows. */
const DIRECTORY_MAX_BYTES = 65_536 * ENTRY_BYTES;
const PIECE = 2 ** 20;
const PARTITIONS = 4;
const EXTENDED = [0x05, 0x0f, 0x85];

export interface FatEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Where its bytes begin. */
  readonly cluster: number;
}

/** Where the volume is kept. */
export interface VolumeSource {
  readonly sizeBytes: number;
  read(offset: number, target: Uint8Array): Promise<void>;
}

interface Geometry {
  readonly at: number;
  readonly bits: 12 | 16 | 32;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly tableAt: number;
  readonly dataAt: number;
  /** Of FAT12 and FAT16, whose root is no chain. */
  readonly rootAt: number;
  readonly rootBytes: number;
  readonly rootCluster: number;
}

export class FatVolume {
  readonly #source: VolumeSource;
  readonly #geometry: Geometry;

  private constructor(source: VolumeSource, geometry: Geometry) {
    this.#source = source;
    this.#geometry = geometry;
  }

  /** The first FAT file system of the image: in a partition, or all of it. Undefined when there is none. */
  static async find(source: VolumeSource): Promise<FatVolume | undefined> {
    const first = await readAt(source, 0, SECTOR);
    const starts = [0, ...partitionStarts(first)];
    for (const at of starts) {
      const geometry = geometryOf(await readAt(source, at, SECTOR), at, source.sizeBytes);
      if (geometry !== undefined) return new FatVolume(source, geometry);
    }
    return undefined;
  }

  /** What is in a folder; without one, in the root. */
  async list(folder?: FatEntry): Promise<readonly FatEntry[]> {
    const { rootAt, rootBytes, rootCluster } = this.#geometry;
    // The number 0 is the root's, in the entry `..` of a folder.
    const cluster = folder === undefined || folder.cluster === 0 ? rootCluster : folder.cluster;
    if (cluster === 0) return entriesOf(await readAt(this.#source, rootAt, rootBytes));
    return entriesOf(await this.#whole(cluster, DIRECTORY_MAX_BYTES));
  }

  /** The entry at the end of these names; undefined where one of them is not there. */
  async find(names: readonly string[]): Promise<FatEntry | undefined> {
    let found: FatEntry | undefined;
    for (const name of names) {
      if (found !== undefined && !found.isFolder) return undefined;
      found = (await this.list(found)).find((entry) => entry.name === name);
      if (found === undefined) return undefined;
    }
    return found;
  }

  /** The bytes of a file. Throws a sentence where its clusters end before it does. */
  async *bytes(file: FatEntry): AsyncGenerator<Uint8Array> {
    let left = file.sizeBytes;
    for await (const { offset, length } of this.#runs(file.cluster)) {
      for (let done = 0; done < length && left > 0; ) {
        const count = Math.min(length - done, left, PIECE);
        yield await readAt(this.#source, offset + done, count);
        done += count;
        left -= count;
      }
      if (left === 0) return;
    }
    if (left > 0) throw new Error(`${file.name} is damaged: its clusters end before it does`);
  }

  async #whole(cluster: number, maxBytes: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let total = 0;
    for await (const { offset, length } of this.#runs(cluster)) {
      const count = Math.min(length, maxBytes - total);
      pieces.push(await readAt(this.#source, offset, count));
      total += count;
      if (total === maxBytes) break;
    }
    const bytes = new Uint8Array(total);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /** Neighbouring clusters of a chain together. No chain is longer than the volume. */
  async *#runs(first: number): AsyncGenerator<{ readonly offset: number; readonly length: number }> {
    const { clusterBytes, clusters, dataAt } = this.#geometry;
    const isCluster = (cluster: number): boolean =>
      cluster >= FIRST_CLUSTER && cluster < FIRST_CLUSTER + clusters;
    const table = new TableReader(this.#source, this.#geometry);
    let start = first;
    let count = 0;
    let cluster = first;
    for (let seen = 0; seen < clusters && isCluster(cluster); seen++) {
      count++;
      const next = await table.next(cluster);
      if (next !== cluster + 1 || count * clusterBytes >= PIECE) {
        yield { offset: dataAt + (start - FIRST_CLUSTER) * clusterBytes, length: count * clusterBytes };
        start = next;
        count = 0;
      }
      cluster = next;
    }
    if (count > 0)
      yield { offset: dataAt + (start - FIRST_CLUSTER) * clusterBytes, length: count * clusterBytes };
  }
}

/** Entries of the table, of which a piece is kept. */
class TableReader {
  readonly #source: VolumeSource;
  readonly #geometry: Geometry;
  #at = -1;
  #piece = new DataView(new ArrayBuffer(0));

  constructor(source: VolumeSource, geometry: Geometry) {
    this.#source = source;
    this.#geometry = geometry;
  }

  async next(cluster: number): Promise<number> {
    const { bits, tableAt, dataAt } = this.#geometry;
    const at = tableAt + Math.floor((cluster * bits) / 8);
    // An entry of 12 bits may lie on both sides of a border: one byte more is read.
    if (this.#at < 0 || at < this.#at || at + 4 > this.#at + this.#piece.byteLength) {
      this.#at = at;
      const bytes = await readAt(this.#source, at, Math.min(64 * SECTOR, Math.max(dataAt - at, 0)));
      const roomy = new Uint8Array(bytes.length + 4);
      roomy.set(bytes);
      this.#piece = new DataView(roomy.buffer);
    }
    const offset = at - this.#at;
    if (bits === 32) return this.#piece.getUint32(offset, true) & FAT32_MASK;
    const word = this.#piece.getUint16(offset, true);
    if (bits === 16) return word;
    return cluster % 2 === 0 ? word & 0xfff : word >> 4;
  }
}

/** As much as there is; zeros behind the end. */
async function readAt(source: VolumeSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const there = Math.max(0, Math.min(length, source.sizeBytes - offset));
  if (there > 0) await source.read(offset, bytes.subarray(0, there));
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function partitionStarts(sector: Uint8Array): readonly number[] {
  const view = viewOf(sector);
  if (view.getUint16(510, true) !== 0xaa55) return [];
  const starts: number[] = [];
  for (let index = 0; index < PARTITIONS; index++) {
    const at = 446 + 16 * index;
    const type = sector[at + 4] ?? 0;
    if (type !== 0 && !EXTENDED.includes(type)) starts.push(view.getUint32(at + 8, true) * SECTOR);
  }
  return starts;
}

/** What a boot sector says, if it can be true. */
function geometryOf(boot: Uint8Array, at: number, sizeBytes: number): Geometry | undefined {
  const view = viewOf(boot);
  const sectorBytes = view.getUint16(11, true);
  const perCluster = boot[13] ?? 0;
  const reserved = view.getUint16(14, true);
  const tables = boot[16] ?? 0;
  const rootEntries = view.getUint16(17, true);
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const tableSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
  if (view.getUint16(510, true) !== 0xaa55) return undefined;
  if (!isPower(sectorBytes) || sectorBytes < SECTOR || sectorBytes > 4096 || !isPower(perCluster))
    return undefined;
  if (reserved === 0 || tables === 0 || tables > 4 || tableSectors === 0) return undefined;
  const rootBytes = rootEntries * ENTRY_BYTES;
  const rootAt = at + (reserved + tables * tableSectors) * sectorBytes;
  const dataAt = rootAt + Math.ceil(rootBytes / sectorBytes) * sectorBytes;
  const clusterBytes = perCluster * sectorBytes;
  const clusters = Math.floor((Math.min(at + sectors * sectorBytes, sizeBytes) - dataAt) / clusterBytes);
  if (clusters < 1) return undefined;
  const declared = Math.floor((at + sectors * sectorBytes - dataAt) / clusterBytes);
  const bits = declared < FAT12_CLUSTERS ? 12 : declared < FAT16_CLUSTERS ? 16 : 32;
  const rootCluster = bits === 32 ? view.getUint32(44, true) : 0;
  if ((bits === 32) !== (rootEntries === 0)) return undefined;
  return {
    at,
    bits,
    clusterBytes,
    clusters,
    tableAt: at + reserved * sectorBytes,
    dataAt,
    rootAt,
    rootBytes,
    rootCluster,
  };
}

function entriesOf(bytes: Uint8Array): readonly FatEntry[] {
  const found: FatEntry[] = [];
  let long = new LongName();
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const entry = bytes.subarray(at, at + ENTRY_BYTES);
    const first = entry[0] ?? 0;
    if (first === 0) break;
    const attributes = entry[11] ?? 0;
    if (first === DELETED) long = new LongName();
    else if ((attributes & LONG_NAME) === LONG_NAME) long.add(entry);
    else {
      const read = entryOf(entry, attributes, long);
      if (read !== undefined) found.push(read);
      long = new LongName();
    }
  }
  return found;
}

function entryOf(entry: Uint8Array, attributes: number, long: LongName): FatEntry | undefined {
  const short = String.fromCharCode(...entry.subarray(0, 11));
  if ((attributes & VOLUME_LABEL) !== 0 || /^\.\.? +$/.test(short)) return undefined;
  const view = viewOf(entry);
  const isFolder = (attributes & DIRECTORY) !== 0;
  return {
    name: long.take(shortNameChecksum(short)) ?? plainName(entry),
    isFolder,
    sizeBytes: isFolder ? 0 : view.getUint32(28, true),
    modifiedMs: timeOf(view.getUint16(24, true), view.getUint16(22, true)),
    cluster: ((view.getUint16(20, true) << 16) | view.getUint16(26, true)) >>> 0,
  };
}

/** The parts of a long name, which come last part first. */
class LongName {
  readonly #parts: string[] = [];
  #checksum = -1;
  #left = -1;

  add(entry: Uint8Array): void {
    const order = entry[0] ?? 0;
    if ((order & 0x40) !== 0) {
      this.#parts.length = 0;
      this.#left = order & 0x3f;
      this.#checksum = entry[13] ?? 0;
    } else if (order !== this.#left || entry[13] !== this.#checksum) {
      this.#left = -1;
      return;
    }
    const view = viewOf(entry);
    this.#parts.unshift(String.fromCharCode(...PART_CHARACTERS.map((at) => view.getUint16(at, true))));
    this.#left--;
  }

  /** Undefined when parts are missing or belong to another short name. */
  take(checksum: number): string | undefined {
    if (this.#left !== 0 || checksum !== this.#checksum) return undefined;
    const [name = ''] = this.#parts.join('').split('\0', 1);
    return name === '' || name.includes('/') ? undefined : name.replace(LONE_SURROGATE, '\ufffd');
  }
}

function plainName(entry: Uint8Array): string {
  const bytes = Uint8Array.from(entry.subarray(0, 11));
  if (bytes[0] === KANJI_E5) bytes[0] = DELETED;
  const flags = entry[12] ?? 0;
  // Beyond ASCII the meaning depends on the computer that wrote it.
  const characters = (from: number, to: number, isSmall: boolean): string => {
    const plain = String.fromCharCode(...bytes.subarray(from, to)).trimEnd();
    return (isSmall ? plain.toLowerCase() : plain).replace(/[/\p{Cc}]/gu, '_');
  };
  const stem = characters(0, 8, (flags & NAME_IS_SMALL) !== 0);
  const extension = characters(8, 11, (flags & EXTENSION_IS_SMALL) !== 0);
  return extension === '' ? stem : `${stem}.${extension}`;
}

/** The guest's clock is UTC. */
function timeOf(date: number, time: number): number {
  return Date.UTC(
    1980 + (date >> 9),
    ((date >> 5) & 15) - 1,
    date & 31,
    time >> 11,
    (time >> 5) & 63,
    2 * (time & 31),
  );
}
