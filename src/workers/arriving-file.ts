/** What is to be done with a file that somebody brings as a disk image. */
import {
  type ImageKind,
  imageKind,
  imagePathForFile,
  isDiskFormat,
  KIND_END_BYTES,
  KIND_START_BYTES,
} from '../emu/index.ts';
import type { ArrivingFile, FileProblem } from './protocol.ts';
import { bytesOf } from './storage/byte-streams.ts';
import { type Packing, unpacked } from './storage/unpack.ts';

/** Endings that go when a file is unpacked. */
const PACKED_NAMES: Readonly<Record<Packing, RegExp>> = {
  gzip: /\.(gz|gzip)$/i,
  zstd: /\.(zst|zstd)$/i,
};

/** What people call each kind, with its article. */
const KIND_NAMES: Readonly<Record<Exclude<ImageKind, 'raw' | 'luks'>, string>> = {
  qcow: 'a qcow disk image',
  qcow2: 'a qcow2 disk image',
  qed: 'a QED disk image',
  vmdk: 'a VMDK disk image of VMware',
  vdi: 'a VDI disk image of VirtualBox',
  vhdx: 'a VHDX disk image of Hyper-V',
  vpc: 'a VHD disk image of Virtual PC or Hyper-V',
  parallels: 'a disk image of Parallels',
  dmg: 'a DMG disk image of macOS',
  bochs: 'a growing disk image of Bochs',
  cloop: 'a cloop image',
  ewf: 'a forensic image of EnCase',
  gzip: 'packed with gzip',
  zstd: 'packed with zstd',
  xz: 'packed with xz',
  bzip2: 'packed with bzip2',
  lz4: 'packed with lz4',
  lzip: 'packed with lzip',
  compress: 'packed with compress',
  zip: 'a zip archive',
  '7z': 'a 7z archive',
  rar: 'a RAR archive',
  tar: 'a tar archive',
  cab: 'a cabinet archive',
  wim: 'an archive of Windows Setup, not a disk',
};

/** The command line that unpacks such a file; NAME stands for the file. */
const COMMANDS: Readonly<Partial<Record<ImageKind, string>>> = {
  ewf: 'ewfexport -f raw NAME',
  gzip: 'gunzip -k NAME',
  zstd: 'unzstd NAME',
  xz: 'unxz -k NAME',
  bzip2: 'bunzip2 -k NAME',
  lz4: 'unlz4 NAME',
  lzip: 'lzip -dk NAME',
  compress: 'uncompress NAME',
  zip: 'unzip NAME',
  '7z': '7z x NAME',
  rar: 'unrar x NAME',
  tar: 'tar -xf NAME',
  cab: 'cabextract NAME',
};

/** Looks at the file's first and last bytes, and for a packed one at the first of what is in it. Rejects when it cannot be read. */
export async function lookAt(file: Blob, name: string): Promise<ArrivingFile> {
  const kind = await kindOf(file);
  const path = imagePathForFile(name);
  if (kind !== 'gzip' && kind !== 'zstd') {
    return { path, unpackedPath: path, packing: undefined, problem: problemOf(kind, name, name) };
  }
  const ending = PACKED_NAMES[kind];
  const inner = name.replace(ending, '').replace(/\.tgz$/i, '.tar');
  const problem = ending.test(name) || inner !== name ? undefined : maybePacked(kind, name);
  return {
    path,
    unpackedPath: imagePathForFile(inner),
    packing: kind,
    problem: problemOf(await kindInside(file, kind), name, inner) ?? problem,
  };
}

async function kindOf(file: Blob): Promise<ImageKind> {
  const [start, end] = await Promise.all([
    file.slice(0, KIND_START_BYTES).arrayBuffer(),
    file.slice(Math.max(0, file.size - KIND_END_BYTES)).arrayBuffer(),
  ]);
  return imageKind(new Uint8Array(start), new Uint8Array(end));
}

/** Takes data that cannot be unpacked for a raw image: the upload finds the damage and says so. */
async function kindInside(file: Blob, packing: Packing): Promise<ImageKind> {
  const start = new Uint8Array(KIND_START_BYTES);
  let length = 0;
  try {
    for await (const piece of unpacked(packing, bytesOf(file))) {
      const part = piece.subarray(0, start.length - length);
      start.set(part, length);
      length += part.length;
      if (length === start.length) break;
    }
  } catch {
    return 'raw';
  }
  return imageKind(start.subarray(0, length));
}

/** @param inner the file's name once it is unpacked; the same as `name` when it is not packed */
function problemOf(kind: ImageKind, name: string, inner: string): FileProblem | undefined {
  // The guest opens an encrypted disk itself.
  if (kind === 'raw' || kind === 'luks') return undefined;
  const text =
    inner === name ? `${name} is ${KIND_NAMES[kind]}` : `What is packed in ${name} is ${KIND_NAMES[kind]}`;
  const command = isDiskFormat(kind)
    ? `qemu-img convert -f ${kind} -O raw ${quoted(inner)} ${quoted(`${stemOf(inner)}.img`)}`
    : COMMANDS[kind]?.replace('NAME', quoted(inner));
  const todo =
    command === undefined
      ? 'A raw disk image is wanted, the bytes of a disk and nothing else.'
      : 'A raw disk image is wanted; this command makes one:';
  const before = inner === name || command === undefined ? '' : ` Unpack it to ${inner} first.`;
  return { text: `${text}.${before}`, advice: todo, command, mayUnpack: false };
}

function maybePacked(kind: Packing, name: string): FileProblem {
  return {
    text: `${name} is ${KIND_NAMES[kind]}, though its name does not say so.`,
    advice: 'It can be unpacked, or stored as it is.',
    command: undefined,
    mayUnpack: true,
  };
}

function stemOf(name: string): string {
  return name.replace(/(.)\.[^.]*$/, '$1');
}

/** For a POSIX shell. */
function quoted(name: string): string {
  const path = name.startsWith('-') ? `./${name}` : name;
  return /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
