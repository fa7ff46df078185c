import { join } from 'node:path';
import { defineConfig } from '@playwright/test';
import inChromium from './playwright.config.ts';

/** The tests tagged `@firefox`, in Debian's Firefox. */
export default defineConfig(inChromium, {
  grep: /@firefox/,
  // It takes longer to compile, and to run what is not compiled yet.
  timeout: 120_000,
  expect: { timeout: 40_000 },
  use: {
    browserName: 'firefox',
    channel: 'moz-firefox',
    launchOptions: { executablePath: join(import.meta.dirname, 'scripts/testing/firefox.sh') },
  },
});
