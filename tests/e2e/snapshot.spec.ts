/** A machine with hot-added parts, saved in Node at a random moment under load, goes on in the page with its disk. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { seededRandom } from '../support/chip-rig.ts';
import { memoryImages } from '../support/headless-guest.ts';
import {
  addCpu,
  addDimm,
  addDisk,
  ENDED,
  FILLED,
  FOUND,
  image,
  LOADS,
  MOVABLE,
  SUMS,
  WRONG,
} from '../support/hot-added.ts';
import { advance, snapshotBytes } from '../support/snapshots.ts';
import { SteppedGuest } from '../support/stepped-guest.ts';
import { guestCommand, imageRow, monitorCommand, sha256, upload, waitForGuest } from './support/page.ts';
import { keepGuestAway } from './support/pages.ts';
import { type StaticServer, serveSite } from './support/static-server.ts';

/** What the machine does up to the moment that it is saved repeats with it. */
const { HOTSLOT_MOMENTS_SEED = String(1 + (Date.now() % 2 ** 31)) } = process.env;
const CONFIG = { icountShift: 3, rtcBaseMs: Date.UTC(2026, 0, 1) };
const GUEST = '/images/debian-amd64';
const MANIFEST = join(import.meta.dirname, '../../public', GUEST, 'manifest.json');
const PART_BYTES = 6 << 20;
const DISK = image(1);
const DISK_BYTES = 4 << 20;
const LONGEST = 50_000_000;
const TOTAL = 'grep MemTotal /proc/meminfo';
/** Ticks of the second processor in programs. */
const WORKED = "awk '/^cpu1 / { print $2 }' /proc/stat";
const TROUBLE = 'dmesg | grep -E "BUG|WARNING|soft lockup|rcu.*stall|Call Trace|I/O error|[Cc]orrupt"';

let site: StaticServer | undefined;
test.afterEach(() => site?.close());

interface Saved {
  readonly snapshot: Buffer;
  readonly disk: Buffer;
  readonly shown: string;
  /** What the guest said of itself: sums of its data, and its memory before and after the DIMM came. */
  readonly sums: string;
  readonly small: string;
  readonly large: string;
}

async function saveUnderLoad(seed: number): Promise<Saved> {
  const images = memoryImages();
  await images.createEmpty(DISK, DISK_BYTES);
  const guest = await SteppedGuest.atPrompt({ images, config: CONFIG });
  await guest.shell(MOVABLE);
  const small = (await guest.shell(TOTAL)).trim();
  await guest.hmp([addCpu(1), ...addDimm(1), ...addDisk(1)]);
  for (const command of [FOUND, ...FILLED]) await guest.shell(command);
  const sums = (await guest.shell(SUMS)).trim();
  const large = (await guest.shell(TOTAL)).trim();
  for (const load of [...LOADS, 'stty echo']) await guest.shell(load);
  await advance(guest.machine, seededRandom(seed)(LONGEST));
  const snapshot = await snapshotBytes(guest.machine);
  await guest.end();
  const disk: Uint8Array[] = [];
  for await (const piece of images.download(DISK)) disk.push(piece);
  return { snapshot, disk: Buffer.concat(disk), shown: guest.driven.log, sums, small, large };
}

/** The snapshot in parts, and the manifest that names them. */
function guestFiles({ snapshot, shown }: Saved): Readonly<Record<string, string | Uint8Array>> {
  const files: Record<string, string | Uint8Array> = {};
  const parts = [];
  for (let at = 0; at < snapshot.length; at += PART_BYTES) {
    const bytes = snapshot.subarray(at, at + PART_BYTES);
    const file: string = `hot-added-${parts.length}.zst`;
    // As from a server that has unpacked them.
    files[`${GUEST}/${file}`] = bytes;
    const [size, sum] = [bytes.length, sha256(bytes)];
    parts.push({ file, compressedBytes: size, compressedSha256: sum, rawBytes: size, rawSha256: sum });
  }
  const manifest = JSON.parse(readFileSync(MANIFEST, 'utf8')) as Record<string, unknown>;
  const saved = { parts, recipe: '', console: shown, seedBytes: 0 };
  files[`${GUEST}/manifest.json`] = JSON.stringify({ ...manifest, snapshot: saved });
  return files;
}

test('a snapshot with a hot-added processor, DIMM and disk under load goes on, and all of them leave', async ({
  page,
}) => {
  test.setTimeout(300_000);
  process.stdout.write(`      HOTSLOT_MOMENTS_SEED=${HOTSLOT_MOMENTS_SEED}\n`);
  const saved = await saveUnderLoad(Number(HOTSLOT_MOMENTS_SEED));
  site = await serveSite({}, guestFiles(saved));
  await keepGuestAway(page);
  await page.goto(site.url);
  await upload(page, 'disk1.img', saved.disk);
  await expect(imageRow(page, DISK)).toBeVisible();
  await page.unrouteAll();
  await page.goto(site.url);
  const hardware = page.locator('.hardware');
  await expect(hardware).toHaveText('2 of 4 CPUs · 384 MiB');
  await waitForGuest(page);
  await expect(imageRow(page, DISK)).toContainText('in use');
  await expect(page.locator('.notices')).toBeEmpty();
  expect(await guestCommand(page, 'nproc')).toBe('2');
  expect(await guestCommand(page, TOTAL)).toBe(saved.large);
  const before = Number(await guestCommand(page, WORKED));
  await expect.poll(async () => Number(await guestCommand(page, WORKED))).toBeGreaterThan(before);
  expect(await guestCommand(page, `ls -1 /n; ${ENDED}; ${SUMS}; ${WRONG}`)).toBe(
    `cpu\ndimm\ndisk\n${saved.sums}`,
  );
  await guestCommand(page, 'umount /t');

  expect(await monitorCommand(page, 'device_del cpu1')).toBe('');
  await expect(hardware).toHaveText('1 of 4 CPUs · 384 MiB');
  expect(await monitorCommand(page, 'device_del dimm1')).toBe('');
  await expect(hardware).toHaveText('1 of 4 CPUs · 256 MiB');
  expect(await monitorCommand(page, 'device_del disk1')).toBe('');
  await expect(imageRow(page, DISK)).not.toContainText('in use');
  expect(await guestCommand(page, `nproc; ${TOTAL}; ls /sys/block`)).toBe(`1\n${saved.small}`);
  expect(await guestCommand(page, TROUBLE)).toBe('');
});
