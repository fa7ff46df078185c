/** Zstandard by Debian's own program: nothing of it must be installed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PrivateApt } from './apt.ts';
import { isLibrary } from './build.ts';
import type { ImageSpec } from './image-spec.ts';
import { PackageTree } from './package-tree.ts';

/** The best without `--ultra`. */
const LEVEL = 19;

/** A frame for each of `parts`, which says its size and has no checksum. @param cache as `buildImage` has it */
export function compressZstd(
  parts: readonly Uint8Array[],
  { architecture, triplet }: Pick<ImageSpec, 'architecture' | 'triplet'>,
  cache: string,
): Buffer[] {
  const apt = new PrivateApt(join(cache, architecture), architecture);
  if (!apt.knows('zstd')) apt.update('zstd');
  const work = mkdtempSync(join(cache, 'zstd-'));
  try {
    const packages = new PackageTree(work, triplet);
    for (const file of apt.download(apt.closure(['zstd'], isLibrary))) packages.add(file);
    return parts.map((bytes) => {
      const options = ['-q', `-${LEVEL}`, '-T0', '--no-check', `--stream-size=${bytes.length}`];
      return packages.run('zstd', [...options, '-c'], bytes);
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
