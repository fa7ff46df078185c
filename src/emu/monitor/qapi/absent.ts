/** Commands about what this machine has not: replays, watchdogs, networks. Spec: QEMU qapi/{replay,run-state,net}.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const RX_STATE = enumeration('RxState', ['normal', 'none', 'all']);
const RX_FILTER_INFO = struct({
  ...{ name: STR, promiscuous: BOOL, multicast: RX_STATE, unicast: RX_STATE, vlan: RX_STATE },
  ...{ 'broadcast-allowed': BOOL, 'multicast-overflow': BOOL, 'unicast-overflow': BOOL },
  ...{ 'main-mac': STR, 'vlan-table': list(INT), 'unicast-table': list(STR), 'multicast-table': list(STR) },
});
const REPLAY_INFO = struct({
  mode: enumeration('ReplayMode', ['none', 'record', 'play']),
  filename: optional(STR),
  icount: INT,
});
const WATCHDOG_ACTION = enumeration('WatchdogAction', [
  'reset',
  'shutdown',
  'poweroff',
  'pause',
  'debug',
  'none',
  'inject-nmi',
]);

/** No device can ask for it. */
function ignored(): void {}

export const ABSENT_COMMANDS = [
  command('query-replay', { returns: REPLAY_INFO, run: () => ({ mode: 'none' as const, icount: 0 }) }),
  command('watchdog-set-action', {
    args: struct({ action: WATCHDOG_ACTION }),
    run: ignored,
  }),
  command('set_link', {
    args: struct({ name: STR, up: BOOL }),
    run(_context, { name }) {
      throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
    },
  }),
  command('query-rx-filter', {
    args: struct({ name: optional(STR) }),
    returns: list(RX_FILTER_INFO),
    run(_context, { name }) {
      if (name !== undefined) throw new MonitorError(`invalid net client name: ${name}`);
      return [];
    },
  }),
  command('query-vm-generation-id', {
    returns: struct({ guid: STR }),
    run() {
      throw new MonitorError('VM Generation ID device not found');
    },
  }),
  command('system_wakeup', {
    run() {
      throw new MonitorError('Unable to wake up: guest is not in suspended state');
    },
  }),
];
