import { type Connect, defineConfig, type Plugin } from 'vite';

/**
 * Vite's file server calls every .gz file gzip-encoded, and browsers then unpack it behind the page's back.
 * These are archives: they travel as they are, like on any other static host.
 */
function plainArchives(): Plugin {
  const middleware: Connect.NextHandleFunction = (request, response, next) => {
    if (request.url?.split('?')[0]?.endsWith('.gz') === true) {
      const writeHead = response.writeHead.bind(response);
      response.writeHead = (status: number, ...rest: unknown[]) => {
        const headers = rest.at(-1);
        if (typeof headers === 'object' && headers !== null && 'Content-Encoding' in headers) {
          delete headers['Content-Encoding'];
          Object.assign(headers, { 'Content-Type': 'application/gzip' });
        }
        return Reflect.apply(writeHead, response, [status, ...rest]);
      };
    }
    next();
  };
  return {
    name: 'hotslot:plain-archives',
    configureServer: ({ middlewares }) => {
      middlewares.use(middleware);
    },
    configurePreviewServer: ({ middlewares }) => {
      middlewares.use(middleware);
    },
  };
}

export default defineConfig({
  // Relative addresses: the build works in any folder of any static host.
  base: './',
  // A missing file is a 404, never the page.
  appType: 'mpa',
  plugins: [plainArchives()],
  worker: { format: 'es' },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
});
