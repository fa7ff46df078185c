/** Processors and memory come and go, by the clicks of the story; the header follows without a word typed in between. */
import { expect, type Page } from '@playwright/test';
import { guestCommand, makeImage, monitorCommand, textFromNow } from './support/page.ts';
import { FIREFOX, test } from './support/pages.ts';

const PROMPT = { monitor: /\(qemu\) ?$/, console: /guest# ?$/ } as const;

/** Clicks a step of the story and presses Enter; gives what is answered, up to the next prompt. */
async function step(page: Page, terminal: 'monitor' | 'console', command: string): Promise<string> {
  const where = terminal === 'monitor' ? 'monitor' : 'guest console';
  await page.getByRole('button', { name: `Write into the ${where}: ${command}`, exact: true }).click();
  const name = terminal === 'monitor' ? 'Monitor' : 'Guest console';
  await expect(page.getByRole('textbox', { name, exact: true })).toBeFocused();
  await expect.poll(() => lastLine(page, terminal)).toBe(command);
  const answer = await textFromNow(page, terminal);
  await page.keyboard.press('Enter');
  await expect.poll(answer, { timeout: 60_000 }).toMatch(PROMPT[terminal]);
  return answer();
}

/** What stands on the input line, without its prompt. */
async function lastLine(page: Page, terminal: 'monitor' | 'console'): Promise<string> {
  const text = await page.evaluate((name) => window.hotslot?.[name].text() ?? '', terminal);
  return (text.split('\n').at(-1) ?? '').replace(/^(\(qemu\)|guest#) /, '');
}

test(
  'a processor is plugged in, used and taken out by clicks, and the header shows it',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    const hardware = page.locator('.hardware');
    await expect(hardware).toHaveText('1 of 4 CPUs · 256 MiB');
    await page.getByRole('tab', { name: 'Processor' }).click();
    const places = await step(page, 'monitor', 'info hotpluggable-cpus');
    expect(places.match(/socket-id: "0"/g)).toHaveLength(4);
    await step(page, 'monitor', 'device_add qemu64-x86_64-cpu,id=cpu1,socket-id=0,core-id=1,thread-id=0');
    await expect(hardware).toHaveText('2 of 4 CPUs · 256 MiB');
    // Linux finds the processor a moment after it was plugged in.
    await expect
      .poll(() => guestCommand(page, 'ls -d /sys/devices/system/cpu/cpu1'))
      .toBe('/sys/devices/system/cpu/cpu1');
    await step(page, 'console', 'echo 1 > /sys/devices/system/cpu/cpu1/online');
    expect(await step(page, 'console', 'nproc')).toMatch(/^2$/m);
    expect(await guestCommand(page, 'lscpu')).toMatch(/^CPU\(s\): +2$/m);
    // The next one gets names that are free.
    await expect(
      page.getByRole('button', {
        name: 'Write into the monitor: device_add qemu64-x86_64-cpu,id=cpu2,socket-id=0,core-id=2,thread-id=0',
      }),
    ).toBeVisible();
    await step(page, 'monitor', 'device_del cpu1');
    await expect(hardware).toHaveText('1 of 4 CPUs · 256 MiB');
    expect(await step(page, 'console', 'nproc')).toMatch(/^1$/m);
  },
);

test(
  'memory is plugged in, used and taken out by clicks, and the header shows it',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    const hardware = page.locator('.hardware');
    const total = async (): Promise<number> =>
      Math.round(Number(await guestCommand(page, "awk '/MemTotal/ { print $2 }' /proc/meminfo")) / 1024);
    const before = await total();
    await page.getByRole('tab', { name: 'Memory' }).click();
    await step(page, 'monitor', 'object_add memory-backend-ram,id=mem1,size=256M');
    await step(page, 'monitor', 'device_add pc-dimm,id=dimm1,memdev=mem1');
    await expect(hardware).toHaveText('1 of 4 CPUs · 512 MiB');
    await expect.poll(() => guestCommand(page, 'lsmem | tail -n 1')).toMatch(/offline memory: +256M/);
    await step(page, 'console', 'chmem -e -z Movable 256M');
    expect(await step(page, 'console', 'free -m; lsmem')).toMatch(/^Total online memory: +512M$/m);
    expect((await total()) - before).toBe(256);
    await step(page, 'monitor', 'device_del dimm1');
    await expect(hardware).toHaveText('1 of 4 CPUs · 256 MiB');
    expect(await step(page, 'console', 'free -m; lsmem')).toMatch(/^Total online memory: +256M$/m);
    expect(await total()).toBe(before);
    await step(page, 'monitor', 'object_del mem1');
    await expect(page.getByRole('button', { name: 'Write into the monitor: object_del mem1' })).toBeVisible();
  },
);

test(
  'a network card is plugged in by clicks, gets an address, and its gateway answers',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    await page.getByRole('tab', { name: 'Network' }).click();
    await step(page, 'monitor', 'netdev_add user,id=net1');
    await step(page, 'monitor', 'device_add virtio-net-pci,netdev=net1,id=nic1');
    expect(await step(page, 'monitor', 'info network')).toMatch(/^nic1: .*model=virtio-net-pci/m);
    await expect.poll(() => guestCommand(page, 'ls /sys/class/net')).toContain('eth0');
    await step(page, 'console', 'ip link set eth0 up; udhcpc -q -i eth0');
    const answer = await step(page, 'console', 'ip addr show eth0; ping -c 1 10.0.2.2');
    expect(answer).toContain('inet 10.0.2.15/24');
    expect(answer).toContain('1 packets received');
    await step(page, 'monitor', 'device_del nic1');
    await expect.poll(() => guestCommand(page, 'ls /sys/class/net')).toBe('lo');
    await step(page, 'monitor', 'netdev_del net1');
    expect(await monitorCommand(page, 'info network')).toBe('');
  },
);

