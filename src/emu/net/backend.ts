/** What is at the far end of a card: made by `-netdev`, taken away by `netdev_del`. */
import type { NetClient } from './net-client.ts';

export interface Backend {
  readonly client: NetClient;
  /** The machine went to another moment: what is on its way was not for the guest that is there now. */
  dropConnections(): void;
  /** The back end is gone: it gives back what it has of the host's. */
  close(): void;
}
