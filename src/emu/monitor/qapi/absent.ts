/** Commands about what this machine has not: jobs, replays, watchdogs, networks. Spec: QEMU qapi/{block-core,job,replay,run-state,net}.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { BOOL, enumeration, INT, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const JOB_TYPE = enumeration('JobType', [
  'commit',
  'stream',
  'mirror',
  'backup',
  'create',
  'amend',
  'snapshot-load',
  'snapshot-save',
  'snapshot-delete',
]);
const JOB_STATUS = enumeration('JobStatus', [
  'undefined',
  'created',
  'running',
  'paused',
  'ready',
  'standby',
  'waiting',
  'pending',
  'aborting',
  'concluded',
  'null',
]);
const RX_STATE = enumeration('RxState', ['normal', 'none', 'all']);
const RX_FILTER_INFO = struct({
  ...{ name: STR, promiscuous: BOOL, multicast: RX_STATE, unicast: RX_STATE, vlan: RX_STATE },
  ...{ 'broadcast-allowed': BOOL, 'multicast-overflow': BOOL, 'unicast-overflow': BOOL },
  ...{ 'main-mac': STR, 'vlan-table': list(INT), 'unicast-table': list(STR), 'multicast-table': list(STR) },
});
const JOB_INFO = struct({
  id: STR,
  type: JOB_TYPE,
  status: JOB_STATUS,
  'current-progress': INT,
  'total-progress': INT,
  error: optional(STR),
});
const BLOCK_JOB_INFO = struct({
  type: STR,
  device: STR,
  len: INT,
  offset: INT,
  busy: BOOL,
  paused: BOOL,
  speed: INT,
  'io-status': enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']),
  ready: BOOL,
  status: JOB_STATUS,
  'auto-finalize': BOOL,
  'auto-dismiss': BOOL,
  error: optional(STR),
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

export const NOT_SUSPENDED = 'Unable to wake up: guest is not in suspended state';
/** Of a machine without a board. */
export const NO_SUSPEND = 'wake-up from suspend is not supported by this guest';

export const ABSENT_COMMANDS = [
  command('query-block-jobs', { returns: list(BLOCK_JOB_INFO), allowPreconfig: true, run: () => [] }),
  command('query-jobs', { returns: list(JOB_INFO), run: () => [] }),
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
    run({ machine }) {
      throw new MonitorError(machine.inspect.hasBoard ? NOT_SUSPENDED : NO_SUSPEND);
    },
  }),
];
