/** What `-netdev user` says, as addresses. Texts, their order and the defaults are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { Ipv4 } from '../net-host.ts';
import type { UserOptions } from '../netdev-options.ts';
import { type HostForward, parseForward } from './host-forward.ts';
import { parseIpv4 } from './ipv4.ts';

interface UserTexts {
  readonly hostname: string;
  readonly domainName: string;
  readonly searchDomains: readonly string[];
  readonly bootFile: string;
  readonly tftpServerName: string;
  /** The host's folder of files that the guest may read by TFTP; empty: none. */
  readonly tftpFolder: string;
}

export interface UserConfig extends UserTexts {
  readonly network: Ipv4;
  readonly mask: Ipv4;
  /** The gateway, behind which the host is. */
  readonly host: Ipv4;
  readonly nameServer: Ipv4;
  /** The first address that DHCP gives. */
  readonly firstGuest: Ipv4;
  /** The guest reaches nothing outside. */
  readonly isRestricted: boolean;
  /** IPv4 is there; without it nothing is. */
  readonly hasIpv4: boolean;
  readonly forwards: readonly HostForward[];
}

/** The ends of addresses that nobody chose, cut to the network. */
const HOST_END = 0x0202;
const NAME_SERVER_END = 0x0203;
const GUEST_END = 0x020f;

/** Networks and the masks that QEMU takes for them where none is given: the first that fits. */
const CLASSES: readonly (readonly [bits: number, value: number, mask: number])[] = [
  [0x8000_0000, 0, 0xff00_0000],
  [0xfff0_0000, 0xac10_0000, 0xfff0_0000],
  [0xc000_0000, 0x8000_0000, 0xffff_0000],
  [0xffff_0000, 0xc0a8_0000, 0xffff_0000],
  [0xffff_0000, 0xc612_0000, 0xfffe_0000],
  [0xe000_0000, 0xe000_0000, 0xffff_ff00],
  [0, 0, 0xffff_fff0],
];

const DEFAULT_NETWORK = '10.0.2.0/24';
const PREFIX_LEAST = 4;
const PREFIX_MOST = 32;
const TEXT_BYTES_MAX = 255;

/** What QEMU has and is not modelled: it is refused, else the guest would miss it. */
const ABSENT: readonly (keyof UserOptions)[] = ['smb', 'smbserver'];
const IPV6: readonly (keyof UserOptions)[] = ['ipv6-prefix', 'ipv6-prefixlen', 'ipv6-host', 'ipv6-dns'];

/** Throws `MonitorError`. */
export function readUserConfig(options: UserOptions): UserConfig {
  const hasIpv4 = options.ipv4 !== false;
  // QEMU: `ip` is the network of old command lines.
  const given = options.net ?? (options.ip === undefined ? undefined : `${options.ip}/24`);
  checkFamilies(options, given);
  const { network, mask } = readNetwork(given ?? DEFAULT_NETWORK);
  const own = (end: number): Ipv4 => (network | (end & ~mask)) >>> 0;
  const isInside = (address: Ipv4): boolean => (address & mask) >>> 0 === network;
  const host = options.host === undefined ? own(HOST_END) : addressOf(options.host, 'host');
  if (!isInside(host)) throw new MonitorError("Host doesn't belong to network");
  const nameServer = options.dns === undefined ? own(NAME_SERVER_END) : addressOf(options.dns, 'DNS');
  if (nameServer === host) throw new MonitorError('DNS must be different from host');
  const firstGuest =
    options.dhcpstart === undefined ? own(GUEST_END) : addressOf(options.dhcpstart, 'DHCP start address');
  if (!isInside(firstGuest)) throw new MonitorError("DHCP doesn't belong to network");
  if (firstGuest === host || firstGuest === nameServer) {
    throw new MonitorError('DHCP must be different from host and DNS');
  }
  checkTexts(options);
  checkAbsent(options);
  return {
    ...{ network, mask, host, nameServer, firstGuest, hasIpv4 },
    ...textsOf(options),
    isRestricted: options.restrict === true,
    forwards: (options.hostfwd ?? []).map(({ str }) => parseForward(str, firstGuest)),
  };
}

function textsOf({ hostname, domainname, dnssearch, bootfile, tftp, ...others }: UserOptions): UserTexts {
  return {
    hostname: hostname ?? '',
    domainName: domainname ?? '',
    searchDomains: (dnssearch ?? []).map(({ str }) => str),
    bootFile: bootfile ?? '',
    tftpServerName: others['tftp-server-name'] ?? '',
    tftpFolder: tftp ?? '',
  };
}

/** QEMU: what a field of DHCP has room for. */
function checkTexts(options: UserOptions): void {
  const { domainname, hostname } = options;
  const check = (name: string, text = ''): void => {
    if (new TextEncoder().encode(text).length > TEXT_BYTES_MAX) {
      throw new MonitorError(`'${name}' parameter cannot exceed ${TEXT_BYTES_MAX} bytes`);
    }
  };
  if (domainname === '') throw new MonitorError("'domainname' parameter cannot be empty");
  check('domainname', domainname);
  check('vhostname', hostname);
  check('tftp-server-name', options['tftp-server-name']);
}

function checkFamilies(options: UserOptions, network: string | undefined): void {
  const { host, dns, ipv4, ipv6 } = options;
  if (ipv4 === false && [network, host, dns].some((one) => one !== undefined)) {
    throw new MonitorError('IPv4 disabled but netmask/host/dns provided');
  }
  if (ipv6 === false && IPV6.some((name) => options[name] !== undefined)) {
    throw new MonitorError('IPv6 disabled but prefix/host6/dns6 provided');
  }
  if (ipv4 === false && ipv6 === false) throw new MonitorError('IPv4 and IPv6 disabled');
}

function checkAbsent(options: UserOptions): void {
  const absent = ABSENT.find((name) => options[name] !== undefined && options[name] !== '');
  if (absent !== undefined) throw new MonitorError(`Hotslot's user network has no '${absent}'`);
  const ipv6 = IPV6.find((name) => options[name] !== undefined);
  if (ipv6 !== undefined) throw new MonitorError(`Hotslot's user network has no IPv6, and no '${ipv6}'`);
}

function addressOf(text: string, what: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new MonitorError(`Failed to parse ${what}`);
  return address;
}

function readNetwork(text: string): { readonly network: Ipv4; readonly mask: Ipv4 } {
  const slash = text.indexOf('/');
  const address = parseIpv4(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) throw new MonitorError('Failed to parse netmask');
  const mask = slash < 0 ? classMask(address) : readMask(text.slice(slash + 1));
  return { network: (address & mask) >>> 0, mask };
}

function classMask(address: Ipv4): Ipv4 {
  return CLASSES.find(([bits, value]) => (address & bits) >>> 0 === value)?.[2] ?? 0;
}

function readMask(text: string): Ipv4 {
  if (/^\d+$/.test(text)) {
    const prefix = Number(text);
    if (prefix < PREFIX_LEAST || prefix > PREFIX_MOST) {
      throw new MonitorError('Invalid netmask provided (must be in range 4-32)');
    }
    return (0xffff_ffff << (PREFIX_MOST - prefix)) >>> 0;
  }
  const mask = parseIpv4(text);
  if (mask === undefined) throw new MonitorError('Failed to parse netmask (trailing chars)');
  return mask;
}
