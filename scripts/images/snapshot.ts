/** The machine at the guest's prompt, kept beside the image: the page restores it instead of booting. */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Of } from './apt.ts';
import type { ImageSpec } from './image-spec.ts';
import { describeFile, MANIFEST_FILE, type Manifest, recipeOf, type SnapshotFile } from './manifest.ts';
import { compressZstd } from './zstd.ts';

const SNAPSHOT_FILE = 'snapshot.zst';
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
  const compressed = compressZstd(raw, spec, cache);
  writeFileSync(join(directory, SNAPSHOT_FILE), compressed);
  const file = describeFile(SNAPSHOT_FILE, raw, compressed);
  writeManifest(directory, {
    ...manifest,
    snapshot: { ...file, recipe, console: shown, seedBytes: SEED_BYTES },
  });
  say(`snapshot done, ${(compressed.length / 1e6).toFixed(1)} MB to download`);
}

/** The page then boots the image. */
export function removeSnapshot(directory: string): void {
  const { snapshot, ...manifest } = readManifest(directory);
  if (snapshot !== undefined) writeManifest(directory, manifest);
  rmSync(join(directory, SNAPSHOT_FILE), { force: true });
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, MANIFEST_FILE), 'utf8')) as Manifest;
}

function writeManifest(directory: string, manifest: Manifest): void {
  const path = join(directory, MANIFEST_FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function isCurrentSnapshot(directory: string, snapshot: SnapshotFile | undefined, recipe: string): boolean {
  if (snapshot?.recipe !== recipe) return false;
  const path = join(directory, snapshot.file);
  if (!existsSync(path) || statSync(path).size !== snapshot.compressedBytes) return false;
  return sha256Of(readFileSync(path)) === snapshot.compressedSha256;
}
