/** Which packets a card takes, as `query-rx-filter` tells it. Spec: QEMU qapi/net.json, RxFilterInfo. */

export const RX_STATES = ['normal', 'none', 'all'] as const;
export type RxState = (typeof RX_STATES)[number];

export interface RxFilter {
  readonly promiscuous: boolean;
  readonly multicast: RxState;
  readonly unicast: RxState;
  readonly vlan: RxState;
  readonly broadcastAllowed: boolean;
  readonly multicastOverflow: boolean;
  readonly unicastOverflow: boolean;
  readonly mainMac: string;
  readonly vlans: readonly number[];
  readonly unicastMacs: readonly string[];
  readonly multicastMacs: readonly string[];
}
