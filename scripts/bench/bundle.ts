/** Bundles programs as the site's worker is bundled: one module, no TypeScript left. */
import { join } from 'node:path';
import { build, type InlineConfig } from 'vite';
import { workDirectory } from './cache.ts';

function common(outDir: string): InlineConfig & { build: NonNullable<InlineConfig['build']> } {
  return {
    configFile: false,
    logLevel: 'error',
    build: { outDir, emptyOutDir: true, copyPublicDir: false, minify: false },
  };
}

/** Path of the bundle for Node. */
export async function bundle(entry: string, name: string): Promise<string> {
  const outDir = join(workDirectory(), name);
  const config = common(outDir);
  await build({
    ...config,
    ssr: { noExternal: true },
    build: {
      ...config.build,
      ssr: entry,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  });
  return join(outDir, `${name}.mjs`);
}

/** Path of the module for a web worker, minified as the site is. */
export async function bundleForBrowser(entry: string, name: string): Promise<string> {
  const outDir = join(workDirectory(), name);
  const config = common(outDir);
  await build({
    ...config,
    build: {
      ...config.build,
      target: 'es2022',
      minify: true,
      lib: { entry, formats: ['es'], fileName: () => 'worker.js' },
    },
  });
  return join(outDir, 'worker.js');
}
