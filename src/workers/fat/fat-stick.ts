/**
 * An image of a stick with files: one partition, FAT32, as sticks are sold.
 * Spec: Microsoft FAT specification (FAT: General Overview of On-Disk Format, 1.03).
 */
import { allowedName, ENTRY_BYTES, freeName, isShort, longNameEntries, shortName } from './fat-names.ts';

const SECTOR = 512;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
/** Partitions begin at whole MiB. */
const PARTITION_AT = MIB;
const RESERVED_SECTORS = 32;
const BACKUP_SECTOR = 6;
const FAT_COUNT = 2;
const FIRST_CLUSTER = 2;
const END_OF_CHAIN = 0x0fff_ffff;
const MEDIA = 0xf8;
const PARTITION_FAT32_LBA = 0x0c;
const DIRECTORY = 0x10;
const ARCHIVE = 0x20;
const VOLUME_LABEL = 0x08;
const LABEL = 'HOTSLOT    ';
/** The largest file that FAT can have. */
export const FILE_MAX_BYTES = 2 ** 32 - 1;
/** With less, a file system of 512-byte clusters is no FAT32. */
const LEAST_BYTES = 64 * MIB;
const LEAST_FREE = 16 * MIB;
/** Larger sticks than this have clusters of 32 KiB and table entries that do not fit into 28 bits. */
export const STICK_MAX_BYTES = 2 ** 40;
const PIECE = MIB;

/** A file to be put on the stick. */
export interface StickFile {
  /** Folders and name, with slashes between. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  bytes(): AsyncIterable<Uint8Array>;
}

export interface Stick {
  readonly sizeBytes: number;
  /** The image, from its first byte to its last. */
  bytes(): AsyncIterable<Uint8Array>;
}

interface Folder {
  readonly name: string;
  readonly parent: Folder | undefined;
  readonly folders: Map<string, Folder>;
  readonly files: { readonly name: string; readonly file: StickFile; cluster: number }[];
  /** In capitals. */
  readonly taken: Set<string>;
  cluster: number;
}

const folderOf = (name: string, parent: Folder | undefined): Folder => ({
  ...{ name, parent, cluster: 0 },
  ...{ folders: new Map(), files: [], taken: new Set() },
});

/** The stick with these files. Throws a sentence where one is too large. */
export function makeStick(files: readonly StickFile[], volumeId: number): Stick {
  const root = folderOf('', undefined);
  for (const file of files) add(root, file);
  const folders = allFolders(root);
  const spaces = [
    ...folders.map(directoryBytes),
    ...folders.flatMap((folder) => folder.files.map(({ file }) => file.sizeBytes)),
  ];
  const volume = volumeFor(spaces);
  const chains = place(folders, volume.clusterBytes);
  return {
    sizeBytes: PARTITION_AT + volume.sectors * SECTOR,
    async *bytes() {
      yield masterBootRecord(volume.sectors, volumeId);
      yield* zeros(PARTITION_AT - SECTOR);
      yield reservedSectors(volume, chains.used, volumeId);
      for (let copy = 0; copy < FAT_COUNT; copy++) yield table(volume, chains.ends);
      for (const folder of folders) yield* padded([directory(folder)], volume.clusterBytes);
      for (const { files: own } of folders)
        for (const { file } of own) yield* padded(exactly(file), volume.clusterBytes);
      yield* zeros((volume.clusters - chains.used) * volume.clusterBytes + volume.restBytes);
    },
  };
}

function add(root: Folder, file: StickFile): void {
  if (file.sizeBytes > FILE_MAX_BYTES)
    throw new Error(`${file.path} is too large: a file on a FAT stick has less than 4 GiB`);
  const words = file.path.split('/').filter((word) => word !== '' && word !== '.' && word !== '..');
  let folder = root;
  for (const word of words.slice(0, -1)) {
    const name = allowedName(word);
    let inner = folder.folders.get(name.toUpperCase());
    if (inner === undefined) {
      inner = folderOf(freeName(name, folder.taken), folder);
      folder.folders.set(inner.name.toUpperCase(), inner);
      folder.taken.add(inner.name.toUpperCase());
    }
    folder = inner;
  }
  const name = freeName(allowedName(words.at(-1) ?? ''), folder.taken);
  folder.taken.add(name.toUpperCase());
  folder.files.push({ name, file, cluster: 0 });
}

/** Each before those in it. */
function allFolders(root: Folder): readonly Folder[] {
  const all = [root];
  // The list grows while it is gone through.
  for (const folder of all) all.push(...folder.folders.values());
  return all;
}

/** At least as many as the entries of the folder take: all names are taken for long ones. */
function directoryBytes(folder: Folder): number {
  const names = [...[...folder.folders.values()], ...folder.files].map(({ name }) => name);
  const entries = names.reduce((sum, name) => sum + 1 + Math.ceil(name.length / 13), 0);
  return (entries + 2) * ENTRY_BYTES;
}

