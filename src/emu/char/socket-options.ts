/** What the options of a socket say together. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';
import { parseChardevNumber } from './chardev-options.ts';

/** Spec: QEMU qapi/sockets.json, InetSocketAddress. */
export interface InetAddress {
  readonly type: 'inet';
  readonly host: string;
  readonly port: string;
  /** The last port that a server may take; undefined: the one that is named. */
  readonly to: number | undefined;
  readonly ipv4: boolean | undefined;
  readonly ipv6: boolean | undefined;
}

export interface UnixAddress {
  readonly type: 'unix';
  readonly path: string;
}

export type SocketAddress = InetAddress | UnixAddress;

/** A socket that can be tried. */
export interface SocketRequest {
  readonly kind: 'socket';
  readonly address: SocketAddress;
  readonly server: boolean;
  /** A server that nobody is connected to keeps the machine from starting. */
  readonly wait: boolean;
  readonly nodelay: boolean;
  /** A server whose clients are terminals of people. */
  readonly telnet: boolean;
  /** Seconds until a client tries again; 0: it does not. */
  readonly reconnect: number;
}

/** Who wants a character device. QEMU: on the command line an open file is a number, in a monitor the name that it was given with `getfd`. */
export type Asker = 'command line' | 'monitor';

/** What a Unix socket's address has room for. Spec: Linux unix(7), sun_path. */
const MAX_PATH_BYTES = 108;
const PROTOCOLS = ['tn3270', 'websocket'];
const MAX_INT32 = 0x7fff_ffff;

/** What the options of a socket that has a place ask for. Throws `MonitorError`. */
export function readSocket(options: Options, asker: Asker): SocketRequest {
  const flag = (name: string): boolean | undefined => {
    const text = options.get(name);
    return text === undefined ? undefined : parseBool(text);
  };
  const server = flag('server') ?? false;
  checkTogether(options, server);
  const protocol = PROTOCOLS.find((name) => flag(name) === true);
  if (protocol !== undefined) throw new MonitorError(`sockets with ${protocol}=on are not modelled here`);
  return {
    kind: 'socket',
    address: addressOf(options, flag, asker),
    server,
    wait: server && flag('wait') !== false,
    nodelay: flag('nodelay') ?? false,
    telnet: flag('telnet') ?? false,
    reconnect: numberOf(options, 'reconnect') ?? 0,
  };
}

function numberOf(options: Options, name: string): number | undefined {
  const value = parseChardevNumber(options.get(name) ?? '');
  return value === undefined ? undefined : Math.min(Number(BigInt.asIntN(64, value)), MAX_INT32);
}

/** Looks for one place. QEMU: a socket with neither path nor host would be one that is open already. Throws `MonitorError`. */
export function checkPlace(options: Options): void {
  const places = ['path', 'fd', 'host'].filter((name) => options.get(name) !== undefined);
  if (places.length > 1) throw new MonitorError("None or one of 'path', 'fd' or 'host' option required.");
  if (places[0] === 'host' && options.get('port') === undefined) {
    throw new MonitorError('chardev: socket: no port given');
  }
}

/** QEMU: that a client has nothing to wait for is said of `wait=off` too. */
function checkTogether(options: Options, server: boolean): void {
  const has = (name: string): boolean => options.get(name) !== undefined;
  if (has('tls-authz') && !has('tls-creds')) {
    throw new MonitorError("'tls_authz' option requires 'tls_creds' option");
  }
  if (server) {
    if ((numberOf(options, 'reconnect') ?? 0) !== 0) {
      throw new MonitorError("'reconnect' option is incompatible with socket in server listen mode");
    }
  } else {
    if (parseBool(options.get('websocket') ?? 'off')) {
      throw new MonitorError('Websocket client is not implemented');
    }
    if (has('wait')) {
      throw new MonitorError("'wait' option is incompatible with socket in client connect mode");
    }
  }
  const credentials = options.get('tls-creds');
  if (credentials !== undefined) throw new MonitorError(`No TLS credentials with id '${credentials}'`);
}

function addressOf(
  options: Options,
  flag: (name: string) => boolean | undefined,
  asker: Asker,
): SocketAddress {
  const host = options.get('host');
  if (host !== undefined) {
    return {
      ...{ type: 'inet', host, port: options.get('port') ?? '', to: numberOf(options, 'to') },
      ...{ ipv4: flag('ipv4'), ipv6: flag('ipv6') },
    };
  }
  const path = options.get('path');
  if (path === undefined) throw noFileError(options.get('fd') ?? '', asker);
  if (flag('abstract') === true) throw new MonitorError('sockets with abstract=on are not modelled here');
  if (new TextEncoder().encode(path).length > MAX_PATH_BYTES) {
    const hint = `Path must be less than ${MAX_PATH_BYTES} bytes`;
    throw new MonitorError(`UNIX socket path '${path}' is too long`, 'GenericError', hint);
  }
  return { type: 'unix', path };
}

/** Not modelled: a file that is open already. QEMU's words for one that there is not. */
function noFileError(fd: string, asker: Asker): MonitorError {
  return new MonitorError(
    asker === 'monitor'
      ? `File descriptor named '${fd}' has not been found`
      : `Unable to parse FD number ${fd}`,
  );
}
