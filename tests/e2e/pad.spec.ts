/** What is typed and moved on the pad reaches the keyboard and the tablet that are plugged in. */
import { expect } from '@playwright/test';
import { guestCommand, monitorCommand } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

test(
  'keys and pointer on the pad are those of the USB keyboard and tablet that were plugged in',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(180_000);
    const pad = page.getByRole('application', { name: 'Keyboard and mouse of the PC' });
    await page.getByText('Keyboard and mouse of the PC', { exact: true }).click();
    await expect(pad).toBeVisible();
    expect(await monitorCommand(page, 'device_add qemu-xhci,id=usb1')).toBe('');
    for (const [at, device] of ['usb-tablet,id=tablet1', 'usb-kbd,id=kbd1'].entries()) {
      expect(await monitorCommand(page, `device_add ${device}`)).toBe('');
      await expect
        .poll(() => guestCommand(page, `ls /dev/hidraw${at} 2> /dev/null`))
        .toBe(`/dev/hidraw${at}`);
    }
    // Reports as the devices' descriptors say: buttons, then x and y from 0 to 32767; modifiers, then keys.
    // Open before anything is pressed: what comes before that is told to nobody.
    await guestCommand(page, 'exec 7< /dev/hidraw0 8< /dev/hidraw1');
    const read = (from: number, bytes: number, to: string): string =>
      `(head -c ${bytes} <&${from} | od -An -v -tx1 -w${bytes} > /tmp/${to} &)`;
    await guestCommand(page, `${read(7, 18, 'h0')}; ${read(8, 32, 'h1')}; exec 7<&- 8<&-`);
    const box = await pad.boundingBox();
    if (box === null) throw new Error('no pad');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.up();
    await expect(pad).toBeFocused();
    await expect(pad).toContainText('The pointer goes to: QEMU HID Tablet.');
    await page.keyboard.press('Shift+KeyQ');
    await expect
      .poll(() => guestCommand(page, 'cat /tmp/h1'))
      .toBe(
        [
          '02 00 00 00 00 00 00 00',
          '02 00 14 00 00 00 00 00',
          '02 00 00 00 00 00 00 00',
          '00 00 00 00 00 00 00 00',
        ].join(' '),
      );
    await expect.poll(() => guestCommand(page, 'cat /tmp/h0')).not.toBe('');
    const reports = (await guestCommand(page, 'cat /tmp/h0'))
      .split(' ')
      .map((byte) => Number.parseInt(byte, 16));
    // It came there, was pressed, and let go.
    expect([reports[0], reports[6], reports[12]]).toEqual([0, 1, 0]);
    const [, xLow, xHigh, yLow, yHigh] = reports;
    const place = (low = 0, high = 0): number => (low + 256 * high) / 0x8000;
    expect(place(xLow, xHigh)).toBeCloseTo(0.5, 1);
    expect(place(yLow, yHigh)).toBeCloseTo(0.5, 1);
    // The chords are the page's: the way out.
    await page.keyboard.press('Control+Alt+Digit1');
    await expect(page.getByRole('textbox', { name: 'Guest console', exact: true })).toBeFocused();
    expect(await monitorCommand(page, 'device_del usb1')).toBe('');
    await expect.poll(() => guestCommand(page, 'lsusb')).toBe('');
    // The page is shared: an open pad takes the terminals' room.
    await page.getByText('Keyboard and mouse of the PC', { exact: true }).click();
    await expect(pad).toBeHidden();
  },
);
