/** Only this level catches what Linux does with memory that comes and goes while it runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { heldMiB, useDimms } from '../support/dimm-rounds.ts';
import { guestTarget, HeadlessGuest, memoryImages } from '../support/headless-guest.ts';
import { normalisations, type ReplayOptions, readRecording, replay } from '../support/replay.ts';
import { snapshotBytes } from '../support/snapshots.ts';

const MINUTES = 60_000;
const MIB = 2 ** 20;
const CONFIG = { icountShift: 3, dimms: { slots: 4, maxBytes: 1024 * MIB } };
/** QEMU 7.2 starts a kernel that it was given anew only after some resets more. */
const NOT_OURS = /"(RTC_CHANGE|NIC_RX_FILTER_CHANGED)"|"RESET","data":\{"guest":true/;
const REPLAY: ReplayOptions = {
  rules: normalisations(new Set()),
  events: (event) => !NOT_OURS.test(event),
  guestAnswers: true,
  compare: (what, ours, qemu) => expect.soft(ours, what).toBe(qemu),
};
const OST_SUCCESS = 0;

/** Where the first one is. */
const DIMM = 0x1_0000_0000;

const images = memoryImages();
let guest: HeadlessGuest;

beforeAll(async () => {
  guest = await HeadlessGuest.atPrompt({ images, config: CONFIG });
}, 4 * MINUTES);

afterAll(() => guest.end());

const used = (): number => Math.round(guest.machine.memory.arena.used / MIB);
const total = async (): Promise<number> =>
  Math.round(Number(await guest.ask("awk '/MemTotal/ { print $2 }' /proc/meminfo")) / 1024);
const states = (): Promise<string> =>
  guest.ask('cd /sys/devices/system/memory; grep -H . memory*/state; cd /');

async function plug(id: string, size: string, more = ''): Promise<void> {
  expect(await guest.hmp(`object_add memory-backend-ram,id=mem-${id},size=${size}`)).toBe('');
  guest.takeEvents();
  expect(await guest.hmp(`device_add pc-dimm,id=${id},memdev=mem-${id}${more}`)).toBe('');
  expect(await ostOf(id)).toBe(OST_SUCCESS);
}

/** The last status that the guest reports, of a plug or of the end of an unplug. */
async function ostOf(id: string): Promise<number> {
  for (;;) {
    const event = await guest.event('ACPI_DEVICE_OST');
    if (event.event !== 'ACPI_DEVICE_OST') throw new Error('no OST');
    const { device, source, status } = event.data.info;
    expect(device).toBe(id);
    // Ejection is under way.
    if (source !== 3 || status !== 0x84) return status;
  }
}

async function unplug(id: string): Promise<void> {
  guest.takeEvents();
  expect(await guest.hmp(`device_del ${id}`)).toBe('');
  await guest.event('DEVICE_DELETED');
  expect(await guest.hmp(`object_del mem-${id}`)).toBe('');
}

describe('a DIMM under Linux', () => {
  it('dimm_hotplug: comes, is used and goes as on QEMU 7.2', { timeout: 4 * MINUTES }, async () => {
    guest.takeEvents();
    await replay(readRecording('dimm_hotplug'), guestTarget(guest), REPLAY);
    for (const id of ['mem2', 'mem3']) await guest.hmp(`object_del ${id}`);
  });

  it('is memory like any other, and what was in it goes back to the host', {
    timeout: 4 * MINUTES,
  }, async () => {
    await guest.run('echo online_movable > /sys/devices/system/memory/auto_online_blocks; mkdir -p /t');
    const [before, heldBefore] = [await total(), used()];
    await plug('d0', '256M');
    expect((await total()) - before).toBe(256);
    // More than there is without the DIMM.
    await guest.run(
      'mount -t tmpfs -o size=300m t /t; dd if=/dev/urandom of=/t/one bs=1M count=4 2> /dev/null',
    );
    await guest.run('for n in $(seq 35); do cat /t/one; done > /t/all');
    const sum = await guest.ask('md5sum < /t/one');
    expect(
      await guest.ask('for n in 0 17 34; do dd if=/t/all bs=4M skip=$n count=1 2> /dev/null | md5sum; done'),
    ).toBe([sum, sum, sum].join('\n'));
    expect(used() - heldBefore).toBeGreaterThan(120);
    expect(await guest.ask('rm /t/all; cat /sys/devices/system/memory/memory3[23]/state')).toBe(
      'online\nonline',
    );
    const heldFull = used();
    await unplug('d0');
    expect(await total()).toBe(before);
    expect(await guest.ask('md5sum < /t/one; umount /t')).toBe(sum);
    expect(heldFull - used()).toBeGreaterThan(100);
  });

  it('leaves by the guest’s own hand first: off line, then out', { timeout: 4 * MINUTES }, async () => {
    const before = await states();
    await plug('d0', '128M');
    await guest.run('echo offline > /sys/devices/system/memory/memory32/state');
    expect(await states()).toBe(`${before}\nmemory32/state:offline`);
    await unplug('d0');
    expect(await states()).toBe(before);
  });

  it('comes and goes again and again, with the same memory at the end', {
    timeout: 4 * MINUTES,
  }, async () => {
    // In both places once; tests/long/memory.test.ts does it fifty times.
    await useDimms(guest, 2);
  });

  it('is in a snapshot with all that Linux has there', { timeout: 4 * MINUTES }, async () => {
    await plug('d0', '128M');
    await guest.run(
      'mount -t tmpfs -o size=250m t /t; dd if=/dev/urandom of=/t/x bs=1M count=12 2> /dev/null',
    );
    const sum = await guest.ask('md5sum < /t/x');
    expect(heldMiB(guest, DIMM)).toBeGreaterThanOrEqual(12);
    const bytes = await snapshotBytes(guest.machine);
    await guest.hmp('cont');
    const other = await HeadlessGuest.restored(bytes, { images: memoryImages(), config: CONFIG });
    expect(await other.ask('md5sum < /t/x')).toBe(sum);
    await other.run('rm /t/x');
    expect(await other.hmp('device_del d0')).toBe('');
    await other.event('DEVICE_DELETED');
    expect(await other.ask('ls -d /sys/devices/system/memory/memory32')).toContain('No such file');
    expect(other.machine.memory.isRam(DIMM, 1)).toBe(false);
    await other.end();
    // The one that was saved has its own.
    expect(await guest.ask('md5sum < /t/x; umount /t')).toBe(sum);
    await unplug('d0');
  });
});

describe('a DIMM of the command line', () => {
  it('dimm_kernel: the kernel in it keeps it, a reset gives it free, as on QEMU 7.2', {
    timeout: 6 * MINUTES,
  }, async () => {
    const kernel = new HeadlessGuest({ images, config: { ...CONFIG, coldPlug: true } });
    kernel.machine.completeNuma();
    await kernel.hmp('object_add memory-backend-ram,id=mem0,size=128M');
    await kernel.hmp('device_add pc-dimm,id=dimm0,memdev=mem0');
    kernel.machine.devices.machineReady();
    await kernel.boot();
    kernel.takeEvents();
    let boots = 0;
    await replay(
      readRecording('dimm_kernel'),
      { ...guestTarget(kernel), boot: () => (boots++ === 0 ? kernel.boot() : kernel.rebooted()) },
      REPLAY,
    );
    await kernel.end();
  });
});

describe('a guest that is too small for the DIMM', () => {
  it('does not take it, loses nothing, and takes it at its next start', {
    timeout: 6 * MINUTES,
  }, async () => {
    const small = await HeadlessGuest.atPrompt({ images, config: CONFIG });
    await small.settle();
    const before = await small.ask('cat /sys/devices/system/memory/memory*/state');
    await small.run(
      'mkdir -p /t; mount -t tmpfs -o size=100% t /t; dd if=/dev/urandom of=/t/x bs=1M count=4',
    );
    const sum = await small.ask('md5sum < /t/x');
    // Linux needs 28 MiB to describe so much.
    await small.run("n=$(awk '/MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)");
    await small.run('dd if=/dev/zero of=/t/rest bs=1M count=$((n - 24))');
    expect(await small.hmp('object_add memory-backend-ram,id=mem0,size=1792M')).toBe('');
    expect(await small.hmp('device_add pc-dimm,id=dimm0,memdev=mem0')).toBe('');
    // QEMU: Linux reports success here, too.
    await small.event('ACPI_DEVICE_OST');
    // Guest: Linux keeps what it had made of it by then, and for a next command there may be too little. The shell does this by itself.
    await small.run(': > /t/rest');
    // A message of the kernel in the line of the answer would take it along.
    await small.settle();
    expect(await small.ask('dmesg | grep -c "add_memory failed"')).toBe('1');
    expect(await small.ask('cat /sys/devices/system/memory/memory*/state')).toBe(before);
    expect(await small.ask('md5sum < /t/x')).toBe(sum);
    expect(await small.hmp('info memory-devices')).toContain('"dimm0"');
    await small.run('umount /t');
    expect(await small.hmp('device_del dimm0')).toBe('');
    await small.event('DEVICE_DELETED');
    // Guest: what Linux had made of it is in the way of another one until its next start, on QEMU too.
    expect(await small.hmp('device_add pc-dimm,id=dimm0,memdev=mem0')).toBe('');
    await small.hmp('system_reset');
    await small.rebooted();
    expect(await small.ask('cat /sys/devices/system/memory/memory*/state | grep -c offline')).toBe('14');
    await small.end();
  });
});
