/** Bundles programs as the site's worker is bundled: one module, no TypeScript left. */
import { join, resolve } from 'node:path';
import { build, type InlineConfig } from 'vite';
import { workDirectory } from './cache.ts';

function common(outDir: string): InlineConfig & { build: NonNullable<InlineConfig['build']> } {
  return {
    configFile: false,
    logLevel: 'error',
    build: { outDir, emptyOutDir: true, copyPublicDir: false, minify: false },
  };
}

/** A checkout of the project whose emulator is measured. */
export interface Checkout {
  readonly directory: string;
  /** Runners of it are named so after their engine; the checkout that measures has none. */
  readonly suffix: string;
}

export const THIS_CHECKOUT: Checkout = { directory: '.', suffix: '' };

/** Path of the bundle for Node. `entry` is the program's path in the checkout. */
export async function bundle(entry: string, name: string, checkout = THIS_CHECKOUT): Promise<string> {
  const outDir = join(workDirectory(), `${name}${checkout.suffix}`);
  const config = common(outDir);
  await build({
    ...config,
    ssr: { noExternal: true },
    build: {
      ...config.build,
      ssr: resolve(checkout.directory, entry),
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  });
  return join(outDir, `${name}.mjs`);
}

/** Path of the module for a web worker, minified as the site is. */
export async function bundleForBrowser(
  entry: string,
  name: string,
  checkout = THIS_CHECKOUT,
): Promise<string> {
  const outDir = join(workDirectory(), `${name}${checkout.suffix}`);
  const config = common(outDir);
  await build({
    ...config,
    build: {
      ...config.build,
      target: 'es2022',
      minify: true,
      lib: { entry: resolve(checkout.directory, entry), formats: ['es'], fileName: () => 'worker.js' },
    },
  });
  return join(outDir, 'worker.js');
}
