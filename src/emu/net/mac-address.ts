/** Ethernet addresses: as the user writes them, and those that a machine gives to cards which were given none. */
import { MonitorError } from '../core/monitor-error.ts';
import { badValueError, type PropertyKind, STR } from '../qdev/properties.ts';

export const MAC_BYTES = 6;
const MULTICAST = 1;

/** QEMU: what cards get by themselves counts up from here. */
const FIRST = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56] as const;
const LAST_OF_FIRST = 0x56;
const OWN_ADDRESSES = 0xfe - LAST_OF_FIRST;

/** Six numbers in base 16 with `:` or `-` between them; undefined for no address. */
export function parseMac(text: string): Uint8Array | undefined {
  if (!/^[\da-f]{2}([:-][\da-f]{2}){5}$/i.test(text)) return undefined;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The address of a card as -nic and -net have it, which takes numbers without a leading zero. Throws QEMU's errors. */
export function parseNicMac(text: string): string {
  const parts = /^[\da-f]{1,2}(:[\da-f]{1,2}){5}$/i.test(text) ? text.split(':') : undefined;
  if (parts === undefined) throw new MonitorError('invalid syntax for ethernet address');
  const mac = Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
  if (isMulticast(mac)) throw new MonitorError('NIC cannot have multicast MAC address (odd 1st byte)');
  return formatMac(mac);
}

export function isMulticast(mac: Uint8Array): boolean {
  return (mac[0] & MULTICAST) !== 0;
}

export function isBroadcast(mac: Uint8Array): boolean {
  return mac.every((byte) => byte === 0xff);
}

export function isSameMac(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]);
}

/** QEMU: the address of nobody asks for one of the machine's. */
function isUnset(mac: Uint8Array): boolean {
  return mac.every((byte) => byte === 0);
}

/** A property that is an Ethernet address. */
export const MAC: PropertyKind = {
  ...STR,
  parse(text, { name }, owner) {
    const mac = parseMac(text);
    if (mac === undefined) throw badValueError(owner, name, text);
    return formatMac(mac);
  },
  fromJson(json, property, owner) {
    return MAC.parse(String(STR.fromJson(json, property, owner)), property, owner);
  },
};

/** Which of the machine's own addresses are taken, and how often. */
export class MacAddresses {
  readonly #uses = new Map<number, number>();

  /** The address of a new card. @param wanted as the user gave it; none: one of the machine's own */
  take(wanted: Uint8Array | undefined): Uint8Array {
    const mac = wanted === undefined || isUnset(wanted) ? this.#free() : wanted;
    this.#count(mac, 1);
    return mac;
  }

  /** The card is gone. */
  giveBack(mac: Uint8Array): void {
    this.#count(mac, -1);
  }

  #free(): Uint8Array {
    const mac = Uint8Array.from(FIRST);
    for (let index = 0; index < OWN_ADDRESSES; index++) {
      if ((this.#uses.get(index) ?? 0) > 0) continue;
      mac[5] = LAST_OF_FIRST + index;
      return mac;
    }
    // QEMU: with all of them taken a card has an address of ones.
    return mac.fill(0xff);
  }

  #count(mac: Uint8Array, change: number): void {
    if (!FIRST.slice(0, 5).every((byte, at) => byte === mac[at]) || mac[5] < LAST_OF_FIRST) return;
    const index = mac[5] - LAST_OF_FIRST;
    this.#uses.set(index, (this.#uses.get(index) ?? 0) + change);
  }
}
