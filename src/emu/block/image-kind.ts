/** What a file is that somebody brings as a disk image, by its first and last bytes. */
import { formatOfStart } from './formats.ts';

/** Enough for every mark that is looked for at the start: the volume descriptor of an ISO comes later, and an ISO is raw. */
export const KIND_START_BYTES = 512;
/** Length of the footer of a VHD and of a DMG. Spec: Virtual Hard Disk Image Format 1.0, "Hard Disk Footer Format". */
export const KIND_END_BYTES = 512;

/** Formats of disks under QEMU's names, those that QEMU does not write, archives, and single files that are packed. */
export type ImageKind =
  | 'raw'
  | DiskFormat
  | 'gzip'
  | 'zstd'
  | 'xz'
  | 'bzip2'
  | 'lz4'
  | 'lzip'
  | 'compress'
  | 'zip'
  | '7z'
  | 'rar'
  | 'tar'
  | 'cab'
  | 'wim'
  | 'ewf';

/** Names that `qemu-img convert -f` takes. */
export type DiskFormat =
  | 'qcow'
  | 'qcow2'
  | 'qed'
  | 'vmdk'
  | 'vdi'
  | 'vhdx'
  | 'vpc'
  | 'luks'
  | 'parallels'
  | 'dmg'
  | 'bochs'
  | 'cloop';

const DISK_FORMATS: ReadonlySet<string> = new Set<DiskFormat>([
  'qcow',
  'qcow2',
  'qed',
  'vmdk',
  'vdi',
  'vhdx',
  'vpc',
  'luks',
  'parallels',
  'dmg',
  'bochs',
  'cloop',
]);

export function isDiskFormat(kind: string): kind is DiskFormat {
  return DISK_FORMATS.has(kind);
}

interface Mark {
  readonly kind: ImageKind;
  readonly offset: number;
  readonly bytes: string;
}

/** Spec: each format's own; bytes as Latin-1 characters. Those of QEMU's formats are in `formats.ts`. */
const START_MARKS: readonly Mark[] = [
  // A text file that names the extents; QEMU: vmdk_probe.
  { kind: 'vmdk', offset: 0, bytes: '# Disk DescriptorFile' },
  { kind: 'bochs', offset: 0, bytes: 'Bochs Virtual HD Image' },
  { kind: 'cloop', offset: 0, bytes: '#!/bin/sh\n#V2.0 Format' },
  // RFC 1952 2.3.1; the third byte is the only method there is.
  { kind: 'gzip', offset: 0, bytes: '\x1f\x8b\x08' },
  // RFC 8878 3.1.1.
  { kind: 'zstd', offset: 0, bytes: '\x28\xb5\x2f\xfd' },
  { kind: 'xz', offset: 0, bytes: '\xfd7zXZ\0' },
  { kind: 'lz4', offset: 0, bytes: '\x04\x22\x4d\x18' },
  { kind: 'lzip', offset: 0, bytes: 'LZIP\x01' },
  { kind: 'compress', offset: 0, bytes: '\x1f\x9d' },
  // APPNOTE.TXT 4.3.7, 4.3.16 (empty), 8.5.3 (spanned).
  { kind: 'zip', offset: 0, bytes: 'PK\x03\x04' },
  { kind: 'zip', offset: 0, bytes: 'PK\x05\x06' },
  { kind: 'zip', offset: 0, bytes: 'PK\x07\x08' },
  { kind: '7z', offset: 0, bytes: "7z\xbc\xaf'\x1c" },
  { kind: 'rar', offset: 0, bytes: 'Rar!\x1a\x07' },
  { kind: 'cab', offset: 0, bytes: 'MSCF\0\0\0\0' },
  { kind: 'wim', offset: 0, bytes: 'MSWIM\0\0\0' },
  { kind: 'ewf', offset: 0, bytes: 'EVF\x09\x0d\x0a\xff\0' },
  { kind: 'ewf', offset: 0, bytes: 'EVF2\x0d\x0a\x81' },
  // Spec: POSIX.1 ustar; an .ova is such an archive.
  { kind: 'tar', offset: 257, bytes: 'ustar' },
];

const END_MARKS: readonly Mark[] = [
  // A fixed VHD has its footer at the end alone.
  { kind: 'vpc', offset: 0, bytes: 'conectix' },
  { kind: 'dmg', offset: 0, bytes: 'koly\0\0\0\x04\0\0\x02\0' },
];

/** The mark of a block, or of an empty file's end, after `BZh` and the block size. */
const BZIP2_BLOCKS = ['1AY&SY', '\x17\x72\x45\x38\x50\x90'];

/**
 * @param start the first `KIND_START_BYTES`, or the whole file when it is shorter
 * @param end the last `KIND_END_BYTES`; without them what shows at the end alone counts as raw
 */
export function imageKind(start: Uint8Array, end: Uint8Array = new Uint8Array(0)): ImageKind {
  const format = formatOfStart(start);
  if (isDiskFormat(format)) return format;
  if (isBzip2(start)) return 'bzip2';
  if (isSkippableFrame(start)) return 'zstd';
  return findMark(START_MARKS, start) ?? findMark(END_MARKS, end) ?? 'raw';
}

function findMark(marks: readonly Mark[], bytes: Uint8Array): ImageKind | undefined {
  return marks.find(({ offset, bytes: mark }) => hasAt(bytes, offset, mark))?.kind;
}

function hasAt(bytes: Uint8Array, offset: number, mark: string): boolean {
  for (let at = 0; at < mark.length; at++) {
    if (bytes[offset + at] !== mark.charCodeAt(at)) return false;
  }
  return true;
}

function isBzip2(start: Uint8Array): boolean {
  return hasAt(start, 0, 'BZh') && BZIP2_BLOCKS.some((mark) => hasAt(start, 4, mark));
}

/** RFC 8878 3.1.2: `pzstd` begins with such a frame of four bytes, and a zstd frame follows. */
function isSkippableFrame(start: Uint8Array): boolean {
  return (
    hasAt(start, 1, '\x2a\x4d\x18\x04\0\0\0') && start[0] === 0x50 && hasAt(start, 12, '\x28\xb5\x2f\xfd')
  );
}
