/** A DIMM that comes, is used by Linux, and goes, as often as a test likes. */
import { expect } from 'vitest';
import { CHUNK_SIZE } from '../../src/emu/memory/arena.ts';
import type { HeadlessGuest } from './headless-guest.ts';

const MIB = 2 ** 20;
/** Linux takes memory that it can give up again for files first. */
const USE = 'dd if=/dev/zero of=/t/x bs=1M count=40 2> /dev/null; wc -c < /t/x';
const PLACES = [
  { gpa: 0x1_0000_0000, more: '' },
  { gpa: 0x1_1000_0000, more: ',addr=0x110000000,slot=2' },
] as const;

/** What the host holds of the DIMM at `gpa`, in MiB. */
export function heldMiB({ machine }: HeadlessGuest, gpa: number): number {
  const chunks = machine.memory.find(gpa, 1)?.chunks ?? [];
  return chunks.filter((chunk) => chunk !== 0).length * (CHUNK_SIZE / MIB);
}

/** After each round Linux has as much memory as before, and from the third on the host holds no more than then. */
export async function useDimms(guest: HeadlessGuest, rounds: number): Promise<void> {
  const total = (): Promise<string> => guest.ask('grep MemTotal /proc/meminfo');
  await guest.run('echo online_movable > /sys/devices/system/memory/auto_online_blocks; mkdir -p /t');
  const before = await total();
  let held = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const { gpa, more } = PLACES[round % 2 === 0 ? 0 : 1];
    expect(await guest.hmp('object_add memory-backend-ram,id=m,size=128M')).toBe('');
    expect(await guest.hmp(`device_add pc-dimm,id=d,memdev=m${more}`)).toBe('');
    await guest.event('ACPI_DEVICE_OST');
    await guest.run('mount -t tmpfs -o size=200m t /t');
    expect(await guest.ask(USE)).toBe(String(40 * MIB));
    expect(heldMiB(guest, gpa)).toBeGreaterThanOrEqual(40);
    await guest.run('umount /t');
    expect(await guest.hmp('device_del d')).toBe('');
    await guest.event('DEVICE_DELETED');
    // What the guest reports last.
    await guest.event('ACPI_DEVICE_OST');
    expect(await guest.hmp('object_del m')).toBe('');
    expect(await total()).toBe(before);
    const { used } = guest.machine.memory.arena;
    expect(used).toBeLessThanOrEqual(held);
    if (round === 2) held = used + 8 * MIB;
  }
}
