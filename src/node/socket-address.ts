/** Where a socket is, in Node's terms. Errors are `MonitorError` with QEMU's texts. */
import { lookup } from 'node:dns/promises';
import { existsSync, rmSync, statSync } from 'node:fs';
import { isIP, type ListenOptions, type NetConnectOpts, type Server } from 'node:net';
import { dirname } from 'node:path';
import { type InetAddress, MonitorError, type SocketAddress, type UnixAddress } from '../emu/index.ts';
import { hostErrorCode, hostErrorText } from './host-errors.ts';

/** An address that needs no name server. */
export interface Endpoint {
  readonly host: string;
  readonly family: number;
  readonly port: number;
}

const PORTS = 65536;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;
const ANY: readonly { readonly address: string; readonly family: number }[] = [
  { address: '0.0.0.0', family: 4 },
  { address: '::', family: 6 },
];
/** Texts of getaddrinfo(3). */
const NO_FAMILY = 'Address family for hostname not supported';
const NO_NAME = 'Name or service not known';
const NO_SERVICE = 'Servname not supported for ai_socktype';
const RESOLVER_ERRORS: Readonly<Record<string, string>> = {
  ENOTFOUND: NO_NAME,
  ENODATA: NO_NAME,
  EAI_AGAIN: 'Temporary failure in name resolution',
};

/** As `info chardev` shows it. */
export const shownHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** 4 or 6 where the user wants one of them; 0 for both. */
function familyOf({ ipv4, ipv6 }: InetAddress): number {
  if (ipv4 === false && ipv6 === false) throw new MonitorError('Cannot disable IPv4 and IPv6 at same time');
  if (ipv4 === true && ipv6 === true) return 0;
  if (ipv6 === true || ipv4 === false) return 6;
  return ipv4 === true || ipv6 === false ? 4 : 0;
}

/** Not modelled: names of ports. QEMU: the C library keeps the low half of a number that fits into 31 bits of the last 32. */
function portOf(text: string): number | undefined {
  if (!/^\s*\d*$/.test(text)) return undefined;
  const given = BigInt(text.trim() || '0');
  const number = BigInt.asIntN(32, given > MAX_UINT64 ? MAX_UINT64 : given);
  return number < 0n ? undefined : Number(number) % PORTS;
}

/** The addresses of a name, the first to be tried first. */
export async function resolveInet(address: InetAddress, isServer: boolean): Promise<readonly Endpoint[]> {
  const { host } = address;
  const failed = (text: string): MonitorError =>
    new MonitorError(`address resolution failed for ${host}:${address.port}: ${text}`);
  const family = familyOf(address);
  const port = portOf(address.port);
  if (port === undefined) throw failed(NO_SERVICE);
  if (host === '' && !isServer) throw failed(NO_NAME);
  const literal = isIP(host);
  // QEMU: a client may name an IPv4 address where IPv6 is wanted.
  if (literal !== 0 && family !== 0 && literal !== family && (isServer || literal === 6)) {
    throw failed(NO_FAMILY);
  }
  const found = await addressesOf(host, literal, failed);
  const wanted = found.filter((one) => family === 0 || literal !== 0 || one.family === family);
  if (wanted.length === 0) throw failed(NO_FAMILY);
  return wanted.map((one) => ({ host: one.address, family: one.family, port }));
}

async function addressesOf(
  host: string,
  literal: number,
  failed: (text: string) => MonitorError,
): Promise<typeof ANY> {
  if (host === '') return ANY;
  if (literal !== 0) return [{ address: host, family: literal }];
  return await lookup(host, { all: true, verbatim: true }).catch((error: unknown) => {
    throw failed(RESOLVER_ERRORS[hostErrorCode(error)] ?? NO_NAME);
  });
}

/** What a client tries one after the other. */
export async function clientEndpoints(address: SocketAddress): Promise<readonly NetConnectOpts[]> {
  if (address.type === 'unix') return [{ path: address.path }];
  const endpoints = await resolveInet(address, false);
  return endpoints.map(({ host, port, family }) => ({ host, port, family }));
}

/** QEMU's error of a client that nobody answers. */
export function connectError(address: SocketAddress, error: unknown): MonitorError {
  const where = address.type === 'unix' ? address.path : `${address.host}:${address.port}`;
  return new MonitorError(`Failed to connect to '${where}': ${hostErrorText(error)}`);
}

function listenOn(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Makes a server listen at a path. QEMU: whatever is there already is replaced. */
export async function listenUnix(server: Server, { path }: UnixAddress): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new MonitorError(`Failed to unlink socket ${path}: Is a directory`);
  }
  const failed = (error: unknown): MonitorError =>
    new MonitorError(`Failed to bind socket to ${path}: ${hostErrorText(error)}`);
  // Node calls this EACCES.
  if (!existsSync(dirname(path))) throw failed(Object.assign(new Error(path), { code: 'ENOENT' }));
  try {
    rmSync(path, { force: true });
    await listenOn(server, { path });
  } catch (error) {
    throw failed(error);
  }
}

/** Makes a server listen at the first free port of an address. */
export async function listenInet(server: Server, endpoint: Endpoint, to: number | undefined): Promise<void> {
  const last = Math.min(to ?? endpoint.port, PORTS - 1);
  for (let port = endpoint.port; ; port++) {
    try {
      await listenOn(server, { host: endpoint.host, port, ipv6Only: endpoint.family === 6 });
      return;
    } catch (error) {
      const isUsed = hostErrorCode(error) === 'EADDRINUSE';
      if (isUsed && port < last) continue;
      const what = isUsed ? 'Failed to find an available port' : 'Failed to bind socket';
      throw new MonitorError(`${what}: ${hostErrorText(error)}`);
    }
  }
}
