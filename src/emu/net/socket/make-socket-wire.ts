/** From what the user says of `-netdev socket` to a wire that works. Texts and their order are QEMU's. */
import { MonitorError } from '../../core/monitor-error.ts';
import { CLOCK, type Services } from '../../qdev/services.ts';
import type { Backend } from '../backend.ts';
import { type Endpoint, NET_HOST, type NetFailure } from '../net-host.ts';
import type { SocketOptions } from '../netdev-options.ts';
import { formatIpv4 } from '../user/ipv4.ts';
import { isRelayUrl, RelayWire } from './relay-wire.ts';
import { readEndpoint, readLocalAddress } from './socket-address.ts';
import { TcpWire } from './tcp-wire.ts';
import { UdpWire } from './udp-wire.ts';

const MAX_INT32 = 0x7fff_ffff;

interface Request {
  readonly id: string;
  readonly isNetdev: boolean;
  readonly services: Services;
}

/**
 * Rejects with `MonitorError`, having taken nothing.
 * @param takesNumbers `fd=` is a number, as on the command line
 */
export async function makeSocketWire(
  options: SocketOptions & { readonly id: string },
  services: Services,
  isNetdev: boolean,
  takesNumbers: boolean,
): Promise<Backend> {
  const { fd, listen, connect, mcast, udp, localaddr } = options;
  const places = [fd, listen, connect, mcast, udp].filter((place) => place !== undefined);
  if (places.length !== 1) {
    throw new MonitorError('exactly one of listen=, connect=, mcast= or udp= is required');
  }
  if (localaddr !== undefined && mcast === undefined && udp === undefined) {
    throw new MonitorError('localaddr= is only valid with mcast= or udp=');
  }
  const request = { id: options.id, isNetdev, services };
  if (fd !== undefined) return opened(fd, takesNumbers, request);
  if (listen !== undefined) return await listener(listen, request);
  if (connect !== undefined) return await client(connect, request);
  if (mcast !== undefined) return await group(mcast, localaddr, request);
  if (localaddr === undefined) throw new MonitorError('localaddr= is mandatory with udp=');
  return await datagrams(udp ?? '', localaddr, request);
}

/** A file that is open: on the command line by its number, in a monitor by the name that it got from `getfd`, which takes none here. */
function opened(fd: string, takesNumbers: boolean, { id, isNetdev, services }: Request): Backend {
  if (!takesNumbers) throw new MonitorError(`File descriptor named '${fd}' has not been found`);
  const number = /^\d+$/.test(fd) ? Number(fd) : Number.POSITIVE_INFINITY;
  if (number > MAX_INT32) throw new MonitorError(`Invalid file descriptor number '${fd}'`);
  const wire = new TcpWire(id, isNetdev, services.get(CLOCK));
  const wrong = wire.adopt(services.get(NET_HOST), number);
  if (wrong === 'no file') {
    throw new MonitorError(`${id}: Can't use file descriptor ${number}: Bad file descriptor`);
  }
  if (wrong === 'no socket') throw new MonitorError("can't get socket option SO_TYPE");
  if (wrong !== undefined) throw new MonitorError('this is no connection that can be taken over');
  return wire;
}

async function listener(at: string, { id, isNetdev, services }: Request): Promise<Backend> {
  const host = services.get(NET_HOST);
  const endpoint = await readEndpoint(at, host);
  const wire = new TcpWire(id, isNetdev, services.get(CLOCK));
  const failure = await wire.listen(host, endpoint);
  if (failure !== undefined) throw cannotBind(endpoint, failure);
  return wire;
}

async function client(to: string, { id, isNetdev, services }: Request): Promise<Backend> {
  const host = services.get(NET_HOST);
  const clock = services.get(CLOCK);
  if (isRelayUrl(to)) {
    const wire = new RelayWire(id, isNetdev, { host, clock, url: to });
    if (!wire.open()) throw new MonitorError(`no relay can be reached from here: '${to}'`);
    return wire;
  }
  const endpoint = await readEndpoint(to, host);
  const wire = new TcpWire(id, isNetdev, clock);
  if (!wire.connect(host, endpoint)) throw new MonitorError("can't connect socket: Network is unreachable");
  return wire;
}

async function group(at: string, local: string | undefined, request: Request): Promise<Backend> {
  const host = request.services.get(NET_HOST);
  const to = await readEndpoint(at, host);
  const by = local === undefined ? 0 : readLocalAddress(local);
  if (to.address >>> 28 !== 0xe) {
    const hex = to.address.toString(16).padStart(8, '0');
    const where = `${formatIpv4(to.address)} (0x${hex})`;
    throw new MonitorError(`specified mcastaddr ${where} does not contain a multicast address`);
  }
  const wire = udpWire(request, to, `mcast=${formatIpv4(to.address)}:${to.port}`);
  const failure = await wire.open((receive) => host.joinGroup(to, by, receive));
  if (failure !== undefined) throw cannotBind(to, failure);
  return wire;
}

async function datagrams(to: string, local: string, request: Request): Promise<Backend> {
  const host = request.services.get(NET_HOST);
  const at = await readEndpoint(local, host);
  const remote = await readEndpoint(to, host);
  const wire = udpWire(request, remote, `udp=${formatIpv4(remote.address)}:${remote.port}`);
  const failure = await wire.open((receive) => host.bindUdp(at, receive));
  if (failure !== undefined) throw cannotBind(at, failure);
  return wire;
}

function udpWire({ id, isNetdev, services }: Request, to: Endpoint, place: string): UdpWire {
  return new UdpWire(id, isNetdev, services.get(CLOCK), { to, info: `socket: ${place}` });
}

function cannotBind({ address }: Endpoint, { failure }: NetFailure): MonitorError {
  return new MonitorError(`can't bind ip=${formatIpv4(address)} to socket: ${failure}`);
}