interface Volume {
  readonly sectors: number;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly tableSectors: number;
  /** Behind the last cluster. */
  readonly restBytes: number;
}

/** A volume with room for these and more. */
function volumeFor(spaces: readonly number[]): Volume {
  const sum = spaces.reduce((bytes, space) => bytes + space, 0);
  const withRoom = (bytes: number): number =>
    Math.max(LEAST_BYTES, Math.ceil((bytes * 1.25 + LEAST_FREE) / MIB) * MIB);
  // What clusters waste depends on their size, which depends on the whole.
  let sizeBytes = withRoom(sum);
  for (;;) {
    const clusterBytes = clusterBytesOf(sizeBytes);
    const needed = spaces.reduce((bytes, space) => bytes + Math.ceil(space / clusterBytes) * clusterBytes, 0);
    const volume = layOut(sizeBytes / SECTOR, clusterBytes);
    if (volume.clusters * clusterBytes >= needed + LEAST_FREE / 2) return volume;
    sizeBytes = Math.max(sizeBytes + MIB, withRoom(needed));
    if (sizeBytes > STICK_MAX_BYTES) throw new Error('These files are too large for one stick');
  }
}

/** Spec: the table of cluster sizes of FAT32, "FAT Volume Initialization". */
function clusterBytesOf(sizeBytes: number): number {
  if (sizeBytes <= 260 * MIB) return 512;
  if (sizeBytes <= 8 * GIB) return 4096;
  if (sizeBytes <= 16 * GIB) return 8192;
  return sizeBytes <= 32 * GIB ? 16_384 : 32_768;
}

function layOut(sectors: number, clusterBytes: number): Volume {
  const perCluster = clusterBytes / SECTOR;
  const entriesPerSector = SECTOR / 4;
  const left = sectors - RESERVED_SECTORS;
  // Each sector of both tables tells of so many clusters.
  const tableSectors = Math.ceil(
    (left / perCluster + FIRST_CLUSTER) / (entriesPerSector + FAT_COUNT / perCluster),
  );
  const dataSectors = left - FAT_COUNT * tableSectors;
  const clusters = Math.floor(dataSectors / perCluster);
  return {
    sectors,
    clusterBytes,
    clusters,
    tableSectors,
    restBytes: (dataSectors - clusters * perCluster) * SECTOR,
  };
}

/** Everything lies in one piece, one behind the other. Gives the cluster behind the last of each, in order. */
function place(
  folders: readonly Folder[],
  clusterBytes: number,
): { readonly ends: readonly number[]; readonly used: number } {
  const ends: number[] = [];
  let next = FIRST_CLUSTER;
  const take = (bytes: number): number => {
    const first = next;
    next += Math.ceil(bytes / clusterBytes);
    if (next === first) return 0;
    ends.push(next);
    return first;
  };
  for (const folder of folders) folder.cluster = take(directory(folder).length);
  for (const { files } of folders) for (const entry of files) entry.cluster = take(entry.file.sizeBytes);
  return { ends, used: next - FIRST_CLUSTER };
}

function masterBootRecord(sectors: number, volumeId: number): Uint8Array {
  const bytes = new Uint8Array(SECTOR);
  const view = new DataView(bytes.buffer);
  view.setUint32(440, volumeId, true);
  // Heads and cylinders do not reach so far: the values that say so.
  bytes.set([0, 0xfe, 0xff, 0xff, PARTITION_FAT32_LBA, 0xfe, 0xff, 0xff], 446);
  view.setUint32(454, PARTITION_AT / SECTOR, true);
  view.setUint32(458, sectors, true);
  view.setUint16(510, 0xaa55, true);
  return bytes;
}

const text = (characters: string): Uint8Array =>
  Uint8Array.from(characters, (character) => character.charCodeAt(0));

