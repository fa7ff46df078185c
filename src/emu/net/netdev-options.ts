/**
 * What the user says of a back end, with `-netdev` or `netdev_add`. Spec: QEMU qapi/net.json, Netdev.
 * Not modelled: all types but `user`, `socket` and `hubport`; they are refused by name, whatever else is said of them.
 */
import { readCInteger } from '../core/c-integer.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { checkArguments, checkedAs } from '../qapi/check.ts';
import { type JsonValue, jsonObject } from '../qapi/json-value.ts';
import {
  BOOL,
  enumeration,
  INT,
  INT32,
  type Infer,
  list,
  type Member,
  optional,
  type SchemaNode,
  STR,
  struct,
  union,
} from '../qapi/schema.ts';
import { badIdError, isWellFormedId, type Options } from '../qdev/option-string.ts';
import { parseBool } from '../qdev/properties.ts';

const STRINGS = list(struct({ str: STR }));

const USER = struct({
  ...{ hostname: optional(STR), restrict: optional(BOOL), ipv4: optional(BOOL), ipv6: optional(BOOL) },
  ...{ ip: optional(STR), net: optional(STR), host: optional(STR), tftp: optional(STR) },
  ...{ bootfile: optional(STR), dhcpstart: optional(STR), dns: optional(STR) },
  ...{ dnssearch: optional(STRINGS), domainname: optional(STR) },
  ...{ 'ipv6-prefix': optional(STR), 'ipv6-prefixlen': optional(INT), 'ipv6-host': optional(STR) },
  ...{ 'ipv6-dns': optional(STR), smb: optional(STR), smbserver: optional(STR) },
  ...{ hostfwd: optional(STRINGS), guestfwd: optional(STRINGS), 'tftp-server-name': optional(STR) },
});
const SOCKET = struct({
  ...{ fd: optional(STR), listen: optional(STR), connect: optional(STR), mcast: optional(STR) },
  ...{ localaddr: optional(STR), udp: optional(STR) },
});
const HUBPORT = struct({ hubid: INT32, netdev: optional(STR) });

/** QEMU's types, in its order. */
export const NETDEV_TYPES = [
  ...(['none', 'nic', 'user', 'tap', 'l2tpv3', 'socket', 'stream', 'dgram', 'vde', 'bridge'] as const),
  ...(['hubport', 'netmap', 'vhost-user', 'vhost-vdpa'] as const),
] as const;

const NETDEV_TYPE = enumeration('NetClientDriver', NETDEV_TYPES);
export const NETDEV = union({ id: STR, type: NETDEV_TYPE }, 'type', {
  ...{ user: USER, socket: SOCKET, hubport: HUBPORT },
});

export type NetdevOptions = Infer<typeof NETDEV>;
export type UserOptions = Infer<typeof USER>;
export type SocketOptions = Infer<typeof SOCKET>;

/** What `netdev_add help` lists, in QEMU's order. */
export const NETDEV_HELP = 'Available netdev backend types:\nsocket\nhubport\nuser\n';

/** QEMU's error for a type that a program was built without. */
export function absentTypeError(type: string): MonitorError {
  return new MonitorError(`network backend '${type}' is not compiled into this binary`);
}

/** Throws QEMU's error for an id that is none. */
export function checkNetdevId(id: string): void {
  if (isWellFormedId(id)) return;
  const { message } = badIdError();
  throw new MonitorError(message);
}

/** Options in text as the values that the schema asks for. Throws `MonitorError` in QEMU's words. */
export function readNetdev(options: Options, id = options.id): NetdevOptions {
  const { members, variants } = NETDEV.node;
  const type = options.get('type') ?? '';
  const all = [...members, ...(variants?.get(type)?.members ?? [])];
  const values = new Map<string, JsonValue>();
  for (const member of all) {
    const value = member.name === 'id' ? id : memberValue(member, options);
    if (value !== undefined) values.set(member.name, value);
    // What is missing or wrong is told before what follows is looked at.
    const given = new Map(value === undefined ? [] : [[member.name, value] as const]);
    checkArguments({ meta: 'object', members: [member] }, jsonObject(given));
  }
  if (variants?.has(type) !== true) throw absentTypeError(type);
  const known = new Set(all.map(({ name }) => name));
  const unknown = options.entries.find(([key]) => !known.has(key))?.[0];
  if (unknown !== undefined) throw new MonitorError(`Invalid parameter '${unknown}'`);
  return checkedAs(NETDEV, jsonObject(values));
}

function memberValue({ name, type }: Member, options: Options): JsonValue | undefined {
  const texts = options.entries.filter(([key]) => key === name).map(([, text]) => text);
  const text = texts.at(-1);
  if (text === undefined) return undefined;
  if (type.meta === 'array') return texts.map((str) => jsonObject(new Map([['str', str]])));
  return scalarOf(name, type, text);
}

function scalarOf(name: string, type: SchemaNode, text: string): JsonValue {
  if (type.meta === 'builtin' && type.name === 'bool') {
    const value = parseBool(text);
    if (value === undefined) throw new MonitorError(`Parameter '${name}' expects 'on' or 'off'`);
    return value;
  }
  if (type.meta !== 'integer') return text;
  const value = readCInteger(text);
  if (value === undefined || BigInt.asIntN(64, value) !== value) {
    throw new MonitorError(`Parameter '${name}' expects an int64 value`);
  }
  return Number(value);
}
