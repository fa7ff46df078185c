/** Only this level catches what Linux's own drivers do with memory that comes and goes by virtio. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../support/guest-waits.ts';
import { guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, type ReplayOptions, readRecording, replay } from '../support/replay.ts';
import { snapshotBytes } from '../support/snapshots.ts';
import { balloonTo, dirty, pluggedOf, requestOf, useBoth } from '../support/virtio-memory-rounds.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
/** Beside what Linux takes for itself there must be so much free that it reports free pages. */
const MEMORY = 512;
const CONFIG = {
  icountShift: 3,
  memoryBytes: MEMORY * MIB,
  dimms: { slots: 4, maxBytes: 2048 * MIB },
};
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

async function hmp(...lines: readonly string[]): Promise<void> {
  for (const line of lines) expect(await guest.hmp(line), line).toBe('');
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
    await dirty(guest, 160);
    const [held, free] = [heldMiB(), await freeMiB()];
    guest.takeEvents();
    await balloonTo(guest, 384);
    expect(await guest.hmp('info balloon')).toBe('balloon: actual=384\n');
    expect(held - heldMiB()).toBeGreaterThan(90);
    expect(free - (await freeMiB())).toBeGreaterThan(120);
    const event = await guest.event('BALLOON_CHANGE');
    expect(event).toMatchObject({ event: 'BALLOON_CHANGE' });
    // What is in use is whole.
    expect(
      await guest.ask(
        'md5sum < /bin/busybox; sync; echo 3 > /proc/sys/vm/drop_caches; md5sum < /bin/busybox',
      ),
    ).toMatch(/^(\S+ .*)\n\1$/);
    await balloonTo(guest, MEMORY);
    expect(Math.abs((await freeMiB()) - free)).toBeLessThan(8);
    await dirty(guest, 160);
    expect(heldMiB()).toBeGreaterThan(held - 60);
  });

  it('tells statistics when it is asked', { timeout: 2 * MINUTES }, async () => {
    const stats = async () =>
      JSON.parse(await guest.hmp('qom-get b guest-stats')) as {
        stats: Record<string, number>;
        'last-update': number;
      };
    await hmp('qom-set b guest-stats-polling-interval 1');
    const total = Number(await guest.ask("awk '/MemTotal/ { print $2 * 1024 }' /proc/meminfo"));
    await guest.run(pause(2.5));
    const { stats: said, 'last-update': when } = await stats();
    expect(said['stat-total-memory']).toBe(total);
    expect(said['stat-free-memory']).toBeLessThan(total);
    expect(Math.abs(Date.now() / 1000 - when)).toBeLessThan(3600);
    await guest.run(`dd if=/dev/zero of=/x bs=1M count=20 2> /dev/null; ${pause(2.5)}`);
    expect((await stats()).stats['stat-disk-caches']).toBeGreaterThan(said['stat-disk-caches'] ?? 0);
    await guest.run('rm /x');
    await hmp('qom-set b guest-stats-polling-interval 0');
  });

  it('is in a snapshot, half full', { timeout: 4 * MINUTES }, async () => {
    await hmp('balloon 320', 'stop');
    const bytes = await snapshotBytes(guest.machine);
    const other = await HeadlessGuest.restored(bytes, { images: memoryImages(), config: CONFIG });
    await other.poll(() => other.machine.balloon.actualBytes === BigInt(320 * MIB), 120);
    expect(await other.hmp(`balloon ${MEMORY}`)).toBe('');
    await other.poll(() => other.machine.balloon.actualBytes === BigInt(MEMORY * MIB), 120);
    expect(await other.ask('md5sum < /bin/busybox')).toBe(await guestSum());
    await other.end();
  });

  async function guestSum(): Promise<string> {
    await hmp('cont');
    return guest.ask('md5sum < /bin/busybox');
  }

  it('reports free pages without being asked', { timeout: 4 * MINUTES }, async () => {
    await balloonTo(guest, MEMORY);
    await unplug('b');
    await dirty(guest, 160);
    const held = heldMiB();
    await hmp('device_add virtio-balloon-pci,id=b,free-page-reporting=on');
    // Guest: Linux looks for free pages every two seconds.
    await guest.run(pause(8));
    expect(held - heldMiB()).toBeGreaterThan(90);
    await dirty(guest, 100);
    expect(await guest.ask('md5sum < /bin/busybox')).toBe(await guestSum());
    await unplug('b');
  });

  it('gives memory to a guest that would kill for it, with deflate-on-oom', {
    timeout: 4 * MINUTES,
  }, async () => {
    await hmp('device_add virtio-balloon-pci,id=b,deflate-on-oom=on');
    await guest.settle();
    await balloonTo(guest, MEMORY - 260);
    await dirty(guest, 220);
    expect(await guest.ask('dmesg | grep -c "Killed process"')).toBe('0');
    expect(guest.machine.balloon.actualBytes).toBeGreaterThan(BigInt((MEMORY - 220) * MIB));
    await balloonTo(guest, MEMORY);
    await unplug('b');
  });
});

