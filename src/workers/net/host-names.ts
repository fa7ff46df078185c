/** Addresses for names: a page cannot ask a name server, so every name of the outside has an address that means something only here. */
import type { Ipv4 } from '../../emu/index.ts';

/** Spec: RFC 2544: 198.18.0.0/15 is for networks that are tested, and is nowhere in the world. */
const FIRST: Ipv4 = 0xc612_0001;
const LOOPBACK: Ipv4 = 0x7f00_0001;
/** Names that are known; a guest may ask for more. */
const NAMES_MAX = 4096;
const NAME = /^(?=.{1,253}$)([a-z\d_]([a-z\d_-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{0,61}[a-z\d]$/;
/** Spec: RFC 6761, RFC 6762, RFC 8375, and what routers at home call themselves. */
const PRIVATE_ENDS = ['local', 'localhost', 'internal', 'lan', 'home.arpa', 'invalid', 'test', 'onion'];

/** Whether a name may be one of the outside, in small letters. */
export function isOutsideName(name: string): boolean {
  return NAME.test(name) && !PRIVATE_ENDS.some((end) => name.endsWith(`.${end}`));
}

export class HostNames {
  /** Oldest first. */
  readonly #addresses = new Map<string, Ipv4>();
  readonly #names = new Map<Ipv4, string>();
  #next = FIRST;

  /** Undefined: nobody has that name. */
  addressOf(asked: string): Ipv4 | undefined {
    const name = asked.toLowerCase();
    if (name === 'localhost') return LOOPBACK;
    if (!isOutsideName(name)) return undefined;
    const known = this.#addresses.get(name);
    if (known !== undefined) return known;
    const address = this.#free();
    this.#addresses.set(name, address);
    this.#names.set(address, name);
    return address;
  }

  /** Undefined: the address was given to no name. */
  nameOf(address: Ipv4): string | undefined {
    return this.#names.get(address);
  }

  /** With all of them taken, that of the oldest name. */
  #free(): Ipv4 {
    const [oldest] = this.#addresses;
    if (oldest === undefined || this.#addresses.size < NAMES_MAX) return this.#next++;
    const [name, address] = oldest;
    this.#addresses.delete(name);
    return address;
  }
}
