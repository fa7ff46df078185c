/** `npm run images`: builds the guest image when it is missing or older than its recipe. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildImage } from './build.ts';
import { explain, ImageError } from './failure.ts';
import { DEFAULT_IMAGE, IMAGE_NAMES, imageSpec } from './image-spec.ts';
import { isCurrent, recipeOf } from './manifest.ts';

const USAGE = 'usage: npm run images -- [--if-needed] [--rebuild] [name]';

/** Builds what the arguments name; ImageError when an argument is unknown or the build cannot be done. */
function main(args: readonly string[]): void {
  const options = args.filter((arg) => arg.startsWith('-'));
  const unknown = options.find((option) => option !== '--if-needed' && option !== '--rebuild');
  if (unknown !== undefined) throw new ImageError(`Unknown option ${unknown}; ${USAGE}.`);
  const name = args.find((arg) => !arg.startsWith('-')) ?? DEFAULT_IMAGE;
  const spec = imageSpec(name);
  if (spec === undefined) {
    throw new ImageError(`There is no image ${name}: choose one of ${IMAGE_NAMES.join(', ')}.`);
  }
  const scripts = dirname(fileURLToPath(import.meta.url));
  const project = join(scripts, '../..');
  const output = join(project, 'public/images', name);
  const recipe = recipeOf(scripts);
  if (!options.includes('--rebuild') && isCurrent(output, recipe)) return;

  const say = (step: string): void => {
    process.stdout.write(`${name}: ${step}\n`);
  };
  const places = { cache: join(project, '.cache/images'), output, fixedFiles: join(scripts, 'rootfs') };
  const { files } = buildImage(spec, places, recipe, say);
  const megabytes = (files.kernel.compressedBytes + files.initrd.compressedBytes) / 1e6;
  say(`done, ${megabytes.toFixed(1)} MB to download`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