describe('virtio-mem-pci', () => {
  const pluggedMiB = async (): Promise<number> => Number(await guest.hmp('qom-get vmem0 size')) / MIB;

  it('virtio_mem_hotplug: grows and shrinks as on QEMU 7.2', { timeout: 5 * MINUTES }, async () => {
    await replayed('virtio_mem_hotplug');
  });

  it('is memory like any other, and what is unplugged goes back to the host', {
    timeout: 4 * MINUTES,
  }, async () => {
    const before = heldMiB();
    guest.takeEvents();
    await requestOf(guest, 'vmem0', 384);
    expect(await guest.event('MEMORY_DEVICE_SIZE_CHANGE')).toMatchObject({
      data: { 'qom-path': '/machine/peripheral/vmem0', id: 'vmem0' },
    });
    await guest.run(
      'mount -t tmpfs -o size=100% t /t; dd if=/dev/urandom of=/t/one bs=1M count=4 2> /dev/null',
    );
    await guest.run('for n in $(seq 45); do cat /t/one; done > /t/all');
    const sum = await guest.ask('md5sum < /t/one');
    expect(await guest.ask('dd if=/t/all bs=4M skip=44 count=1 2> /dev/null | md5sum')).toBe(sum);
    const full = heldMiB();
    expect(full - before).toBeGreaterThan(100);
    await guest.run('rm /t/all');
    await requestOf(guest, 'vmem0', 0);
    expect(await guest.ask('md5sum < /t/one; umount /t')).toBe(sum);
    expect(full - heldMiB()).toBeGreaterThan(100);
  });

  it('is in a snapshot, and goes on there', { timeout: 4 * MINUTES }, async () => {
    await requestOf(guest, 'vmem0', 128);
    // The device has it before Linux has put all of it on line.
    await guest.settle();
    const total = await guest.ask('grep MemTotal /proc/meminfo');
    const bytes = await snapshotBytes(guest.machine);
    await hmp('cont');
    const other = await HeadlessGuest.restored(bytes, { images: memoryImages(), config: CONFIG });
    expect(await other.ask('grep MemTotal /proc/meminfo')).toBe(total);
    expect(await other.hmp('qom-set vmem0 requested-size 0')).toBe('');
    await pluggedOf(other, 'vmem0', 0);
    await other.end();
    expect(await pluggedMiB()).toBe(128);
  });

  it('is unplugged by a reset, and comes again with the next start', { timeout: 5 * MINUTES }, async () => {
    guest.takeEvents();
    await hmp('system_reset');
    expect(await pluggedMiB()).toBe(0);
    await guest.rebooted();
    await guest.run('echo online_movable > /sys/devices/system/memory/auto_online_blocks');
    await pluggedOf(guest, 'vmem0', 128);
    expect(await guest.hmp('device_del vmem0')).toBe(
      'Error: virtio based memory devices cannot be unplugged.\n',
    );
  });
});

it('both come and go, with the same memory at the end', {
  timeout: 6 * MINUTES,
}, async () => {
  await hmp('device_add virtio-balloon-pci,id=b');
  await guest.settle();
  // tests/long/memory.test.ts does it fifty times.
  await useBoth(guest, 'vmem0', 1);
});
