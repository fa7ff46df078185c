import { BlockError } from './block-backend.ts';

/** Where uploads go, and what a relative path starts at. */
export const IMAGE_DIRECTORY = '/tmp';

/** The one name of an image in the host's file system: absolute, without `.`, `..` and doubled slashes. EINVAL. */
export function imagePath(path: string): string {
  const name = path.startsWith('file:') ? path.slice('file:'.length) : path;
  const parts: string[] = [];
  for (const part of (name.startsWith('/') ? name : `${IMAGE_DIRECTORY}/${name}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  if (parts.length === 0 || name === '' || name.endsWith('/') || name.includes('\0')) {
    throw new BlockError('EINVAL', `'${path}' is not the name of a disk image`);
  }
  return `/${parts.join('/')}`;
}

/** The path for a file that the user brings: `/tmp/` and its name, less what a command line would need quoted. */
export function imagePathForFile(fileName: string): string {
  const base = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
  const safe = base.replace(/[^\p{L}\p{N}._+-]+/gu, '-').replace(/^[-.]+/, '');
  return `${IMAGE_DIRECTORY}/${safe === '' ? 'disk.img' : safe}`;
}
