/** Memory that comes and goes by virtio under Linux, as often as a test likes. */
import { expect } from 'vitest';
import type { HeadlessGuest } from './headless-guest.ts';

const MIB = 2 ** 20;
const SECONDS = 120;

/** Linux has written to `mib` of its memory, and does not need it any more. */
export async function dirty(guest: HeadlessGuest, mib: number): Promise<void> {
  await guest.run(
    `mkdir -p /t; mount -t tmpfs -o size=100% t /t; dd if=/dev/zero of=/t/x bs=1M count=${mib}`,
  );
  await guest.run('umount /t');
}

/** Asks for so much memory, and awaits that the guest has just that. */
export async function balloonTo(guest: HeadlessGuest, mib: number): Promise<void> {
  expect(await guest.hmp(`balloon ${mib}`)).toBe('');
  await guest.poll(
    () => guest.machine.balloon.actualBytes === BigInt(mib * MIB),
    SECONDS,
    () => `balloon of ${mib} MiB`,
  );
}

/** The same for virtio-mem `id`. */
export async function requestOf(guest: HeadlessGuest, id: string, mib: number): Promise<void> {
  expect(await guest.hmp(`qom-set ${id} requested-size ${mib}M`)).toBe('');
  await pluggedOf(guest, id, mib);
}

/** Awaits that virtio-mem `id` has so much plugged. */
export async function pluggedOf(guest: HeadlessGuest, id: string, mib: number): Promise<void> {
  const device = guest.machine.devices.tree.find(id);
  await guest.poll(
    () => device?.read('size') === mib * MIB,
    SECONDS,
    () => `${id} with ${mib} MiB`,
  );
}

/**
 * A balloon and a virtio-mem, both there, fill and empty in turn while Linux uses its memory: after each round it has as much as before,
 * and from the third on the host holds no more than then.
 */
export async function useBoth(guest: HeadlessGuest, id: string, rounds: number): Promise<void> {
  const { machine } = guest;
  const all = Number(machine.inspect.memory.sizes.base) / MIB;
  const total = (): Promise<string> => guest.ask('grep MemTotal /proc/meminfo');
  await guest.run('echo online_movable > /sys/devices/system/memory/auto_online_blocks');
  await requestOf(guest, id, 0);
  await balloonTo(guest, all);
  const before = await total();
  let held = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    await requestOf(guest, id, 64);
    await dirty(guest, 100);
    await balloonTo(guest, all - 80);
    await requestOf(guest, id, 0);
    expect(await guest.ask('echo here')).toBe('here');
    const { used } = machine.memory.arena;
    expect(used).toBeLessThanOrEqual(held);
    if (round === 2) held = used + 32 * MIB;
    await balloonTo(guest, all);
    expect(await total()).toBe(before);
  }
}
