/**
 * What of QEMU's command line this machine takes, as monitors tell it: options that QEMU reads as groups of parameters, with those that are known here.
 * Names, types and orders are QEMU's. The command line's own reader does not use this table; a test holds one against the other.
 */

export type ParameterType = 'string' | 'boolean' | 'number' | 'size';

export interface OptionParameter {
  readonly name: string;
  readonly type: ParameterType;
  readonly default?: string;
}

export interface OptionInfo {
  readonly option: string;
  readonly parameters: readonly OptionParameter[];
}

const TYPES: Readonly<Record<string, ParameterType>> = { s: 'string', b: 'boolean', n: 'number' };

/** Each with the first letter of its type, and with its default. */
const TABLE: readonly (readonly [option: string, parameters: string])[] = [
  [
    'machine',
    'suppress-vmdesc:b firmware:s usb:b mem-merge:b dump-guest-core:b append:s initrd:s kernel:s accel:s type:s',
  ],
  ['action', 'watchdog:s panic:s reboot:s shutdown:s'],
  ['fw_cfg', 'gen_id:s string:s file:s name:s'],
  ['icount', 'sleep:b align:b shift:s'],
  ['numa', ''],
  ['name', 'debug-threads:b process:s guest:s'],
  ['msg', 'guest-name:b timestamp:b'],
  ['overcommit', 'cpu-pm:b mem-lock:b'],
  ['object', ''],
  ['boot-opts', 'strict:b reboot-timeout:n splash-time:n splash:s menu:b once:s order:s'],
  ['smp-opts', 'maxcpus:n threads:n cores:n clusters:n dies:n sockets:n cpus:n'],
  ['memory', 'maxmem:size slots:n size:size'],
  ['accel', ''],
  ['trace', 'file:s events:s enable:s'],
  ['mon', 'pretty:b chardev:s mode:s'],
  ['global', 'value:s property:s driver:s'],
  ['rtc', 'driftfix:s clock:s base:s'],
  ['net', ''],
  ['nic', ''],
  ['netdev', ''],
  ['device', ''],
  [
    'chardev',
    'abstract:b tight:b=on clipboard:b mouse:b logappend:b logfile:s append:b chardev:s size:size debug:n name:s ' +
      'signal:b mux:b rows:n cols:n height:n width:n websocket:b tls-authz:s tls-creds:s tn3270:b telnet:b reconnect:n ' +
      'nodelay:b delay:b server:b wait:b ipv6:b ipv4:b to:n localport:s localaddr:s fd:s port:s host:s path:s backend:s',
  ],
  [
    'drive',
    'copy-on-read:b rerror:s read-only:b file:s if:s media:s index:n unit:n bus:n ' +
      'detect-zeroes:s throttling.group:s throttling.iops-size:n throttling.bps-write-max-length:n ' +
      'throttling.bps-read-max-length:n throttling.bps-total-max-length:n throttling.iops-write-max-length:n ' +
      'throttling.iops-read-max-length:n throttling.iops-total-max-length:n throttling.bps-write-max:n ' +
      'throttling.bps-read-max:n throttling.bps-total-max:n throttling.iops-write-max:n throttling.iops-read-max:n ' +
      'throttling.iops-total-max:n throttling.bps-write:n throttling.bps-read:n throttling.bps-total:n ' +
      'throttling.iops-write:n throttling.iops-read:n throttling.iops-total:n werror:s format:s cache.writeback:b aio:s ' +
      'snapshot:b force-share:b discard:s auto-read-only:b cache.no-flush:b cache.direct:b driver:s node-name:s',
  ],
];

function parameterOf(text: string): OptionParameter {
  const [, name = '', type = '', byDefault] = /^([^:]+):([^=]+)(?:=(.*))?$/.exec(text) ?? [];
  const common = { name, type: TYPES[type] ?? 'size' };
  return byDefault === undefined ? common : { ...common, default: byDefault };
}

export const COMMAND_LINE_OPTIONS: readonly OptionInfo[] = TABLE.map(([option, parameters]) => ({
  option,
  parameters: parameters === '' ? [] : parameters.split(' ').map(parameterOf),
}));
