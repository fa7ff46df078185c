/** When the guest has more RAM than the host can give it. */
import { ArenaFullError } from '../memory/arena.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { MachineHost } from './machine-config.ts';

/** True for a machine that stopped since the guest used all memory that the host gave it. */
export function isOutOfMemory(error: Error): boolean {
  return error instanceof ArenaFullError;
}

/** Tells the user before it matters. */
export function noticeSmallArena(
  { arena }: GuestMemory,
  ramBytes: number,
  host: Pick<MachineHost, 'notice'>,
): void {
  if (arena.capacity >= ramBytes) return;
  const [has, can] = [ramBytes, arena.capacity].map((bytes) => Math.floor(bytes / 2 ** 20));
  host.notice?.(
    `The guest has ${has} MiB of memory, but the host gives ${can} MiB: the machine stops when the guest has used more.`,
    'memory',
  );
}

/** What the user is told of a machine that stopped by itself. */
export function faultNotice(error: Error): string {
  return isOutOfMemory(error)
    ? error.message
    : `The machine stopped by a fault of the emulator: ${error.message}`;
}
