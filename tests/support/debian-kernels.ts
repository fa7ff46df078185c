/** Kernels and guests besides the default image, fetched from Debian's archive when they are first asked for. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { PrivateApt } from '../../scripts/images/apt.ts';

const PROJECT = join(import.meta.dirname, '../..');
const CACHE = join(PROJECT, '.cache');
const MAX_BYTES = 1 << 26;

/** The bzImage of a kernel metapackage as Debian has it; throws when it is neither cached nor to be had. */
export function debianKernel(metapackage: string, architecture: string): Uint8Array {
  const cached = join(CACHE, 'kernels', metapackage);
  if (!existsSync(cached)) {
    const apt = new PrivateApt(join(CACHE, 'images', architecture), architecture);
    apt.update(metapackage);
    const name = apt.package(metapackage).depends.find((depend) => depend.startsWith('linux-image-'));
    if (name === undefined) throw new Error(`${metapackage} names no kernel`);
    const [deb] = apt.download([apt.package(name)]);
    const image = `./boot/vmlinuz-${name.slice('linux-image-'.length)}`;
    const unpack = 'dpkg-deb --fsys-tarfile "$0" | tar -xO "$1"';
    const bytes = execFileSync('sh', ['-c', unpack, deb?.file ?? '', image], { maxBuffer: MAX_BYTES });
    mkdirSync(join(CACHE, 'kernels'), { recursive: true });
    writeFileSync(`${cached}.new`, bytes);
    renameSync(`${cached}.new`, cached);
  }
  return new Uint8Array(readFileSync(cached));
}

/** The initial RAM disk of the image `debian-i386`; throws when it cannot be built. */
export function i386Initrd(): Uint8Array {
  execFileSync(
    process.execPath,
    ['--import', 'tsx', 'scripts/images/main.ts', '--if-needed', 'debian-i386'],
    {
      cwd: PROJECT,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  return new Uint8Array(gunzipSync(readFileSync(join(PROJECT, 'public/images/debian-i386/initrd.cpio.gz'))));
}