test(
  'a USB stick is plugged into a controller that was plugged in, by clicks, and both leave',
  FIREFOX,
  async ({ guest: page }) => {
    test.setTimeout(240_000);
    await makeImage(page);
    await page.locator('.story').getByRole('tab', { name: 'USB' }).click();
    await step(page, 'monitor', 'device_add qemu-xhci,id=usb1');
    await step(page, 'monitor', 'drive_add 0 if=none,file=/tmp/test.img,format=raw,id=disk1');
    await step(page, 'monitor', 'device_add usb-storage,bus=usb1.0,drive=disk1,id=stick1');
    expect(await step(page, 'monitor', 'info usb')).toContain('Product QEMU USB MSD, ID: stick1');
    await expect.poll(() => guestCommand(page, 'ls /sys/block')).toContain('sda');
    expect(await step(page, 'console', 'lsusb -t; lsblk')).toMatch(/usb-storage[\s\S]*^sda /m);
    await step(page, 'monitor', 'device_del stick1');
    await expect.poll(() => guestCommand(page, 'lsblk')).not.toContain('sda');
    await step(page, 'monitor', 'device_del usb1');
    await expect.poll(() => guestCommand(page, 'lsusb')).toBe('');
    await expect(page.locator('.image')).not.toContainText('in use');
  },
);

test('the tabs of the story are used by the keyboard and remembered', async ({ guestless: page }) => {
  const tab = (name: string) => page.getByRole('tab', { name });
  await tab('Disk').click();
  await expect(page.getByRole('tabpanel', { name: 'Disk' })).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(tab('Processor')).toBeFocused();
  await expect(tab('Processor')).toHaveAttribute('aria-selected', 'true');
  await expect(tab('Disk')).toHaveAttribute('tabindex', '-1');
  await expect(page.locator('.story').getByRole('tabpanel')).toHaveCount(1);
  await page.keyboard.press('End');
  await expect(tab('Network')).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await expect(tab('Disk')).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  await page.reload();
  await expect(tab('Network')).toHaveAttribute('aria-selected', 'true');
});

test('what a balloon takes costs the tab nothing any more, and the header says so', async ({
  guest: page,
}) => {
  await page.setViewportSize({ width: 1500, height: 800 });
  const held = async (): Promise<number> =>
    Number(/^(\d+) MiB held$/.exec(await page.locator('.held').innerText())?.[1]);
  await expect.poll(held).toBeGreaterThan(0);
  const atFirst = await held();
  await guestCommand(
    page,
    'mount -t tmpfs t /mnt; for n in $(seq 70); do cat /bin/bash; done > /mnt/x; umount /mnt',
  );
  await expect.poll(held).toBeGreaterThan(atFirst + 30);
  const before = await held();
  expect(await monitorCommand(page, 'device_add virtio-balloon-pci,id=b')).toBe('');
  expect(await monitorCommand(page, 'balloon 192')).toBe('');
  await expect.poll(held).toBeLessThan(before - 30);
});