/** Spec: "Boot Sector and BPB", "FSInfo Sector Structure and Backup Boot Sector". */
function reservedSectors(volume: Volume, usedClusters: number, volumeId: number): Uint8Array {
  const bytes = new Uint8Array(RESERVED_SECTORS * SECTOR);
  const view = new DataView(bytes.buffer);
  // A jump to code that there is none of: it would halt.
  bytes.set([0xeb, 0x58, 0x90, ...text('HOTSLOT ')]);
  view.setUint16(11, SECTOR, true);
  bytes[13] = volume.clusterBytes / SECTOR;
  view.setUint16(14, RESERVED_SECTORS, true);
  bytes[16] = FAT_COUNT;
  bytes[21] = MEDIA;
  view.setUint16(24, 63, true);
  view.setUint16(26, 255, true);
  view.setUint32(28, PARTITION_AT / SECTOR, true);
  view.setUint32(32, volume.sectors, true);
  view.setUint32(36, volume.tableSectors, true);
  view.setUint32(44, FIRST_CLUSTER, true);
  view.setUint16(48, 1, true);
  view.setUint16(50, BACKUP_SECTOR, true);
  bytes[64] = 0x80;
  bytes[66] = 0x29;
  view.setUint32(67, volumeId, true);
  bytes.set(text(LABEL), 71);
  bytes.set(text('FAT32   '), 82);
  bytes.set([0xfa, 0xf4, 0xeb, 0xfd], 90);
  view.setUint16(510, 0xaa55, true);
  view.setUint32(SECTOR, 0x4161_5252, true);
  view.setUint32(SECTOR + 484, 0x6141_7272, true);
  view.setUint32(SECTOR + 488, volume.clusters - usedClusters, true);
  view.setUint32(SECTOR + 492, FIRST_CLUSTER + usedClusters, true);
  view.setUint32(SECTOR + 508, 0xaa55_0000, true);
  bytes.copyWithin(BACKUP_SECTOR * SECTOR, 0, 2 * SECTOR);
  return bytes;
}

/** @param ends the cluster behind the last of each chain, in order */
function table(volume: Volume, ends: readonly number[]): Uint8Array {
  const entries = new DataView(new ArrayBuffer(volume.tableSectors * SECTOR));
  entries.setUint32(0, 0x0fff_ff00 + MEDIA, true);
  entries.setUint32(4, END_OF_CHAIN, true);
  let cluster = FIRST_CLUSTER;
  for (const end of ends)
    for (; cluster < end; cluster++)
      entries.setUint32(4 * cluster, cluster + 1 === end ? END_OF_CHAIN : cluster + 1, true);
  return new Uint8Array(entries.buffer);
}

function directory(folder: Folder): Uint8Array {
  const taken = new Set<string>();
  const parts: Uint8Array[] = [];
  const entry = (short: string, attributes: number, cluster: number, size: number, ms: number): void => {
    parts.push(shortEntry(short, attributes, cluster, size, ms));
  };
  const named = (
    name: string,
    ...rest: [attributes: number, cluster: number, size: number, ms: number]
  ): void => {
    const short = shortName(name, taken);
    if (!isShort(name)) parts.push(longNameEntries(name, short));
    entry(short, ...rest);
  };
  const newest = newestOf(folder);
  const { parent } = folder;
  if (parent === undefined) {
    entry(LABEL, VOLUME_LABEL, 0, 0, newest);
  } else {
    entry('.          ', DIRECTORY, folder.cluster, 0, newest);
    // The root has the number 0 here.
    entry('..         ', DIRECTORY, parent.parent === undefined ? 0 : parent.cluster, 0, newest);
  }
  for (const inner of folder.folders.values())
    named(inner.name, DIRECTORY, inner.cluster, 0, newestOf(inner));
  for (const { name, file, cluster } of folder.files)
    named(name, ARCHIVE, cluster, file.sizeBytes, file.modifiedMs);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function newestOf(folder: Folder): number {
  return folder.files.reduce((newest, { file }) => Math.max(newest, file.modifiedMs), 0);
}

function shortEntry(
  short: string,
  attributes: number,
  cluster: number,
  size: number,
  ms: number,
): Uint8Array {
  const bytes = new Uint8Array(ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(text(short));
  bytes[11] = attributes;
  const { date, time } = dosTime(ms);
  view.setUint16(14, time, true);
  view.setUint16(16, date, true);
  view.setUint16(18, date, true);
  view.setUint16(20, cluster >>> 16, true);
  view.setUint16(22, time, true);
  view.setUint16(24, date, true);
  view.setUint16(26, cluster & 0xffff, true);
  view.setUint32(28, size, true);
  return bytes;
}

/** FAT has the time of the place; the guest's clock is UTC. It begins in 1980 and ends in 2107. */
function dosTime(ms: number): { readonly date: number; readonly time: number } {
  const at = new Date(Math.min(Math.max(ms, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31, 23, 59, 58)));
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}

/** The file's bytes, as many as it was said to have: one that changes meanwhile would move all that follows. */
async function* exactly(file: StickFile): AsyncGenerator<Uint8Array> {
  let left = file.sizeBytes;
  for await (const piece of file.bytes()) {
    left -= piece.length;
    if (left < 0) break;
    yield piece;
  }
  if (left !== 0) throw new Error(`${file.path} has changed while it was read`);
}

/** Up to a whole number of clusters. */
async function* padded(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  clusterBytes: number,
): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    yield piece;
  }
  yield* zeros((clusterBytes - (length % clusterBytes)) % clusterBytes);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= PIECE) yield new Uint8Array(Math.min(left, PIECE));
}
