/** The network of a machine in this page's worker, with what the browser gives it. */
import { hasOpaqueOrigin } from '../opaque-origin.ts';
import type { Outside } from './outside.ts';
import { PageNetHost } from './page-net-host.ts';

/** @param guestUrl of the page's own host. @param wake called after each event: the machine may sleep */
export function pageNetwork(guestUrl: string, outside: Outside, wake: () => void): PageNetHost {
  return new PageNetHost({
    fetch: (url, init) => fetch(url, init),
    ownUrl: new URL(guestUrl),
    // Tabs of an opaque origin see nothing of each other. A page without https has no locks.
    locks: hasOpaqueOrigin() ? undefined : (navigator.locks as LockManager | undefined),
    outside,
    connectRelay: (url) => new WebSocket(url),
    nowMs: () => Date.now(),
    wake,
  });
}
