import { expect, test } from '@playwright/test';
import { type StaticServer, serveSite } from './support/static-server.ts';

let site: StaticServer | undefined;
test.afterEach(() => site?.close());

test('a guest with more memory than the browser gives: the page says how much there is', async ({ page }) => {
  site = await serveSite({});
  await page.route('**/debian-amd64/manifest.json', async (route) => {
    const response = await route.fetch();
    const { snapshot: _, ...manifest } = (await response.json()) as Record<string, unknown>;
    await route.fulfill({ response, json: { ...manifest, machine: '-m 8192' } });
  });
  await page.goto(site.url);
  const notice = page.getByRole('region', { name: 'Notices' }).getByRole('status');
  await expect(notice).toContainText(
    /The guest has 8192 MiB of memory, but the host gives (\d{3}|1\d{3}|20\d\d) MiB: the machine stops when the guest has used more\./,
    { timeout: 60_000 },
  );
  await expect(notice).toHaveCount(1);
  await expect(page.locator('#controls').getByRole('button', { name: 'Pause' })).toBeEnabled({
    timeout: 30_000,
  });
});
