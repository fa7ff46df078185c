/** The machine at the guest's prompt, kept beside the image: the page restores it instead of booting. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Of } from './apt.ts';
import type { ImageSpec } from './image-spec.ts';
import {
  describeFile,
  isWhole,
  MANIFEST_FILE,
  type Manifest,
  recipeOf,
  type SavedMachine,
} from './manifest.ts';
import { compressZstd } from './zstd.ts';

const SNAPSHOT_FILE = /^snapshot.*\.zst$/;
const SEED_BYTES = 32;
/** What makes snapshots and changes no image. */
export const SNAPSHOT_SOURCES = ['snapshot.ts', 'snapshot-guest.ts', 'zstd.ts'];

/** Below src/emu: follows from the rest, and is not there at first. */
const GENERATED = ['interpreter.js', 'interpreter.d.ts'].map((file) => `cpu/interp/generated/${file}`);

/** What a snapshot is made of, besides the image: the emulator. */
function snapshotRecipe(project: string, { files, recipe }: Manifest): string {
  const sources = SNAPSHOT_SOURCES.map((file) => sha256Of(readFileSync(join(import.meta.dirname, file))));
  const emulator = recipeOf(join(project, 'src/emu'), GENERATED);
  const parts = [emulator, ...sources, recipe, files.kernel.rawSha256, files.initrd.rawSha256];
  return sha256Of(Buffer.from(parts.join('\n')));
}

export interface SnapshotPlaces {
  readonly project: string;
  /** The image's directory. */
  readonly output: string;
  readonly cache: string;
}

/** Makes the snapshot of an image when it is missing or older than the emulator. */
export async function updateSnapshot(
  spec: ImageSpec,
  { project, output: directory, cache }: SnapshotPlaces,
  say: (step: string) => void,
): Promise<void> {
  const manifest = readManifest(directory);
  const recipe = snapshotRecipe(project, manifest);
  if (isCurrentSnapshot(directory, manifest.snapshot, recipe)) return;
  removeSnapshot(directory);
  say('booting it once for the snapshot');
  process.chdir(project);
  // The emulator's own generated sources must be there before it can be imported.
  await import('../generate.ts');
  const { bootAndSave } = await import('./snapshot-guest.ts');
  const { raw, shown } = await bootAndSave(directory, manifest);
  say('compressing the snapshot');
  const parts = compressZstd(raw, spec, cache).map((compressed, at) => {
    const file = `snapshot-${at}.zst`;
    writeFileSync(join(directory, file), compressed);
    return describeFile(file, raw[at] ?? new Uint8Array(0), compressed);
  });
  writeManifest(directory, {
    ...manifest,
    snapshot: { parts, recipe, console: shown, seedBytes: SEED_BYTES },
  });
  const megabytes = parts.reduce((sum, { compressedBytes }) => sum + compressedBytes, 0) / 1e6;
  say(`snapshot done, ${megabytes.toFixed(1)} MB to download`);
}

/** The page then boots the image. */
export function removeSnapshot(directory: string): void {
  const { snapshot, ...manifest } = readManifest(directory);
  if (snapshot !== undefined) writeManifest(directory, manifest);
  for (const file of readdirSync(directory)) if (SNAPSHOT_FILE.test(file)) rmSync(join(directory, file));
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, MANIFEST_FILE), 'utf8')) as Manifest;
}

function writeManifest(directory: string, manifest: Manifest): void {
  const path = join(directory, MANIFEST_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function isCurrentSnapshot(directory: string, snapshot: SavedMachine | undefined, recipe: string): boolean {
  return snapshot?.recipe === recipe && snapshot.parts.every((part) => isWhole(directory, part));
}
