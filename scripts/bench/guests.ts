/** The guests that are measured, and the files of their images, unpacked. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Manifest } from '../images/manifest.ts';
import type { Job } from './runners/session.ts';

export const GUEST_NAMES = ['amd64', 'i386', 'indexeddb'] as const;

/**
 * `amd64`: the page's guest, started by its PVH entry. `i386`: a bzImage that unpacks itself. `indexeddb`: the first
 * again, with its disk where a browser keeps it.
 */
export type GuestName = (typeof GUEST_NAMES)[number];

export interface GuestImage {
  readonly kernel: Uint8Array<ArrayBuffer>;
  readonly initrd: Uint8Array<ArrayBuffer>;
  readonly append: string;
  readonly memoryBytes: number;
  readonly kernelRelease: string;
}

/** Guests that every runner can run. */
export const PLAIN_GUESTS: readonly GuestName[] = ['amd64', 'i386'];

/** What `npm run images` has built. Throws when it has not. */
export function readGuestImage(name: GuestName = 'amd64'): GuestImage {
  const image = name === 'i386' ? 'debian-i386' : 'debian-amd64';
  const directory = join('public/images', image);
  if (!existsSync(join(directory, 'manifest.json')))
    throw new Error(`there is no guest image: npm run images -- ${image}`);
  const manifest: Partial<Manifest> = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  const { append, memoryMiB, kernelRelease, files } = manifest;
  if (append === undefined || memoryMiB === undefined || kernelRelease === undefined || files === undefined) {
    throw new Error(`${directory}/manifest.json is not a guest's manifest; run npm run images -- ${image}`);
  }
  const unpack = (file: string) => new Uint8Array(gunzipSync(readFileSync(join(directory, file))));
  return {
    kernel: unpack(files.kernel.file),
    initrd: unpack(files.initrd.file),
    append,
    memoryBytes: memoryMiB * 2 ** 20,
    kernelRelease,
  };
}

/** The job that ends at the prompt. */
export function bootOnly({ append, memoryBytes }: GuestImage): Job {
  return { append, memoryBytes, kernels: [], driveBytes: 0, driveIn: 'memory' };
}
