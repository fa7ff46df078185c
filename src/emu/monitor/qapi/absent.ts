/** Commands about what this machine has not, as replays. Spec: QEMU qapi/{replay,run-state}.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import { enumeration, INT, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const REPLAY_INFO = struct({
  mode: enumeration('ReplayMode', ['none', 'record', 'play']),
  filename: optional(STR),
  icount: INT,
});
function refuse(text: string): never {
  throw new MonitorError(text);
}

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
