import { defineConfig } from 'vite';

/** The command line as one file: constants are inlined, and nothing is left to load but Node's own modules. */
export default defineConfig({
  publicDir: false,
  build: {
    ssr: 'src/node/main.ts',
    target: 'node20',
    outDir: 'dist/node',
    emptyOutDir: true,
    minify: false,
    rolldownOptions: { output: { entryFileNames: 'hotslot.js', codeSplitting: false } },
  },
});
