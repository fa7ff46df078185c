/** The default guest's files, unpacked. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Job } from './runners/session.ts';

const DIRECTORY = 'public/images/debian-amd64';

export interface GuestImage {
  readonly kernel: Uint8Array<ArrayBuffer>;
  readonly initrd: Uint8Array<ArrayBuffer>;
  readonly append: string;
  readonly memoryBytes: number;
  readonly kernelRelease: string;
}

/** What `npm run images` has built. Throws when it has not. */
export function readGuestImage(): GuestImage {
  if (!existsSync(join(DIRECTORY, 'manifest.json')))
    throw new Error('there is no guest image: npm run images');
  const manifest: unknown = JSON.parse(readFileSync(join(DIRECTORY, 'manifest.json'), 'utf8'));
  const { append, memoryMiB, kernelRelease } = manifest as Record<string, unknown>;
  if (typeof append !== 'string' || typeof memoryMiB !== 'number' || typeof kernelRelease !== 'string') {
    throw new Error(`${DIRECTORY}/manifest.json is not a guest's manifest; run npm run images`);
  }
  return {
    kernel: unpack('vmlinux.gz'),
    initrd: unpack('initrd.cpio.gz'),
    append,
    memoryBytes: memoryMiB << 20,
    kernelRelease,
  };
}

/** The job that ends at the prompt. */
export function bootOnly({ append, memoryBytes }: GuestImage): Job {
  return { append, memoryBytes, kernels: [], driveBytes: 0 };
}

function unpack(file: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gunzipSync(readFileSync(join(DIRECTORY, file))));
}
