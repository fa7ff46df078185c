/** The archive that the kernel unpacks as its first root. Spec: cpio "new ASCII" format, Linux buffer-format document. */
import type { Entry } from './rootfs.ts';

const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const BLOCK_BYTES = 512;

const FILE_TYPE = { character: S_IFCHR, directory: S_IFDIR, file: S_IFREG, symlink: S_IFLNK } as const;

/** A newc archive of the entries, sorted by path; owner 0:0, time 0, so equal trees give equal bytes. */
export function writeNewc(entries: Iterable<readonly [path: string, entry: Entry]>): Buffer {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const chunks: Uint8Array[] = [];
  let length = 0;
  const append = (bytes: Uint8Array): void => {
    chunks.push(bytes);
    length += bytes.length;
  };
  const record = (path: string, fields: readonly number[], data: Uint8Array): void => {
    const name = Buffer.from(`${path}\0`);
    append(Buffer.from(`070701${[...fields, name.length, 0].map(hex8).join('')}`, 'latin1'));
    append(name);
    append(new Uint8Array(-length & 3));
    append(data);
    append(new Uint8Array(-length & 3));
  };
  sorted.forEach(([path, entry], index) => {
    const data = dataOf(entry);
    const links = entry.kind === 'directory' ? 2 : 1;
    const [major, minor] = entry.kind === 'character' ? [entry.major, entry.minor] : [0, 0];
    const mode = FILE_TYPE[entry.kind] | entry.mode;
    record(path, [index + 1, mode, 0, 0, links, 0, data.length, 0, 0, major, minor], data);
  });
  record('TRAILER!!!', [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], new Uint8Array(0));
  append(new Uint8Array(-length & (BLOCK_BYTES - 1)));
  return Buffer.concat(chunks, length);
}

function dataOf(entry: Entry): Uint8Array {
  if (entry.kind === 'file') return entry.data;
  return entry.kind === 'symlink' ? Buffer.from(entry.target) : new Uint8Array(0);
}

function hex8(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
