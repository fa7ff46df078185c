/** What the machine reports while it runs. Spec: QEMU qapi/trace.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { isPattern, MonitorLog } from '../log.ts';
import { command, type QapiContext } from './context.ts';

const TRACE_EVENT_INFO = struct({
  name: STR,
  state: enumeration('TraceEventState', ['unavailable', 'disabled', 'enabled']),
  vcpu: BOOL,
});

/** Throws QEMU's error: there is no such event, or it is not one of processors. */
function checkEvents(machine: MachineApi, log: MonitorLog, name: string, cpu: number | undefined): void {
  if (cpu !== undefined && !machine.inspect.cpus().some(({ index }) => index === cpu)) {
    throw new MonitorError(`invalid vCPU index ${cpu}`);
  }
  if (isPattern(name)) return;
  if (log.events(name).length === 0) throw new MonitorError(`unknown event "${name}"`);
  if (cpu !== undefined) throw new MonitorError(`event "${name}" is not vCPU-specific`);
}

/** Those that match a name or a pattern. No event of this machine is one of processors. Throws QEMU's error. */
export function traceEvents(
  machine: MachineApi,
  log: MonitorLog,
  name: string,
  cpu: number | undefined,
): readonly Infer<typeof TRACE_EVENT_INFO>[] {
  checkEvents(machine, log, name, cpu);
  if (cpu !== undefined) return [];
  return log.events(name).map((event) => ({
    name: event.name,
    state: event.isOn ? 'enabled' : 'disabled',
    vcpu: false,
  }));
}

/** Throws QEMU's error. */
export function setTraceEvents(
  machine: MachineApi,
  log: MonitorLog,
  name: string,
  on: boolean,
  cpu: number | undefined,
): void {
  checkEvents(machine, log, name, cpu);
  if (cpu === undefined) log.setEvents(name, on);
}

function logOf({ machine, warn }: QapiContext): MonitorLog {
  return MonitorLog.of(machine, warn);
}

function optionalNumber(value: number | bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

export const TRACE_COMMANDS = [
  command('trace-event-get-state', {
    args: struct({ name: STR, vcpu: optional(INT) }),
    returns: list(TRACE_EVENT_INFO),
    run: (context, { name, vcpu }) =>
      traceEvents(context.machine, logOf(context), name, optionalNumber(vcpu)),
  }),
  command('trace-event-set-state', {
    args: struct({
      name: STR,
      enable: BOOL,
      'ignore-unavailable': optional(BOOL),
      vcpu: optional(INT),
    }),
    run: (context, { name, enable, vcpu }) =>
      setTraceEvents(context.machine, logOf(context), name, enable, optionalNumber(vcpu)),
  }),
];
