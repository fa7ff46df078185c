/** Only this level catches what Linux's own drivers do with memory that comes and goes by virtio. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, type ReplayOptions, readRecording, replay } from '../support/replay.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, dimms: { slots: 4, maxBytes: 2048 * MIB } };
/** How often a size is told of while it changes is the host's speed. */
const NOT_COMPARED = /"(RTC_CHANGE|NIC_RX_FILTER_CHANGED|BALLOON_CHANGE|MEMORY_DEVICE_SIZE_CHANGE|RESUME)"/;
const REPLAY: ReplayOptions = {
  rules: normalisations(new Set()),
  events: (event) => !NOT_COMPARED.test(event),
  guestAnswers: true,
  compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
};

let guest: HeadlessGuest;

beforeAll(async () => {
  guest = new HeadlessGuest({ images: memoryImages(), config: CONFIG });
  await guest.boot();
}, 4 * MINUTES);

afterAll(() => guest.end());

const heldMiB = (): number => guest.machine.memory.arena.used / MIB;
const freeMiB = async (): Promise<number> =>
  Number(await guest.ask("awk '/MemFree/ { print int($2 / 1024) }' /proc/meminfo"));

/** Linux has written to `mib` of its memory, and does not need it any more. */
async function dirty(mib: number): Promise<void> {
  await guest.run(
    `mkdir -p /t; mount -t tmpfs -o size=100% t /t; dd if=/dev/zero of=/t/x bs=1M count=${mib}`,
  );
  await guest.run('umount /t');
}

async function hmp(...lines: readonly string[]): Promise<void> {
  for (const line of lines) expect(await guest.hmp(line), line).toBe('');
}

/** The balloon has got as far as the user wants, or as the guest can. */
async function balloonAt(mib: number): Promise<void> {
  await guest.poll(() => guest.machine.balloon.actualBytes === BigInt(mib * MIB), 120);
}

async function unplug(id: string): Promise<void> {
  guest.takeEvents();
  await hmp(`device_del ${id}`);
  for (;;) {
    const event = await guest.event('DEVICE_DELETED');
    if (event.event === 'DEVICE_DELETED' && event.data.device === id) return;
  }
}

async function replayed(name: string): Promise<void> {
  guest.takeEvents();
  const target = guestTarget(guest);
  const takeEvents = () => target.takeEvents().filter((event) => !NOT_COMPARED.test(event));
  await replay(readRecording(name), { ...target, takeEvents }, REPLAY);
}

describe('virtio-balloon-pci', () => {
  it('balloon_hotplug: takes and gives as on QEMU 7.2', { timeout: 4 * MINUTES }, async () => {
    await replayed('balloon_hotplug');
    await unplug('bal1');
  });

  it('gives what Linux does not need back to the host, and Linux is told the truth', {
    timeout: 4 * MINUTES,
  }, async () => {
    await hmp('device_add virtio-balloon-pci,id=b');
    await guest.settle();
    await dirty(60);
    const [held, free] = [heldMiB(), await freeMiB()];
    guest.takeEvents();
    await hmp('balloon 208');
    await balloonAt(208);
    expect(await guest.hmp('info balloon')).toBe('balloon: actual=208\n');
    expect(held - heldMiB()).toBeGreaterThan(35);
    expect(free - (await freeMiB())).toBeGreaterThan(40);
    const event = await guest.event('BALLOON_CHANGE');
    expect(event).toMatchObject({ event: 'BALLOON_CHANGE' });
    // What is in use is whole.
    expect(
      await guest.ask(
        'md5sum < /bin/busybox; sync; echo 3 > /proc/sys/vm/drop_caches; md5sum < /bin/busybox',
      ),
    ).toMatch(/^(\S+ .*)\n\1$/);
    await hmp('balloon 256');
    await balloonAt(256);
    expect(Math.abs((await freeMiB()) - free)).toBeLessThan(8);
    await dirty(60);
    expect(heldMiB()).toBeGreaterThan(held - 20);
  });

  it('tells statistics when it is asked', { timeout: 2 * MINUTES }, async () => {
    const stats = async () =>
      JSON.parse(await guest.hmp('qom-get b guest-stats')) as {
        stats: Record<string, number>;
        'last-update': number;
      };
    await hmp('qom-set b guest-stats-polling-interval 1');
    const total = Number(await guest.ask("awk '/MemTotal/ { print $2 * 1024 }' /proc/meminfo"));
    await guest.run('usleep 2500000');
    const { stats: said, 'last-update': when } = await stats();
    expect(said['stat-total-memory']).toBe(total);
    expect(said['stat-free-memory']).toBeLessThan(total);
    expect(Math.abs(Date.now() / 1000 - when)).toBeLessThan(3600);
    await guest.run('dd if=/dev/zero of=/x bs=1M count=20 2> /dev/null; usleep 2500000');
    expect((await stats()).stats['stat-disk-caches']).toBeGreaterThan(said['stat-disk-caches'] ?? 0);
    await guest.run('rm /x');
    await hmp('qom-set b guest-stats-polling-interval 0');
  });

  it('is in a snapshot, half full', { timeout: 4 * MINUTES }, async () => {
    await hmp('balloon 208', 'stop');
    const bytes = await snapshotBytes(guest.machine);
    const other = await HeadlessGuest.restored(bytes, { images: memoryImages(), config: CONFIG });
    await other.poll(() => other.machine.balloon.actualBytes === BigInt(208 * MIB), 120);
    expect(await other.hmp('balloon 256')).toBe('');
    await other.poll(() => other.machine.balloon.actualBytes === BigInt(256 * MIB), 120);
    expect(await other.ask('md5sum < /bin/busybox')).toBe(await guestSum());
    await other.end();
  });

  async function guestSum(): Promise<string> {
    await hmp('cont');
    return guest.ask('md5sum < /bin/busybox');
  }

  it('reports free pages without being asked', { timeout: 4 * MINUTES }, async () => {
    await hmp('balloon 256');
    await balloonAt(256);
    await unplug('b');
    await dirty(60);
    const held = heldMiB();
    await hmp('device_add virtio-balloon-pci,id=b,free-page-reporting=on');
    // Guest: Linux looks for free pages every two seconds.
    await guest.run('usleep 8000000');
    expect(held - heldMiB()).toBeGreaterThan(40);
    await dirty(40);
    expect(await guest.ask('md5sum < /bin/busybox')).toBe(await guestSum());
    await unplug('b');
  });
});
