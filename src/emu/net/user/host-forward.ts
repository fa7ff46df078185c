/** `hostfwd=`: a port of the host that leads to one of the guest. Texts are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { Endpoint, Ipv4 } from '../net-host.ts';
import { formatIpv4, parseIpv4 } from './ipv4.ts';

export type ForwardProtocol = 'tcp' | 'udp';

export interface HostForward {
  readonly protocol: ForwardProtocol;
  /** Address 0: all of the host's. */
  readonly host: Endpoint;
  readonly guest: Endpoint;
}

const PORT_MAX = 65_535;

/** Reads `[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport`. Throws QEMU's error. */
export function parseForward(rule: string, firstGuest: Ipv4): HostForward {
  const bad = (what: string): MonitorError =>
    new MonitorError(`Invalid host forwarding rule '${rule}' (${what})`);
  const start = parseStart(rule, '-', bad);
  const guestText = start.rest;
  const colon = guestText.indexOf(':');
  if (colon < 0) throw bad('Missing guest address');
  const guestAddress = guestText.slice(0, colon);
  const address = guestAddress === '' ? firstGuest : parseIpv4(guestAddress);
  if (address === undefined) throw bad('Bad guest address');
  const port = portOf(guestText.slice(colon + 1));
  if (port === undefined || port < 1) throw bad('Bad guest port');
  return { protocol: start.protocol, host: start.host, guest: { address, port } };
}

/** Reads `[tcp|udp]:[hostaddr]:hostport`, by which a rule is taken away. Undefined: it is none. */
export function parseForwardHost(text: string): Pick<HostForward, 'protocol' | 'host'> | undefined {
  try {
    return parseStart(text, '', (what) => new MonitorError(what));
  } catch (error) {
    if (error instanceof MonitorError) return undefined;
    throw error;
  }
}

interface Start extends Pick<HostForward, 'protocol' | 'host'> {
  readonly rest: string;
}

/** @param end what comes after the port; empty: nothing */
function parseStart(rule: string, end: string, bad: (what: string) => MonitorError): Start {
  const first = rule.indexOf(':');
  if (first < 0) throw bad('No : separators');
  const protocol = { '': 'tcp', tcp: 'tcp', udp: 'udp' }[rule.slice(0, first)] as ForwardProtocol | undefined;
  if (protocol === undefined) throw bad('Bad protocol name');
  const second = rule.indexOf(':', first + 1);
  if (second < 0) throw bad('Missing : separator');
  const hostAddress = rule.slice(first + 1, second);
  const address = hostAddress === '' ? 0 : parseIpv4(hostAddress);
  if (address === undefined) throw bad('Bad host address');
  const after = rule.slice(second + 1);
  const cut = end === '' ? after.length : after.indexOf(end);
  if (cut < 0) throw bad('Bad host port separator');
  const port = portOf(after.slice(0, cut));
  if (port === undefined) throw bad('Bad host port');
  return { protocol, host: { address, port }, rest: after.slice(cut + 1) };
}

function portOf(text: string): number | undefined {
  const port = /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
  return port === undefined || port > PORT_MAX ? undefined : port;
}

/** Where a rule listens, as `info usernet` has it. */
export function hostText({ address }: Endpoint): string {
  return address === 0 ? '*' : formatIpv4(address);
}
