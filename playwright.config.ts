import { defineConfig } from '@playwright/test';

/** Debian's Chromium: nothing is downloaded. */
const { HOTSLOT_CHROMIUM = '/usr/bin/chromium', HOTSLOT_E2E_PORT = '4317' } = process.env;
const PORT = Number(HOTSLOT_E2E_PORT);

export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  workers: 2,
  timeout: 180_000,
  // A page that has just been opened restores a whole machine first, and tests share the computer with others.
  expect: { timeout: 60_000 },
  reporter: [['list']],
  use: {
    baseURL: `http://localhost:${PORT}/`,
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: HOTSLOT_CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    },
  },
  // Serves what `npm run build` has made.
  webServer: {
    command: `npx vite preview --port ${PORT} --strictPort`,
    url: `http://localhost:${PORT}/`,
    reuseExistingServer: true,
    timeout: 120_000,
  },
});
