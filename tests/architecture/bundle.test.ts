import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Bytes of all scripts and styles; the guest image is 24 MB beside them. */
const SIZE_LIMIT = 2_500_000;

describe('the built site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hotslot-site-'));
  let files: readonly string[] = [];

  beforeAll(async () => {
    await build({
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true, copyPublicDir: false },
    });
    files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      statSync(join(folder, file)).isFile(),
    );
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const text = (file: string): string => readFileSync(join(folder, file), 'utf8');

  it('is a page, styles and two scripts: the page and the worker', () => {
    expect(files).toContain('index.html');
    expect(files.filter((file) => file.endsWith('.js')).length).toBeGreaterThanOrEqual(2);
    expect(files.filter((file) => !/\.(html|js|css|svg|woff2?)$/.test(file))).toEqual([]);
  });

  it('starts without a header from the server: no module, nothing fetched with CORS', () => {
    expect(text('index.html')).toMatch(/<script defer src=/);
    expect(text('index.html')).not.toMatch(/crossorigin|type="module"|modulepreload/);
  });

  it('has no binary code for the browser', () => {
    const word = ['Web', 'Assembly'].join('');
    expect(files.filter((file) => text(file).includes(word))).toEqual([]);
  });

  it('works in any folder of any host: no address in the page is absolute', () => {
    const addresses = [...text('index.html').matchAll(/(?:src|href)="([^"]*)"/g)].map(([, at = '']) => at);
    expect(addresses.length).toBeGreaterThan(1);
    expect(addresses.filter((address) => !address.startsWith('./'))).toEqual([]);
  });

  it('is small', () => {
    const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    expect(bytes).toBeLessThan(SIZE_LIMIT);
  });
});
