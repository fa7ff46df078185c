/** Which packets a network card takes, as its driver has said through the control queue. Spec: virtio 1.2 §5.1.6.5. */
import { BOOLEAN, bytes, integer, type StateFields, typedArray } from '../core/state-fields.ts';
import { formatMac, isBroadcast, isMulticast, isSameMac, MAC_BYTES } from '../net/mac-address.ts';
import type { Packet } from '../net/net-client.ts';
import type { RxFilter, RxState } from '../net/rx-filter.ts';

/** QEMU: addresses of both kinds together. */
export const MAC_TABLE_ENTRIES = 64;
export const MAX_VLAN = 4096;
const VLAN_WORDS = MAX_VLAN / 32;
const ETHERTYPE_AT = 12;
const TAG_AT = 14;
const ETHERTYPE_VLAN = 0x8100;
const VLAN_MASK = 0xfff;

export type NetFilterState = {
  readonly promiscuous: boolean;
  readonly allMulticast: boolean;
  readonly allUnicast: boolean;
  readonly noMulticast: boolean;
  readonly noUnicast: boolean;
  readonly noBroadcast: boolean;
  /** Addresses, those of single cards first. */
  readonly macs: Uint8Array;
  readonly unicastMacs: number;
  readonly multicastMacs: number;
  readonly unicastOverflow: boolean;
  readonly multicastOverflow: boolean;
  /** A bit for each network. */
  readonly vlans: Uint32Array;
};

export const NET_FILTER_FIELDS: StateFields<NetFilterState> = {
  promiscuous: BOOLEAN,
  allMulticast: BOOLEAN,
  allUnicast: BOOLEAN,
  noMulticast: BOOLEAN,
  noUnicast: BOOLEAN,
  noBroadcast: BOOLEAN,
  macs: bytes(MAC_TABLE_ENTRIES * MAC_BYTES),
  unicastMacs: integer(0, MAC_TABLE_ENTRIES),
  multicastMacs: integer(0, MAC_TABLE_ENTRIES),
  unicastOverflow: BOOLEAN,
  multicastOverflow: BOOLEAN,
  vlans: typedArray(Uint32Array, VLAN_WORDS),
};

/** The modes that a driver switches, in the order of their commands. */
export const RX_MODES = [
  ...(['promiscuous', 'allMulticast', 'allUnicast', 'noMulticast', 'noUnicast', 'noBroadcast'] as const),
] as const;
export type RxMode = (typeof RX_MODES)[number];

/** Addresses of one kind that the driver asks for; undefined: more than there is room for. */
export type MacList = Uint8Array | undefined;

export class NetFilter {
  readonly #s: { -readonly [K in keyof NetFilterState]: NetFilterState[K] } = filterAtReset();

