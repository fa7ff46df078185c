/** manifest.json: what the page reads to boot an image, and what proves that the image is whole. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PackageFile } from './apt.ts';
import { sha256Of } from './apt.ts';
import type { ImageSpec } from './image-spec.ts';

export interface ImageFile {
  /** File name beside the manifest: gzip, or Zstandard. */
  readonly file: string;
  readonly compressedBytes: number;
  readonly compressedSha256: string;
  readonly rawBytes: number;
  readonly rawSha256: string;
}

/** A machine that was saved at the prompt. */
export interface SavedMachine {
  /** One after the other they are the snapshot; each is packed for itself. */
  readonly parts: readonly ImageFile[];
  /** SHA-256 of what it was made of. */
  readonly recipe: string;
  /** What the guest had shown by then. */
  readonly console: string;
  /** Bytes of entropy that the guest waits for, typed as a line of hexadecimal digits. */
  readonly seedBytes: number;
}

/** How the guest learns the size of the terminal that shows its console: docs/guest-image.md. */
export interface TerminalSize {
  /** The serial port, from 0 on, where it asks. */
  readonly port: number;
  /** Kernel arguments that make it ask. */
  readonly append: string;
}

export interface ManifestPackage {
  readonly name: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly licence: string;
  /** Source package and version. */
  readonly source: string;
}

export interface Manifest {
  readonly name: string;
  readonly kernelRelease: string;
  /** Kernel command line. */
  readonly append: string;
  readonly memoryMiB: number;
  /** The machine of the page and of the snapshot, in the words of QEMU's command line. */
  readonly machine: string;
  readonly terminalSize: TerminalSize;
  readonly files: { readonly kernel: ImageFile; readonly initrd: ImageFile };
  readonly packages: readonly ManifestPackage[];
  /** SHA-256 of the builder's own sources. */
  readonly recipe: string;
  readonly snapshot?: SavedMachine;
}

/** Name of the manifest in an image's directory. */
export const MANIFEST_FILE = 'manifest.json';

/** SHA-256 over names and contents of every file below a directory, those that `without` names left out. */
export function recipeOf(directory: string, without: readonly string[] = []): string {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => !without.includes(file) && statSync(join(directory, file)).isFile())
    .sort();
  const lines = files.map((file) => `${sha256Of(readFileSync(join(directory, file)))} ${file}\n`);
  return sha256Of(Buffer.from(lines.join('')));
}

/** Describes one output. */
export function describeFile(file: string, raw: Uint8Array, compressed: Uint8Array): ImageFile {
  return {
    file,
    compressedBytes: compressed.length,
    compressedSha256: sha256Of(compressed),
    rawBytes: raw.length,
    rawSha256: sha256Of(raw),
  };
}

/** The manifest of an image; packages in the order of their names. */
export function createManifest(
  spec: ImageSpec,
  kernelRelease: string,
  files: Manifest['files'],
  packages: readonly (PackageFile & { readonly licence: string })[],
  recipe: string,
): Manifest {
  const listed = packages.map(({ name, version, sizeBytes, sha256, licence, source }) => {
    return { name, version, sizeBytes, sha256, licence, source };
  });
  listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  const { name, append, memoryMiB, machine, terminalSize } = spec;
  return { name, kernelRelease, append, memoryMiB, machine, terminalSize, files, packages: listed, recipe };
}

/** True when the directory holds the file as it was made. */
export function isWhole(directory: string, file: ImageFile): boolean {
  const path = join(directory, file.file);
  if (!existsSync(path) || statSync(path).size !== file.compressedBytes) return false;
  return sha256Of(readFileSync(path)) === file.compressedSha256;
}

/** True when the directory holds a whole image made by this recipe. */
export function isCurrent(directory: string, recipe: string): boolean {
  const path = join(directory, MANIFEST_FILE);
  if (!existsSync(path)) return false;
  let manifest: Manifest;
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
    if (manifest.recipe !== recipe) return false;
    return [manifest.files.kernel, manifest.files.initrd].every((file) => isWhole(directory, file));
  } catch {
    return false;
  }
}
