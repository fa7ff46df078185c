/** One page through the life of its machines: paused, thrown away, ended by quit and by its power button. */
import { expect, type Page, test } from '@playwright/test';
import { drawnSize, expectFollowing, fontPx } from './support/console-size.ts';
import {
  guestCommand,
  imageRow,
  makeImage,
  monitorCommand,
  plug,
  typeInto,
  waitForGuest,
  waitForText,
} from './support/page.ts';
import { FIREFOX } from './support/pages.ts';

const IMAGE = '/tmp/test.img';
const badge = (page: Page) => page.locator('.badge');
const control = (page: Page, name: string) => page.locator('#controls').getByRole('button', { name });

/** The kernel's first words were shown so often: once from the snapshot, and at every boot. */
const kernelStarts = (times: number) => new RegExp(`(Linux version[\\s\\S]*){${times}}`);
const promptAfter = (times: number) => new RegExp(`(Linux version[\\s\\S]*){${times}}guest# ?$`);

test(
  'a machine is paused, thrown away, ended and started; nothing is lost without a question',
  FIREFOX,
  async ({ page }) => {
    test.setTimeout(600_000);
    await page.goto('./');
    await waitForGuest(page);

    await test.step('what is typed while the machine is paused reaches the guest later', async () => {
      await control(page, 'Pause').click();
      await expect(badge(page)).toHaveText('Paused');
      await typeInto(page, 'console', 'echo while-"paused"\r');
      await control(page, 'Start').click();
      await expect(badge(page)).toHaveText('Running');
      await waitForText(page, 'console', /^while-paused$/m, 20_000);
    });

    await test.step('a cold boot that finds no kernel says so, and the machine goes on where it was', async () => {
      await page.route('**/vmlinu*', (route) => route.fulfill({ status: 404, body: '' }));
      await control(page, 'Cold boot').click();
      await expect(page.getByRole('alert')).toContainText('The guest image is missing');
      await expect(badge(page)).toHaveText('Paused');
      await expect(page.locator('.boot-card')).toBeHidden();
      await control(page, 'Start').click();
      expect(await guestCommand(page, 'echo still here')).toBe('still here');
      await page.unroute('**/vmlinu*');
    });

    await makeImage(page);
    await plug(page, IMAGE);
    await test.step('Reset and Cold boot ask while a disk is plugged', async () => {
      for (const [button, title] of [
        ['Reset', 'Reset the machine?'],
        ['Cold boot', 'Throw this machine away?'],
      ] as const) {
        await control(page, button).click();
        const dialog = page.getByRole('dialog', { name: title });
        await expect(dialog).toContainText('not yet written to disk1 (/tmp/test.img) is lost');
        await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
        await page.keyboard.press('Escape');
        await expect(dialog).toHaveCount(0);
        await expect(control(page, button)).toBeFocused();
      }
      expect(await guestCommand(page, 'ls /sys/block | grep -c vda')).toBe('1');
    });

    await test.step('while a cold boot loads, the page says so and offers no second one', async () => {
      let load = (): void => {};
      const mayLoad = new Promise<void>((resolve) => {
        load = resolve;
      });
      await page.route('**/vmlinu*', async (route) => {
        await mayLoad;
        await route.continue();
      });
      // By keys alone.
      await control(page, 'Cold boot').focus();
      await page.keyboard.press('Enter');
      // A key that comes before the question would go to the next control, the power button.
      await expect(page.getByRole('dialog').getByRole('button', { name: 'Cancel' })).toBeFocused();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await expect(badge(page)).toHaveText('Loading');
      await expect(control(page, 'Cold boot')).toBeDisabled();
      load();
      await expect(badge(page)).toHaveText('Running', { timeout: 60_000 });
      await expect(control(page, 'Cold boot')).toBeEnabled();
      await page.unroute('**/vmlinu*');
    });

    await test.step('while the guest does not follow a narrow pane it has 80 columns by a smaller font', async () => {
      await page.setViewportSize({ width: 900, height: 800 });
      await expect.poll(() => fontPx(page)).toBeLessThan(13);
      expect((await drawnSize(page)).columns).toBeGreaterThanOrEqual(80);
    });

    await test.step('a cold boot runs every instruction, in a machine in which nothing is plugged', async () => {
      await expect(imageRow(page, IMAGE)).not.toContainText('in use', { timeout: 60_000 });
      await waitForText(page, 'console', promptAfter(2), 200_000);
    });

    await test.step('after a cold boot the guest follows its pane, in the usual font', async () => {
      expect(await expectFollowing(page)).toBeLessThan(80);
      expect(await fontPx(page)).toBe(13);
      await page.setViewportSize({ width: 1280, height: 800 });
      await expectFollowing(page);
    });

    await test.step('quit ends the machine at once, keeps what was written, and the page says so', async () => {
      await plug(page, IMAGE);
      await guestCommand(page, 'echo kept | dd of=/dev/vda conv=fsync 2>/dev/null');
      await typeInto(page, 'monitor', 'quit\r');
      await expect(badge(page)).toHaveText('Powered off');
      await expect(page.locator('.notices')).toContainText('quit ended the machine');
      await expect(imageRow(page, IMAGE)).not.toContainText('in use');
      await control(page, 'Start').click();
      await waitForText(page, 'console', promptAfter(3), 200_000);
      await plug(page, IMAGE);
      expect(await guestCommand(page, 'head -c 4 /dev/vda; echo')).toBe('kept');
    });

    await test.step('the power button ends Linux, and Start starts it again', async () => {
      await typeInto(page, 'monitor', 'device_del myvirtio1\r');
      await expect(imageRow(page, IMAGE)).not.toContainText('in use', { timeout: 60_000 });
      // Late in the guest's start: the button's driver, and the program that listens to it.
      await expect.poll(() => guestCommand(page, 'pidof acpid | wc -w'), { timeout: 60_000 }).toBe('1');
      await page.getByRole('button', { name: 'Press the power button' }).click();
      await expect(badge(page)).toHaveText('Powered off', { timeout: 60_000 });
      await control(page, 'Start').click();
      await expect(badge(page)).toHaveText('Running');
      await waitForText(page, 'console', kernelStarts(4), 60_000);
    });

    await test.step('Reset asks nothing when nothing is plugged', async () => {
      await control(page, 'Reset').click();
      await expect(page.getByRole('dialog')).toHaveCount(0);
      await waitForText(page, 'console', kernelStarts(5), 60_000);
      expect(await monitorCommand(page, 'info status')).toBe('VM status: running');
    });
  },
);
