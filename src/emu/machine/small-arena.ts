/** When the guest has more RAM than the host can give it. */
import type { GuestMemory } from '../memory/guest-memory.ts';

interface Noticing {
  readonly notice?: (text: string) => void;
}

/** Tells the user before it matters. */
export function noticeSmallArena({ arena }: GuestMemory, ramBytes: number, host: Noticing): void {
  if (arena.capacity >= ramBytes) return;
  const [has, can] = [ramBytes, arena.capacity].map((bytes) => Math.floor(bytes / 2 ** 20));
  host.notice?.(
    `The guest has ${has} MiB of memory, but the host gives ${can} MiB: the machine stops when the guest has used more.`,
  );
}
