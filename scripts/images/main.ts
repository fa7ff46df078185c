/** `npm run images`: builds the guest image, and its snapshot, when they are missing or older than their recipes. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildPlaces, buildImage } from './build.ts';
import { explain, ImageError } from './failure.ts';
import { DEFAULT_IMAGE, IMAGE_NAMES, type ImageSpec, imageSpec } from './image-spec.ts';
import { isCurrent, recipeOf } from './manifest.ts';
import { removeSnapshot, SNAPSHOT_SOURCES, updateSnapshot } from './snapshot.ts';

const OPTIONS = ['--if-needed', '--rebuild', '--no-snapshot'];
const USAGE = `usage: npm run images -- ${OPTIONS.map((option) => `[${option}]`).join(' ')} [name]`;

/** Builds what the arguments name; ImageError when an argument is unknown or the build cannot be done. */
async function main(args: readonly string[]): Promise<void> {
  const options = args.filter((arg) => arg.startsWith('-'));
  const unknown = options.find((option) => !OPTIONS.includes(option));
  if (unknown !== undefined) throw new ImageError(`Unknown option ${unknown}; ${USAGE}.`);
  const name = args.find((arg) => !arg.startsWith('-')) ?? DEFAULT_IMAGE;
  const spec = imageSpec(name);
  if (spec === undefined) {
    throw new ImageError(`There is no image ${name}: choose one of ${IMAGE_NAMES.join(', ')}.`);
  }
  const scripts = dirname(fileURLToPath(import.meta.url));
  const project = join(scripts, '../..');
  const output = join(project, 'public/images', name);
  const cache = join(project, '.cache/images');
  const recipe = recipeOf(scripts, SNAPSHOT_SOURCES);
  const say = (step: string): void => {
    process.stdout.write(`${name}: ${step}\n`);
  };
  if (options.includes('--rebuild') || !isCurrent(output, recipe))
    build(spec, { cache, output, fixedFiles: join(scripts, 'rootfs') }, recipe, say);
  if (name !== DEFAULT_IMAGE) return;
  if (options.includes('--no-snapshot')) removeSnapshot(output);
  else await updateSnapshot(spec, { project, output, cache }, say);
}

function build(spec: ImageSpec, places: BuildPlaces, recipe: string, say: (step: string) => void): void {
  const { files } = buildImage(spec, places, recipe, say);
  const megabytes = (files.kernel.compressedBytes + files.initrd.compressedBytes) / 1e6;
  say(`done, ${megabytes.toFixed(1)} MB to download`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
