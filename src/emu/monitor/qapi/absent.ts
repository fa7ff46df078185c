/** Commands about what this machine has not: replays, watchdogs, networks. Spec: QEMU qapi/{replay,run-state,net}.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { WATCHDOG_ACTIONS } from '../../machine/guest-actions.ts';
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
function refuse(text: string): never {
  throw new MonitorError(text);
}

/** No device can ask for it. */
function ignored(): void {}

export const NOT_SUSPENDED = 'Unable to wake up: guest is not in suspended state';
/** Of a machine without a board. */
export const NO_SUSPEND = 'wake-up from suspend is not supported by this guest';

export const ABSENT_COMMANDS = [
  command('query-replay', { returns: REPLAY_INFO, run: () => ({ mode: 'none' as const, icount: 0 }) }),
  command('replay-break', {
    args: struct({ icount: INT }),
    run: () => refuse('setting the breakpoint is allowed only in play mode'),
  }),
  command('replay-delete-break', { run: () => refuse('replay breakpoints are allowed only in play mode') }),
  command('replay-seek', {
    args: struct({ icount: INT }),
    run: () => refuse('replay must be enabled to seek'),
  }),
  command('dumpdtb', {
    args: struct({ filename: STR }),
    run: () => refuse("This machine doesn't have a FDT"),
  }),
  command('netdev_del', {
    args: struct({ id: STR }),
    allowPreconfig: true,
    run(_context, { id }) {
      throw new MonitorError(`Device '${id}' not found`, 'DeviceNotFound');
    },
  }),
  command('watchdog-set-action', {
    args: struct({ action: enumeration('WatchdogAction', WATCHDOG_ACTIONS) }),
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
    run({ machine }) {
      throw new MonitorError(machine.inspect.hasBoard ? NOT_SUSPENDED : NO_SUSPEND);
    },
  }),
];