  reset(): void {
    Object.assign(this.#s, filterAtReset());
  }

  save(): NetFilterState {
    return { ...this.#s, macs: this.#s.macs.slice(), vlans: this.#s.vlans.slice() };
  }

  restore(state: NetFilterState): void {
    const { macs, vlans } = state;
    for (const name of Object.keys(this.#s) as (keyof NetFilterState)[]) {
      Object.assign(this.#s, { [name]: state[name] });
    }
    Object.assign(this.#s, { macs: macs.slice(), vlans: vlans.slice() });
    // Each count alone may be as large as the table.
    this.#s.multicastMacs = Math.min(state.multicastMacs, MAC_TABLE_ENTRIES - state.unicastMacs);
  }

  setMode(mode: RxMode, on: boolean): void {
    this.#s[mode] = on;
  }

  setVlan(vlan: number, on: boolean): void {
    const bit = 1 << (vlan & 31);
    const word = this.#s.vlans[vlan >> 5];
    this.#s.vlans[vlan >> 5] = on ? word | bit : word & ~bit;
  }

  clearVlans(): void {
    this.#s.vlans.fill(0);
  }

  setMacs(unicast: MacList, multicast: MacList): void {
    const s = this.#s;
    s.macs.fill(0);
    s.unicastOverflow = unicast === undefined;
    s.unicastMacs = (unicast?.length ?? 0) / MAC_BYTES;
    if (unicast !== undefined) s.macs.set(unicast);
    const fits = multicast !== undefined && s.unicastMacs + multicast.length / MAC_BYTES <= MAC_TABLE_ENTRIES;
    s.multicastOverflow = !fits;
    s.multicastMacs = fits ? multicast.length / MAC_BYTES : 0;
    if (fits) s.macs.set(multicast, s.unicastMacs * MAC_BYTES);
  }

  /** @param hasVlans the driver sorts by networks; else all of them are let through */
  takes(packet: Packet, mac: Uint8Array, hasVlans: boolean): boolean {
    const s = this.#s;
    if (s.promiscuous) return true;
    if (hasVlans && !this.#takesVlan(packet)) return false;
    const to = packet.subarray(0, MAC_BYTES);
    if (isMulticast(to)) {
      if (isBroadcast(to)) return !s.noBroadcast;
      if (s.noMulticast) return false;
      return s.allMulticast || s.multicastOverflow || this.#multicastMacs().some((one) => isSameMac(one, to));
    }
    if (s.noUnicast) return false;
    if (s.allUnicast || s.unicastOverflow || isSameMac(mac, to)) return true;
    return this.#unicastMacs().some((one) => isSameMac(one, to));
  }

  /** QEMU: lists are told backwards, and whether broadcasts are let through the wrong way round. */
  describe(mac: Uint8Array, hasVlans: boolean): RxFilter {
    const s = this.#s;
    const vlans = Array.from({ length: MAX_VLAN }, (_, n) => MAX_VLAN - 1 - n).filter(
      (vlan) => !hasVlans || this.#hasVlan(vlan),
    );
    return {
      promiscuous: s.promiscuous,
      multicast: rxState(s.noMulticast, s.allMulticast),
      unicast: rxState(s.noUnicast, s.allUnicast),
      vlan: hasVlans ? vlanState(vlans) : 'all',
      broadcastAllowed: s.noBroadcast,
      multicastOverflow: s.multicastOverflow,
      unicastOverflow: s.unicastOverflow,
      mainMac: formatMac(mac),
      vlans,
      unicastMacs: this.#unicastMacs().map(formatMac).reverse(),
      multicastMacs: this.#multicastMacs().map(formatMac).reverse(),
    };
  }

  #takesVlan(packet: Packet): boolean {
    const type = (packet[ETHERTYPE_AT] << 8) | packet[ETHERTYPE_AT + 1];
    if (type !== ETHERTYPE_VLAN) return true;
    return this.#hasVlan(((packet[TAG_AT] << 8) | packet[TAG_AT + 1]) & VLAN_MASK);
  }

  #hasVlan(vlan: number): boolean {
    return (this.#s.vlans[vlan >> 5] & (1 << (vlan & 31))) !== 0;
  }

  #unicastMacs(): readonly Uint8Array[] {
    return this.#macsFrom(0, this.#s.unicastMacs);
  }

  #multicastMacs(): readonly Uint8Array[] {
    return this.#macsFrom(this.#s.unicastMacs, this.#s.multicastMacs);
  }

  #macsFrom(first: number, count: number): readonly Uint8Array[] {
    return Array.from({ length: count }, (_, n) =>
      this.#s.macs.subarray((first + n) * MAC_BYTES, (first + n + 1) * MAC_BYTES),
    );
  }
}

function rxState(none: boolean, all: boolean): RxState {
  if (none) return 'none';
  return all ? 'all' : 'normal';
}

function vlanState(vlans: readonly number[]): RxState {
  return vlans.length === 0 ? 'none' : 'normal';
}

/** Spec: §5.1.6.5.1: at first a card takes everything. */
function filterAtReset(): { -readonly [K in keyof NetFilterState]: NetFilterState[K] } {
  return {
    promiscuous: true,
    allMulticast: false,
    allUnicast: false,
    noMulticast: false,
    noUnicast: false,
    noBroadcast: false,
    macs: new Uint8Array(MAC_TABLE_ENTRIES * MAC_BYTES),
    unicastMacs: 0,
    multicastMacs: 0,
    unicastOverflow: false,
    multicastOverflow: false,
    vlans: new Uint32Array(VLAN_WORDS),
  };
}
