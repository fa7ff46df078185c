import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { expect, type Frame, type Locator, type Page } from '@playwright/test';
import type {} from '../../../src/ui/automation.ts';

/** The page in its own tab, or in a frame of another. */
type Shown = Page | Frame;
type Terminal = 'console' | 'monitor' | 'qmpShell';

/** Milliseconds between looks at what answers soon, the last for ever. */
const INTERVALS = [30, 70, 100, 200];

/** What a terminal of the page shows, scroll-back included. */
export function terminalText(page: Shown, terminal: Terminal): Promise<string> {
  return page.evaluate((name) => window.hotslot?.[name].text() ?? '', terminal);
}

/** Waits until `pattern` is shown; gives the text. */
export async function waitForText(
  page: Shown,
  terminal: Terminal,
  pattern: RegExp,
  timeout: number,
): Promise<string> {
  let text = '';
  await expect
    .poll(
      async () => {
        text = await terminalText(page, terminal);
        return pattern.test(text);
      },
      { timeout, message: `${terminal} shows ${pattern}`, intervals: INTERVALS },
    )
    .toBe(true);
  return text;
}

/** Gives what a terminal shows from now on, after what it shows already. */
export async function textFromNow(page: Shown, terminal: Terminal): Promise<() => Promise<string>> {
  const { length } = await terminalText(page, terminal);
  return async () => (await terminalText(page, terminal)).slice(length);
}

export function typeInto(page: Shown, terminal: Terminal, text: string): Promise<void> {
  return page.evaluate(({ name, keys }) => window.hotslot?.[name].type(keys), { name: terminal, keys: text });
}

/** One monitor command; gives what it printed. */
export async function monitorCommand(page: Shown, command: string): Promise<string> {
  const before = await terminalText(page, 'monitor');
  const prompts = before.split('(qemu)').length;
  await typeInto(page, 'monitor', `${command}\r`);
  let answer = '';
  await expect
    .poll(
      async () => {
        const text = await terminalText(page, 'monitor');
        const parts = text.split('(qemu)');
        answer = (parts[prompts - 1] ?? '').split('\n').slice(1).join('\n').trim();
        return parts.length > prompts;
      },
      { timeout: 30_000, message: `the monitor answers ${command}`, intervals: INTERVALS },
    )
    .toBe(true);
  return answer;
}

/** One command of the guest's shell; gives what it printed. */
export async function guestCommand(page: Shown, command: string, timeout = 60_000): Promise<string> {
  const marker = `done-${Math.random().toString(36).slice(2, 8)}`;
  // The typed line is echoed with the quotes, the printed one has none.
  await typeInto(page, 'console', `${command}; echo "${marker.slice(0, 4)}""${marker.slice(4)}"\r`);
  // The kernel's messages come in the middle of any line.
  const text = await waitForText(page, 'console', new RegExp(marker), timeout);
  const end = text.lastIndexOf(marker) - 1;
  const echo = text.lastIndexOf(`"${marker.slice(4)}"`, end);
  return text.slice(text.indexOf('\n', echo) + 1, end + 1).trim();
}

/** The guest's shell waits for a command. */
export async function waitForGuest(page: Shown): Promise<void> {
  await waitForText(page, 'console', /^guest# ?$/m, 240_000);
}

export function imageRow(page: Shown, path: string): Locator {
  return page.locator(`.image[data-path="${path}"]`);
}

export async function upload(page: Page, name: string, bytes: Buffer): Promise<void> {
  await page
    .getByLabel('Disk images to upload')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: bytes });
}

export async function downloadedSha256(page: Page, path: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: `Download ${path}` }).click(),
  ]);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(await download.path())) hash.update(piece);
  return hash.digest('hex');
}

/** What is on the clipboard, found as a user finds it, by pasting: to read it by script Firefox gives no test the permission. */
export async function pastedText(page: Page): Promise<string> {
  const field = page.locator('textarea.pasted');
  await page.evaluate(() => {
    const area = document.createElement('textarea');
    area.className = 'pasted';
    document.body.append(area);
    area.focus();
  });
  await page.keyboard.press('Control+V');
  await expect(field).not.toHaveValue('');
  const text = await field.inputValue();
  await field.evaluate((element) => element.remove());
  return text;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes that look like no file system and compress badly. */
export function noise(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** An empty image under the name that the page proposes, the one of README's story. */
export async function makeImage(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'New empty image' }).click();
  await page.getByRole('dialog', { name: 'New empty image' }).getByRole('button', { name: 'Create' }).click();
  await expect(imageRow(page, '/tmp/test.img')).toBeVisible();
}

export async function deleteImage(page: Page, path: string): Promise<void> {
  await page.getByRole('button', { name: `Delete ${path}` }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete image' });
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(dialog).toHaveCount(0);
}

/** A raw image as `disk1` in `myvirtio1`; waits until the guest has it as /dev/vda. */
export async function plug(page: Shown, path: string): Promise<void> {
  expect(await monitorCommand(page, `drive_add 0 if=none,file=${path},format=raw,id=disk1`)).toBe('OK');
  expect(await monitorCommand(page, 'device_add virtio-blk-pci,drive=disk1,id=myvirtio1')).toBe('');
  await waitForDisk(page, true);
}

/** Waits until the guest has a /dev/vda, or has none any more. */
export async function waitForDisk(page: Shown, present: boolean): Promise<void> {
  await expect
    .poll(() => guestCommand(page, 'ls /sys/block | grep -c vda'), { timeout: 60_000, intervals: INTERVALS })
    .toBe(present ? '1' : '0');
}
