/** The steps from package names to an image directory. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { PackageFile } from './apt.ts';
import { PrivateApt } from './apt.ts';
import { extractVmlinux } from './bzimage.ts';
import { installDeviceNames } from './device-names.ts';
import { ElfFile } from './elf.ts';
import { ImageError } from './failure.ts';
import type { ImageSpec } from './image-spec.ts';
import { installModules } from './kernel-modules.ts';
import { licenceOf } from './licence.ts';
import type { Manifest } from './manifest.ts';
import { createManifest, describeFile, MANIFEST_FILE } from './manifest.ts';
import { writeNewc } from './newc.ts';
import { PackageTree } from './package-tree.ts';
import { Rootfs } from './rootfs.ts';
import { installUserland } from './userland.ts';

const ABANDONED_MS = 3_600_000;

export interface BuildPlaces {
  /** Package lists, packages and the work directory. */
  readonly cache: string;
  /** The image's directory, replaced as a whole at the end. */
  readonly output: string;
  /** Files that are copied into the guest as they are. */
  readonly fixedFiles: string;
}

/** Builds the image and gives its manifest; `say` hears each step. */
export function buildImage(
  spec: ImageSpec,
  places: BuildPlaces,
  recipe: string,
  say: (step: string) => void,
): Manifest {
  mkdirSync(places.cache, { recursive: true });
  mkdirSync(dirname(places.output), { recursive: true });
  const work = temporaryDirectory(places.cache, 'work-');
  const fresh = temporaryDirectory(dirname(places.output), `.${basename(places.output)}-`);
  try {
    const manifest = buildInto(fresh, work, spec, places, recipe, say);
    rmSync(places.output, { recursive: true, force: true });
    chmodSync(fresh, 0o755);
    renameSync(fresh, places.output);
    return manifest;
  } finally {
    rmSync(work, { recursive: true, force: true });
    rmSync(fresh, { recursive: true, force: true });
  }
}

function buildInto(
  fresh: string,
  work: string,
  spec: ImageSpec,
  places: BuildPlaces,
  recipe: string,
  say: (step: string) => void,
): Manifest {
  say('reading the package lists');
  const apt = new PrivateApt(join(places.cache, spec.architecture), spec.architecture);
  apt.update(spec.kernel);
  const kernelPackage = apt.package(spec.kernel).depends.find((name) => name.startsWith('linux-image-'));
  if (kernelPackage === undefined)
    throw new ImageError(`${spec.kernel} names no kernel: update /etc/apt and try again.`);
  const kernelRelease = kernelPackage.slice('linux-image-'.length);
  const wanted = [apt.package(kernelPackage), ...apt.closure(spec.packages, isLibrary)];

  say(`fetching ${wanted.length} packages, kernel ${kernelRelease}`);
  const packageFiles = apt.download(wanted);
  say('unpacking');
  const packages = new PackageTree(join(work, 'packages'), spec.triplet);
  for (const packageFile of packageFiles) packages.add(packageFile);

  say('putting the guest together');
  const kernel = kernelOf(spec, kernelRelease, packages);
  const rootfs = new Rootfs();
  installUserland(packages, spec, rootfs, places.fixedFiles);
  installDeviceNames(packages, spec.vendors, rootfs, join(work, 'names'));
  installModules(packages, kernelRelease, spec.modules, rootfs, join(work, 'modules'));
  const initrd = writeNewc(rootfs.entries());

  say('compressing');
  const write = (file: string, raw: Buffer): Manifest['files']['kernel'] => {
    const compressed = gzipSync(raw, { level: 9 });
    writeFileSync(join(fresh, file), compressed);
    return describeFile(file, raw, compressed);
  };
  const kernelFile = spec.kernelFormat === 'vmlinux' ? 'vmlinux.gz' : 'vmlinuz.gz';
  const files = { kernel: write(kernelFile, kernel), initrd: write('initrd.cpio.gz', initrd) };
  const used = packageFiles
    .filter((file) => packages.used.has(file.name))
    .map((file) => withLicence(file, packages));
  const manifest = createManifest(spec, kernelRelease, files, used, recipe);
  writeFileSync(join(fresh, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

function kernelOf(spec: ImageSpec, release: string, packages: PackageTree): Buffer {
  const bzImage = packages.read(`boot/vmlinuz-${release}`);
  if (spec.kernelFormat === 'bzimage') return bzImage;
  const vmlinux = extractVmlinux(bzImage, (bytes) => packages.run('xz', ['--single-stream', '-dc'], bytes));
  if (!new ElfFile(vmlinux).hasPvhEntry()) {
    throw new ImageError(
      `Kernel ${release} has no PVH entry: choose another kernel in scripts/images/image-spec.ts.`,
    );
  }
  return vmlinux;
}

/** A new directory; those that an interrupted build left behind go. */
function temporaryDirectory(parent: string, prefix: string): string {
  for (const name of readdirSync(parent).filter((n) => n.startsWith(prefix))) {
    const path = join(parent, name);
    if (Date.now() - statSync(path).mtimeMs > ABANDONED_MS) rmSync(path, { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, prefix));
}

/** Dependencies of programs that are followed. */
export function isLibrary(name: string): boolean {
  return (name.startsWith('lib') || name === 'zlib1g') && !name.startsWith('libpam-');
}

function withLicence(file: PackageFile, packages: PackageTree): PackageFile & { licence: string } {
  return { ...file, licence: licenceOf(file.name, packages.copyright(file.name)) };
}
