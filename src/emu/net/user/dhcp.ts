/**
 * The DHCP server of the user network. Spec: RFC 2131, RFC 2132. QEMU: it gives an address for a day to each of the first 16 cards
 * that ask, and answers every client by broadcast.
 *
 * | BOOTP offset | field |
 * |---|---|
 * | 0 | op u8, htype u8, hlen u8, hops u8, xid u32, secs u16, flags u16 |
 * | 12 | ciaddr, yiaddr, siaddr, giaddr: u32 each |
 * | 28 | chaddr, 16 bytes |
 * | 44 | sname, 64 bytes |
 * | 108 | file, 128 bytes |
 * | 236 | options: the magic cookie, then code, length, value |
 */
import { formatMac } from '../mac-address.ts';
import type { Ipv4 } from '../net-host.ts';
import { BROADCAST, viewOf } from './ipv4.ts';
import type { UserConfig } from './user-config.ts';

export const BOOTP_SERVER = 67;
export const BOOTP_CLIENT = 68;
const BOOTREQUEST = 1;
const BOOTREPLY = 2;
const ETHERNET = 1;
const MAC_AT = 28;
const FILE_AT = 108;
const FILE_BYTES = 128;
const OPTIONS_AT = 236;
const REPLY_BYTES = 548;
const MAGIC = 0x6382_5363;

const OPTION_PAD = 0;
const OPTION_SUBNET_MASK = 1;
const OPTION_ROUTER = 3;
const OPTION_DNS = 6;
const OPTION_HOSTNAME = 12;
const OPTION_DOMAIN_NAME = 15;
const OPTION_REQUESTED_ADDRESS = 50;
const OPTION_LEASE_TIME = 51;
const OPTION_MESSAGE_TYPE = 53;
const OPTION_SERVER_ID = 54;
const OPTION_MESSAGE = 56;
const OPTION_TFTP_SERVER_NAME = 66;
const OPTION_DOMAIN_SEARCH = 119;
const OPTION_END = 255;

const DISCOVER = 1;
const OFFER = 2;
const REQUEST = 3;
const ACK = 5;
const NAK = 6;

const LEASES_MAX = 16;
const LEASE_S = 86_400;
const OPTION_BYTES_MAX = 255;
const NOT_AVAILABLE = 'requested address not available';

/** An answer, which goes to everybody. */
export interface DhcpAnswer {
  readonly payload: Uint8Array;
  /** The client's address from now on; undefined: it gets none. */
  readonly lease: { readonly address: Ipv4; readonly mac: Uint8Array } | undefined;
}

export class DhcpServer {
  readonly #config: UserConfig;
  /** Whose an address is, by its place after the first. */
  readonly #leases: (string | undefined)[] = new Array(LEASES_MAX).fill(undefined);

  constructor(config: UserConfig) {
    this.#config = config;
  }

  /** Undefined: there is nothing to say. */
  answer(message: Uint8Array): DhcpAnswer | undefined {
    if (message.length < OPTIONS_AT || message[0] !== BOOTREQUEST || message[1] !== ETHERNET)
      return undefined;
    const asked = readOptions(message);
    // QEMU: a client of plain BOOTP has no type, and is answered as one that has chosen.
    const type = asked.get(OPTION_MESSAGE_TYPE)?.[0] ?? REQUEST;
    if (type !== DISCOVER && type !== REQUEST) return undefined;
    const mac = message.slice(MAC_AT, MAC_AT + 6);
    const wanted =
      addressOption(asked.get(OPTION_REQUESTED_ADDRESS)) ?? (viewOf(message).getUint32(12) || undefined);
    const address = type === REQUEST ? this.#keep(mac, wanted) : this.#choose(mac, wanted);
    if (address === undefined && type !== REQUEST) return undefined;
    const payload = this.#reply(message, type, address);
    return { payload, lease: address === undefined ? undefined : { address, mac } };
  }

  #addressOf(index: number): Ipv4 {
    return (this.#config.firstGuest + index) >>> 0;
  }

