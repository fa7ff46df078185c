/** Bundles a program for Node as the site's worker is bundled: one module, no TypeScript left. */
import { join } from 'node:path';
import { build, type Plugin } from 'vite';

const GENERATED = /interp\/generated\/interpreter\.js$/;

/** The bundle's path. `interpreter` replaces the text of the generated interpreter. */
export async function bundle(entry: string, name: string, interpreter?: string): Promise<string> {
  const outDir = join('.cache', 'bench', name);
  const plugins: Plugin[] =
    interpreter === undefined
      ? []
      : [
          {
            name: 'hotslot:interpreter',
            enforce: 'pre',
            load: (id) => (GENERATED.test(id) ? interpreter : null),
          },
        ];
  await build({
    configFile: false,
    logLevel: 'error',
    plugins,
    ssr: { noExternal: true },
    build: {
      ssr: entry,
      outDir,
      emptyOutDir: true,
      copyPublicDir: false,
      target: 'node20',
      minify: false,
      rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  });
  return join(outDir, `${name}.mjs`);
}
