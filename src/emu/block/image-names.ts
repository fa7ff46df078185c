import { BlockError } from './block-backend.ts';

/** Where uploads go, and what a relative path starts at. */
export const IMAGE_DIRECTORY = '/tmp';

/** Linux's limits, in bytes of UTF-8. */
const PATH_MAX = 4096;
const NAME_MAX = 255;
/** Characters of a name that an error shows. */
const NAMED = 40;

/** The one name of an image in the host's file system: absolute, without `.`, `..` and doubled slashes. EINVAL, ENAMETOOLONG. */
export function imagePath(path: string): string {
  const name = path.startsWith('file:') ? path.slice('file:'.length) : path;
  const parts: string[] = [];
  for (const part of (name.startsWith('/') ? name : `${IMAGE_DIRECTORY}/${name}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const isBlank = (parts.at(-1) ?? '').trim() === '';
  if (isBlank || name === '' || name.endsWith('/') || name.includes('\0')) {
    throw new BlockError('EINVAL', `'${path}' is not the name of a disk image`);
  }
  const full = `/${parts.join('/')}`;
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  if (bytes(full) >= PATH_MAX || parts.some((part) => bytes(part) > NAME_MAX)) {
    throw new BlockError('ENAMETOOLONG', `The name is too long: ${full.slice(0, NAMED)}…`);
  }
  return full;
}

/** The path for a file that the user brings: `/tmp/` and its name, less what a command line would need quoted. */
export function imagePathForFile(fileName: string): string {
  const base = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
  const safe = base.replace(/[^\p{L}\p{N}._+-]+/gu, '-').replace(/^[-.]+/, '');
  return `${IMAGE_DIRECTORY}/${safe === '' ? 'disk.img' : safe}`;
}
