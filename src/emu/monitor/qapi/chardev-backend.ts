/** What `chardev-add` and `chardev-change` take, and the options of the command line that say the same. Spec: QEMU qapi/char.json. */
import { BOOL, enumeration, INT, type Infer, optional, STR, struct, union } from '../../qapi/schema.ts';
import { Options } from '../../qdev/option-string.ts';

const COMMON = { logfile: optional(STR), logappend: optional(BOOL) };
const data = <T>(type: T): { readonly data: T } => ({ data: type });
const PLAIN = struct(data(struct(COMMON)));
const RINGBUF = struct(data(struct({ ...COMMON, size: optional(INT) })));

const INET = struct({
  ...{ host: STR, port: STR, to: optional(INT) },
  ...{ ipv4: optional(BOOL), ipv6: optional(BOOL) },
});
const UNIX = struct({ path: STR, abstract: optional(BOOL), tight: optional(BOOL) });
const ADDRESS = union({ type: enumeration('SocketAddressType', ['inet', 'unix']) }, 'type', {
  inet: struct(data(INET)),
  unix: struct(data(UNIX)),
});

const SOCKET = struct({
  ...COMMON,
  ...{ addr: ADDRESS, 'tls-creds': optional(STR), 'tls-authz': optional(STR) },
  ...{ server: optional(BOOL), wait: optional(BOOL), nodelay: optional(BOOL), telnet: optional(BOOL) },
  ...{ tn3270: optional(BOOL), websocket: optional(BOOL), reconnect: optional(INT) },
});

const KINDS = ['file', 'pipe', 'socket', 'pty', 'null', 'stdio', 'vc', 'ringbuf', 'memory'] as const;
const VC = struct({
  ...COMMON,
  ...{ width: optional(INT), height: optional(INT), cols: optional(INT), rows: optional(INT) },
});

export const CHARDEV_BACKEND = union({ type: enumeration('ChardevBackendKind', KINDS) }, 'type', {
  file: struct(data(struct({ ...COMMON, out: STR, append: optional(BOOL) }))),
  pipe: struct(data(struct({ ...COMMON, device: STR }))),
  socket: struct(data(SOCKET)),
  pty: PLAIN,
  null: PLAIN,
  stdio: struct(data(struct({ ...COMMON, signal: optional(BOOL) }))),
  vc: struct(data(VC)),
  ringbuf: RINGBUF,
  memory: RINGBUF,
});

type Backend = Infer<typeof CHARDEV_BACKEND>;
type Value = string | number | bigint | boolean | undefined;

/** Members that the command line calls otherwise. */
const RENAMED: Readonly<Record<string, string>> = { out: 'path', device: 'path' };

function textOf(value: Exclude<Value, undefined>): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
}

function entriesOf(members: Readonly<Record<string, Value>>): Options['entries'] {
  return Object.entries(members).flatMap(([name, value]) =>
    value === undefined ? [] : [[RENAMED[name] ?? name, textOf(value)] as const],
  );
}

/** QEMU: a socket of QMP is a server, which does not wait, unless something else is said. */
function socketEntries({ addr, ...members }: Infer<typeof SOCKET>): Options['entries'] {
  const server = members.server ?? true;
  const defaults: Options['entries'] = server ? [['wait', 'off']] : [];
  return [...defaults, ...entriesOf({ ...members, server }), ...entriesOf(addr.data)];
}

/** The options of the command line that ask for the same. */
export function optionsOfBackend(id: string, backend: Backend): Options {
  const entries = backend.type === 'socket' ? socketEntries(backend.data) : entriesOf(backend.data);
  return new Options([['backend', backend.type], ...entries], id);
}
