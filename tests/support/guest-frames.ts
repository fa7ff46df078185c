/** Frames as a guest sends them, made without the code that is under test. */

export const GUEST_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
export const GUEST = '10.0.2.15';
const BROADCAST_MAC = new Uint8Array(6).fill(0xff);
const NO_MAC = new Uint8Array(6);

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const join = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
const u32 = (value: number): Uint8Array => join(u16(value >>> 16), u16(value & 0xffff));
export const address = (dotted: string): Uint8Array => Uint8Array.from(dotted.split('.'), Number);

/** Spec: RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function withSum(bytes: Uint8Array, at: number, before: Uint8Array = new Uint8Array(0)): Uint8Array {
  const summed = bytes.slice();
  summed.set(u16(checksum(join(before, bytes))), at);
  return summed;
}

export function ethernet(type: number, body: Uint8Array, to = BROADCAST_MAC, from = GUEST_MAC): Uint8Array {
  return join(to, from, u16(type), body);
}

export function arp(operation: number, from: string, to: string, mac = GUEST_MAC): Uint8Array {
  const start = join(u16(1), u16(0x800), Uint8Array.of(6, 4), u16(operation));
  return ethernet(0x806, join(start, mac, address(from), NO_MAC, address(to)));
}

export interface IpOptions {
  readonly from?: string;
  readonly to: string;
  readonly ttl?: number;
  readonly ident?: number;
  /** Flags and offset. */
  readonly fragment?: number;
}

export function ipv4(protocol: number, body: Uint8Array, options: IpOptions): Uint8Array {
  const { from = GUEST, to, ttl = 64, ident = 1, fragment = 0 } = options;
  const start = join(Uint8Array.of(0x45, 0), u16(20 + body.length), u16(ident), u16(fragment));
  const header = join(start, Uint8Array.of(ttl, protocol, 0, 0), address(from), address(to));
  return ethernet(0x800, join(withSum(header, 10), body));
}

export function echo(payload: Uint8Array, type = 8): Uint8Array {
  return withSum(join(Uint8Array.of(type, 0, 0, 0), u16(7), u16(1), payload), 2);
}

function pseudo(protocol: number, length: number, { from = GUEST, to }: IpOptions): Uint8Array {
  return join(address(from), address(to), Uint8Array.of(0, protocol), u16(length));
}

export function udp(
  ports: readonly [from: number, to: number],
  payload: Uint8Array,
  ip: IpOptions,
): Uint8Array {
  const body = join(u16(ports[0]), u16(ports[1]), u16(8 + payload.length), u16(0), payload);
  return ipv4(17, withSum(body, 6, pseudo(17, body.length, ip)), ip);
}

export interface TcpOptions {
  readonly seq: number;
  readonly ack?: number;
  readonly flags: number;
  readonly window?: number;
  readonly mss?: number;
  readonly payload?: Uint8Array;
}

export function tcp(
  ports: readonly [from: number, to: number],
  options: TcpOptions,
  ip: IpOptions,
): Uint8Array {
  const { seq, ack = 0, flags, window = 64_240, mss, payload = new Uint8Array(0) } = options;
  const more = mss === undefined ? new Uint8Array(0) : join(Uint8Array.of(2, 4), u16(mss));
  const start = join(u16(ports[0]), u16(ports[1]), u32(seq), u32(ack));
  const offset = ((20 + more.length) / 4) << 4;
  const body = join(start, Uint8Array.of(offset, flags), u16(window), u32(0), more, payload);
  return ipv4(6, withSum(body, 16, pseudo(6, body.length, ip)), ip);
}

export interface DhcpOptions {
  readonly type?: number;
  readonly requested?: string;
  readonly client?: string;
  readonly mac?: Uint8Array;
  readonly more?: Uint8Array;
}

export function dhcp({
  type,
  requested,
  client = '0.0.0.0',
  mac = GUEST_MAC,
  more,
}: DhcpOptions): Uint8Array {
  const message = new Uint8Array(300);
  message.set(Uint8Array.of(1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78));
  message.set(address(client), 12);
  message.set(mac, 28);
  const options = [
    Uint8Array.of(0x63, 0x82, 0x53, 0x63),
    ...(type === undefined ? [] : [Uint8Array.of(53, 1, type)]),
    ...(requested === undefined ? [] : [join(Uint8Array.of(50, 4), address(requested))]),
    ...(more === undefined ? [] : [more]),
    Uint8Array.of(255),
  ];
  message.set(join(...options), 236);
  return udp([68, 67], message, { from: client, to: '255.255.255.255' });
}

export { checksum };
