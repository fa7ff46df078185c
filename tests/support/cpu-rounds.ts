/** Processors that come, work and go, again and again, in a guest under load. */
import { expect } from 'vitest';
import type { HeadlessGuest } from './headless-guest.ts';

export const ADD_CPU = 'device_add qemu64-x86_64-cpu,core-id=0,thread-id=0';
/** What Linux says when processors disagree, or when one waits for another in vain. */
const TROUBLE = 'BUG|WARNING|soft lockup|rcu.*stall|inconsistent|[Nn]ot responding|Call Trace';
const SHELL_ROUNDS = 50;

export async function trouble(guest: HeadlessGuest): Promise<string> {
  return guest.ask(`dmesg | grep -E "${TROUBLE}"`);
}

/** So many shells at once, each of which counts: what they counted, and how many did. */
export function counted(shells: number, rounds: number): string {
  const count = `( i=0; while [ $i -lt ${rounds} ]; do i=$((i+1)); done; echo $i )`;
  return (
    `( for n in $(seq ${shells}); do ${count} & done > /tmp/counts; wait ); ` +
    'sort /tmp/counts | uniq -c | tr -s " "'
  );
}

/** @param before processors that are on line; socket 1 must be free */
export async function cpuRounds(
  guest: HeadlessGuest,
  { rounds, before }: { readonly rounds: number; readonly before: number },
): Promise<void> {
  const online = 'for file in /sys/devices/system/cpu/cpu*/online; do echo 1 > $file; done; nproc';
  for (let round = 0; round < rounds; round++) {
    const id = `cpu${round}`;
    expect(await guest.hmp(`${ADD_CPU},socket-id=1,id=${id}`)).toBe('');
    await guest.event('ACPI_DEVICE_OST');
    expect(await guest.ask(online), id).toBe(String(before + 1));
    expect(await guest.ask(counted(before + 1, SHELL_ROUNDS)), id).toBe(` ${before + 1} ${SHELL_ROUNDS}`);
    expect(await guest.hmp(`device_del ${id}`)).toBe('');
    await guest.event('DEVICE_DELETED');
    // What the guest reports last.
    await guest.event('ACPI_DEVICE_OST');
    expect(await guest.ask('nproc'), id).toBe(String(before));
  }
}
