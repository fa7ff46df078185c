/** Addresses of `-netdev socket`. Texts and their order are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { Endpoint, Ipv4, NetHost } from '../net-host.ts';
import { parseIpv4 } from '../user/ipv4.ts';

/** Reads `host:port`; no host is all addresses of this one. Rejects with `MonitorError`. */
export async function readEndpoint(text: string, host: NetHost): Promise<Endpoint> {
  const colon = text.indexOf(':');
  if (colon < 0)
    throw new MonitorError(`host address '${text}' doesn't contain ':' separating host from port`);
  const address = await readHost(text.slice(0, colon), host);
  return { address, port: readPort(text.slice(colon + 1)) };
}

async function readHost(name: string, host: NetHost): Promise<Ipv4> {
  if (name === '') return 0;
  if (/^\d/.test(name)) {
    const address = parseIpv4(name);
    if (address === undefined) throw new MonitorError(`host address '${name}' is not a valid IPv4 address`);
    return address;
  }
  const found = await host.resolve(name);
  if (found === undefined) throw new MonitorError(`can't resolve host address '${name}'`);
  return found;
}

/** QEMU: as C's strtol reads it; what follows the number, and what of it is above 16 bits, is nothing. */
function readPort(text: string): number {
  const number = /^\s*([+-]?)(0x[\da-f]+|0[0-7]*|[1-9]\d*)/i.exec(text);
  if (number === null) throw new MonitorError(`port number '${text}' is invalid`);
  const [, sign, digits = ''] = number;
  const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits);
  return Number(BigInt.asUintN(16, sign === '-' ? -value : value));
}

/** The address of one of this host's cards. Throws `MonitorError`. */
export function readLocalAddress(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (address === undefined) throw new MonitorError(`localaddr '${text}' is not a valid IPv4 address`);
  return address;
}
