/** Remote displays and pictures of the screen, for a machine without a screen. Spec: QEMU qapi/ui.json, misc.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct, union } from '../../qapi/schema.ts';
import { command } from './context.ts';
import { noScreen } from './ui.ts';

const FAMILY = enumeration('NetworkAddressFamily', ['ipv4', 'ipv6', 'unix', 'vsock', 'unknown']);
const VNC_AUTH = enumeration('VncPrimaryAuth', [
  ...(['none', 'vnc', 'ra2', 'ra2ne', 'tight', 'ultra', 'tls', 'vencrypt', 'sasl'] as const),
]);
const VENCRYPT = enumeration('VncVencryptSubAuth', [
  ...(['plain', 'tls-none', 'x509-none', 'tls-vnc', 'x509-vnc', 'tls-plain'] as const),
  ...(['x509-plain', 'tls-sasl', 'x509-sasl'] as const),
]);
const VNC_BASE = { host: STR, service: STR, family: FAMILY, websocket: BOOL };
const VNC_CLIENT = struct({ ...VNC_BASE, x509_dname: optional(STR), sasl_username: optional(STR) });
const VNC_INFO = struct({
  ...{ enabled: BOOL, host: optional(STR), family: optional(FAMILY), service: optional(STR) },
  ...{ auth: optional(STR), clients: optional(list(VNC_CLIENT)) },
});
const VNC_SERVER = struct({
  id: STR,
  server: list(struct({ ...VNC_BASE, auth: VNC_AUTH, vencrypt: optional(VENCRYPT) })),
  clients: list(VNC_CLIENT),
  auth: VNC_AUTH,
  vencrypt: optional(VENCRYPT),
  display: optional(STR),
});
const SPICE_CHANNEL = struct({
  ...{ host: STR, port: STR, family: FAMILY, 'connection-id': INT },
  ...{ 'channel-type': INT, 'channel-id': INT, tls: BOOL },
});
const SPICE_INFO = struct({
  ...{ enabled: BOOL, migrated: BOOL, host: optional(STR), port: optional(INT) },
  ...{ 'tls-port': optional(INT), auth: optional(STR), 'compiled-version': optional(STR) },
  'mouse-mode': enumeration('SpiceQueryMouseMode', ['client', 'server', 'unknown']),
  channels: optional(list(SPICE_CHANNEL)),
});
const FLAG = optional(BOOL);
const DISPLAY_OPTIONS = union(
  {
    type: enumeration('DisplayType', [
      ...(['default', 'none', 'gtk', 'sdl', 'egl-headless', 'curses', 'spice-app', 'dbus'] as const),
    ]),
    ...{ 'full-screen': FLAG, 'window-close': FLAG, 'show-cursor': FLAG },
    gl: optional(enumeration('DisplayGLMode', ['off', 'on', 'core', 'es'])),
  },
  'type',
  {
    gtk: struct({ 'grab-on-hover': FLAG, 'zoom-to-fit': FLAG, 'show-tabs': FLAG, 'show-menubar': FLAG }),
    curses: struct({ charset: optional(STR) }),
    'egl-headless': struct({ rendernode: optional(STR) }),
    dbus: struct({ rendernode: optional(STR), addr: optional(STR), p2p: FLAG, audiodev: optional(STR) }),
    sdl: struct({
      'grab-mod': optional(enumeration('HotKeyMod', ['lctrl-lalt', 'lshift-lctrl-lalt', 'rctrl'])),
    }),
  },
);

const PROTOCOL = enumeration('DisplayProtocol', ['vnc', 'spice']);
const OF_VNC = { vnc: struct({ display: optional(STR) }) };
const KEEP = 'keep';
export const IMAGE_FORMATS = ['ppm', 'png'] as const;

/** Throws QEMU's error: there is no such server. */
function noServer(protocol: 'vnc' | 'spice', text: string): never {
  if (protocol === 'spice') throw new MonitorError('SPICE is not in use', 'DeviceNotActive');
  throw new MonitorError(text);
}

/** Throws QEMU's error: there is no screen. */
export function screendump(machine: MachineApi, device?: string, head?: number | bigint): never {
  if (device !== undefined) throw noScreen(machine, device, head ?? 0);
  if (head !== undefined) throw new MonitorError("'head' must be specified together with 'device'");
  throw new MonitorError('There is no console to take a screendump from');
}

const QUERIES = [
  command('query-vnc', { returns: VNC_INFO, run: () => ({ enabled: false }) }),
  command('query-vnc-servers', { returns: list(VNC_SERVER), run: () => [] }),
  command('query-spice', {
    returns: SPICE_INFO,
    run: () => ({ enabled: false, migrated: false, 'mouse-mode': 'client' }) as const,
  }),
  command('query-display-options', { returns: DISPLAY_OPTIONS, run: () => ({ type: 'none' }) as const }),
];

const PASSWORDS = [
  command('change-vnc-password', {
    args: struct({ password: STR }),
    run: () => noServer('vnc', 'Could not set password'),
  }),
  command('set_password', {
    args: union(
      {
        ...{ protocol: PROTOCOL, password: STR },
        connected: optional(enumeration('SetPasswordAction', [KEEP, 'fail', 'disconnect'])),
      },
      'protocol',
      OF_VNC,
    ),
    run(_context, { protocol, connected = KEEP }) {
      // QEMU: VNC does not know what to do with those who are connected.
      noServer(protocol, connected === KEEP ? 'Could not set password' : "Invalid parameter 'connected'");
    },
  }),
  command('expire_password', {
    args: union({ protocol: PROTOCOL, time: STR }, 'protocol', OF_VNC),
    run: (_context, { protocol }) => noServer(protocol, 'Could not set password expire time'),
  }),
];

export const DISPLAY_COMMANDS = [
  ...QUERIES,
  ...PASSWORDS,
  command('display-reload', {
    args: union({ type: enumeration('DisplayReloadType', ['vnc']) }, 'type', {
      vnc: struct({ 'tls-certs': optional(BOOL) }),
    }),
    run(_context, { 'tls-certs': certificates = false }) {
      if (certificates) noServer('vnc', 'Can not find vnc display');
    },
  }),
  command('screendump', {
    args: struct({
      ...{ filename: STR, device: optional(STR), head: optional(INT) },
      format: optional(enumeration('ImageFormat', IMAGE_FORMATS)),
    }),
    run: ({ machine }, { device, head }) => screendump(machine, device, head),
  }),
  command('add_client', {
    args: struct({ protocol: STR, fdname: STR, skipauth: optional(BOOL), tls: optional(BOOL) }),
    run(_context, { fdname }) {
      throw new MonitorError(`File descriptor named '${fdname}' has not been found`);
    },
  }),
];