  /** For a first question: what is asked for where it is free, else what the client had, else the first that is free. */
  #choose(mac: Uint8Array, wanted: Ipv4 | undefined): Ipv4 | undefined {
    return (
      this.#take(mac, this.#indexOf(wanted)) ?? this.#take(mac, this.#indexOfMac(mac) ?? this.#firstFree())
    );
  }

  /** For a client that has chosen: that address or none. */
  #keep(mac: Uint8Array, wanted: Ipv4 | undefined): Ipv4 | undefined {
    if (wanted === undefined) return this.#choose(mac, undefined);
    return this.#take(mac, this.#indexOf(wanted));
  }

  #take(mac: Uint8Array, index: number | undefined): Ipv4 | undefined {
    if (index === undefined) return undefined;
    const owner = this.#leases[index];
    const name = formatMac(mac);
    if (owner !== undefined && owner !== name) return undefined;
    this.#leases[index] = name;
    return this.#addressOf(index);
  }

  #indexOf(address: Ipv4 | undefined): number | undefined {
    if (address === undefined) return undefined;
    const index = address - this.#config.firstGuest;
    return index >= 0 && index < LEASES_MAX ? index : undefined;
  }

  #indexOfMac(mac: Uint8Array): number | undefined {
    const index = this.#leases.indexOf(formatMac(mac));
    return index < 0 ? undefined : index;
  }

  #firstFree(): number | undefined {
    const index = this.#leases.indexOf(undefined);
    return index < 0 ? undefined : index;
  }

  #reply(message: Uint8Array, type: number, address: Ipv4 | undefined): Uint8Array {
    const { host, bootFile } = this.#config;
    const reply = new Uint8Array(REPLY_BYTES);
    const view = viewOf(reply);
    reply.set([BOOTREPLY, ETHERNET, 6, 0]);
    reply.set(message.subarray(4, 8), 4);
    view.setUint32(16, address ?? BROADCAST);
    view.setUint32(20, host);
    reply.set(message.subarray(MAC_AT, MAC_AT + 16), MAC_AT);
    view.setUint32(OPTIONS_AT, MAGIC);
    if (address !== undefined) reply.set(textBytes(bootFile, FILE_BYTES - 1), FILE_AT);
    const options = address === undefined ? this.#refusal() : this.#offer(type);
    let at = OPTIONS_AT + 4;
    for (const [code, value] of [...options, [OPTION_END, undefined] as const]) {
      const length = value === undefined ? 1 : 2 + value.length;
      // What does not fit is left out, but there is an end.
      if (code !== OPTION_END && at + length >= REPLY_BYTES) continue;
      reply[at] = code;
      if (value !== undefined) {
        reply[at + 1] = value.length;
        reply.set(value, at + 2);
      }
      at += length;
    }
    return reply;
  }

  #refusal(): readonly Option[] {
    return [
      [OPTION_MESSAGE_TYPE, Uint8Array.of(NAK)],
      [OPTION_MESSAGE, textBytes(NOT_AVAILABLE)],
    ];
  }

  #offer(type: number): readonly Option[] {
    const { host, mask, nameServer, isRestricted, hostname, domainName, searchDomains, tftpServerName } =
      this.#config;
    const messageType: readonly Option[] = [
      [OPTION_MESSAGE_TYPE, Uint8Array.of(type === DISCOVER ? OFFER : ACK)],
      [OPTION_SERVER_ID, addressBytes(host)],
    ];
    const outside: readonly Option[] = isRestricted
      ? []
      : [
          [OPTION_ROUTER, addressBytes(host)],
          [OPTION_DNS, addressBytes(nameServer)],
        ];
    return [
      ...messageType,
      [OPTION_SUBNET_MASK, addressBytes(mask)],
      ...outside,
      [OPTION_LEASE_TIME, addressBytes(LEASE_S)],
      ...(hostname === '' ? [] : [[OPTION_HOSTNAME, textBytes(hostname)] as const]),
      ...(domainName === '' ? [] : [[OPTION_DOMAIN_NAME, textBytes(domainName)] as const]),
      ...(tftpServerName === '' ? [] : [[OPTION_TFTP_SERVER_NAME, textBytes(tftpServerName)] as const]),
      ...(searchDomains.length === 0 ? [] : [[OPTION_DOMAIN_SEARCH, searchList(searchDomains)] as const]),
    ];
  }
}

type Option = readonly [code: number, value: Uint8Array | undefined];

/** The first of each code. */
function readOptions(message: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  if (message.length < OPTIONS_AT + 4 || viewOf(message).getUint32(OPTIONS_AT) !== MAGIC) return options;
  for (let at = OPTIONS_AT + 4; at < message.length; ) {
    const code = message[at++];
    if (code === OPTION_END) break;
    if (code === OPTION_PAD) continue;
    const length = message[at++] ?? 0;
    if (at + length > message.length) break;
    if (!options.has(code)) options.set(code, message.subarray(at, at + length));
    at += length;
  }
  return options;
}

function addressOption(value: Uint8Array | undefined): Ipv4 | undefined {
  return value?.length === 4 ? viewOf(value).getUint32(0) : undefined;
}

function addressBytes(address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, address);
  return bytes;
}

function textBytes(text: string, most = OPTION_BYTES_MAX): Uint8Array {
  return new TextEncoder().encode(text).subarray(0, most);
}

/** Spec: RFC 3397, without compression. */
function searchList(domains: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const domain of domains) {
    const labels = domain.split('.').filter((label) => label !== '');
    const encoded = labels.flatMap((label) => {
      const text = textBytes(label, 63);
      return [text.length, ...text];
    });
    if (bytes.length + encoded.length + 1 > OPTION_BYTES_MAX) break;
    bytes.push(...encoded, 0);
  }
  return Uint8Array.from(bytes);
}
