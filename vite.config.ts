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

/**
 * The page starts from classic scripts, which need no header from the server: a frame whose `sandbox` lacks
 * `allow-same-origin` has an opaque origin, and such a page may load modules and `crossorigin` files only from a server
 * that sends Access-Control-Allow-Origin.
 */
function classicScripts(): Plugin {
  return {
    name: 'hotslot:classic-scripts',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html
          .replaceAll('<script type="module" crossorigin ', '<script defer ')
          .replaceAll('<link rel="stylesheet" crossorigin ', '<link rel="stylesheet" '),
    },
  };
}

export default defineConfig({
  // Relative addresses: the build works in any folder of any static host.
  base: './',
  // A missing file is a 404, never the page.
  appType: 'mpa',
  plugins: [plainArchives(), classicScripts()],
  worker: { format: 'iife', rolldownOptions: { output: { strict: true } } },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: { output: { format: 'iife', strict: true } },
  },
  // Sandboxed frames may read the guest's files, as from most static hosts.
  preview: { cors: { origin: '*' } },
});
