/** The network of a page: two tabs ping each other, and a guest reaches the web when the reader says so. */
import { expect, type Page } from '@playwright/test';
import { guestCommand, monitorCommand, waitForGuest } from './support/page.ts';
import { test } from './support/pages.ts';

const MINUTE = 60_000;
const ANSWERED = / [1-5] packets received/;

/** Plugs a card in, and gives it an address. */
async function plug(page: Page, netdev: string, last: number): Promise<void> {
  expect(await monitorCommand(page, `netdev_add ${netdev},id=n1`)).toBe('');
  const mac = `52:54:00:00:00:0${last}`;
  expect(await monitorCommand(page, `device_add virtio-net-pci,netdev=n1,id=nic0,mac=${mac}`)).toBe('');
  const up = 'while ! ip link set eth0 up 2> /dev/null; do sleep 1; done';
  await guestCommand(page, `${up}; ip addr add 192.168.7.${last}/24 dev eth0`, 4 * MINUTE);
}

test('two tabs are at the two ends of a wire', async ({ page, context }) => {
  test.setTimeout(10 * MINUTE);
  await page.goto('./');
  await waitForGuest(page);
  await plug(page, 'socket,listen=:1234', 1);
  const other = await context.newPage();
  await other.goto('./');
  await waitForGuest(other);
  await plug(other, 'socket,connect=127.0.0.1:1234', 2);
  // A tab that waits for the processor answers late: ping does not count that as received.
  expect(await guestCommand(other, 'ping -c 5 192.168.7.1', 2 * MINUTE)).toMatch(ANSWERED);
  await page.bringToFront();
  expect(await monitorCommand(page, 'info network')).toContain('socket: connection from 127.0.0.1');
  expect(await guestCommand(page, 'ping -c 5 192.168.7.2', 2 * MINUTE)).toMatch(ANSWERED);
  await other.bringToFront();
  // The port is taken, for all tabs.
  expect(await monitorCommand(other, 'netdev_add socket,id=n2,listen=:1234')).toContain('already in use');
  // The tab goes, and with it the wire.
  await page.close();
  await expect
    .poll(() => monitorCommand(other, 'info network'), { timeout: MINUTE })
    .not.toContain('connect to');
});

test('the web is shut until the reader opens it', async ({ page, context }) => {
  test.setTimeout(6 * MINUTE);
  const asked: string[] = [];
  await context.route('http://www.example.org/**', async (route) => {
    const request = route.request();
    const told = [await request.headerValue('cookie'), await request.headerValue('referer')];
    asked.push([request.url(), ...told.filter((value) => value !== null)].join(' '));
    await route.fulfill({ body: 'hello from outside', headers: { 'access-control-allow-origin': '*' } });
  });
  await page.goto('./');
  await waitForGuest(page);
  await plug(page, 'user', 9);
  await guestCommand(page, 'ip addr flush dev eth0; udhcpc -n -q -i eth0 > /dev/null 2>&1', 2 * MINUTE);
  const get = 'wget -q -O - http://www.example.org/x; echo';
  expect(await guestCommand(page, get)).toContain('refused');
  expect(asked).toEqual([]);
  const header = page.getByRole('button', { name: 'The guest reaches the world outside' });
  await expect(header).toBeHidden();
  await page.getByRole('button', { name: 'Let the guest reach the world outside' }).click();
  await expect(header).toBeVisible();
  expect(await guestCommand(page, get)).toContain('hello from outside');
  expect(asked).toEqual(['http://www.example.org/x']);
  await header.click();
  await expect(header).toBeHidden();
  expect(await guestCommand(page, get)).toContain('refused');
  expect(asked.length).toBe(1);
});
