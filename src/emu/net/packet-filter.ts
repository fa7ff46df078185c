/** What looks at packets on their way between the two ends of a wire. */
import type { Packet } from './net-client.ts';

/** As the back end sees it: `rx` is what comes to it, `tx` what it sends. */
export type FilterDirection = 'rx' | 'tx';

export interface PacketFilter {
  /** QEMU's line of it in `info network`, without its end. */
  readonly info: string;
  /** @param packet which is still the sender's: whoever keeps it copies it */
  see(packet: Packet, direction: FilterDirection): void;
  /** The back end is taken away, and the filter with it. */
  backendGone(): void;
}
