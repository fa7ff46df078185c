/** What a process grows by while a disk comes and goes a thousand times under Linux, and while nothing happens at all. */
import { describe, expect, it } from 'vitest';
import { HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { liveObjects } from '../support/live-objects.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const DISK = '/tmp/disk1.img';
const LINE = 'the first sector';
/** Meanwhile the guest loads its drivers, and the heap gets the size that it needs at first. */
const WARM_CYCLES = 50;
const CYCLES = 1000;
/**
 * The shell reads and waits by itself: a program that the guest starts takes more instructions than the disk that comes and goes. Nobody writes into the
 * pipe, so that reading from it is a pause.
 */
const READ = 'until read -r line < /dev/vda; do read -t 0.01 <> /tmp/pause; done 2> /dev/null; echo $line';

async function* disk(): AsyncGenerator<Uint8Array> {
  const bytes = new Uint8Array(MIB);
  bytes.set(new TextEncoder().encode(`${LINE}\n`));
  yield bytes;
}

/** A disk comes, Linux reads it, and it goes. */
async function cycle(guest: HeadlessGuest): Promise<void> {
  expect(await guest.hmp(`drive_add 0 if=none,file=${DISK},format=raw,id=d`)).toBe('OK\n');
  expect(await guest.hmp('device_add virtio-blk-pci,drive=d,id=v')).toBe('');
  expect(await guest.ask(READ)).toBe(LINE);
  expect(await guest.hmp('device_del v')).toBe('');
  for (let left = 2; left > 0; left--) await guest.event('DEVICE_DELETED');
  await guest.machine.drives.settled();
  // What the test itself keeps.
  guest.takeEvents();
  guest.log = '';
}

/** Bytes of the process without the memory that the guest has written: Linux takes new pages for a while, as it would on QEMU. */
async function ownBytes({ machine }: HeadlessGuest): Promise<number> {
  await liveObjects();
  return process.memoryUsage.rss() - machine.memory.arena.used;
}

it('a thousand plugs and unplugs grow the process by less than 20 MB from the fiftieth on', {
  timeout: 60 * MINUTES,
}, async () => {
  const images = memoryImages();
  await images.upload(DISK, disk());
  const guest = await HeadlessGuest.atPrompt({ images });
  await guest.run('mkfifo /tmp/pause');
  await cycle(guest);
  // The drivers are there: nothing has to be started for each event of the kernel.
  await guest.run('killall uevent');
  for (let n = 1; n < WARM_CYCLES; n++) await cycle(guest);
  const before = await ownBytes(guest);
  for (let n = 0; n < CYCLES; n++) await cycle(guest);
  // Most of it is code that was compiled meanwhile: docs/testing.md.
  expect((await ownBytes(guest)) - before).toBeLessThan(20e6);
  expect(await guest.hmp('info block')).toBe('');
  await guest.end();
});

describe('half an hour in which nothing happens', () => {
  // With icountShift idle time passes at once: half an hour of the guest's timers and ticks, not of the host's.
  it('changes neither memory nor what monitors answer', { timeout: 30 * MINUTES }, async () => {
    const guest = new HeadlessGuest({ images: memoryImages(), config: { icountShift: 3 } });
    await guest.boot();
    await guest.settle();
    await guest.run('sleep 300', 600);
    const answers = async (): Promise<readonly string[]> => {
      const lines = [
        'info qtree',
        'info pci',
        'info block',
        'info chardev',
        'info cpus',
        'info status',
        'info mtree',
      ];
      const told: string[] = [];
      for (const line of lines) told.push(await guest.hmp(line));
      return told;
    };
    const before = { told: await answers(), live: await liveObjects() };
    const started = Number(await guest.ask('cut -d. -f1 /proc/uptime'));
    await guest.run('sleep 1800', 1800);
    expect(Number(await guest.ask('cut -d. -f1 /proc/uptime')) - started).toBeGreaterThanOrEqual(1800);
    const live = await liveObjects();
    expect(await answers()).toEqual(before.told);
    expect(live.count - before.live.count).toBeLessThan(1000);
    expect(live.bytes - before.live.bytes).toBeLessThan(2 * MIB);
    await guest.end();
  });
});
