/** What the machine reports while it runs. Spec: QEMU qapi/trace.json. */
import { isPattern } from '../../core/machine-log.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { BOOL, enumeration, INT, type Infer, list, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

const TRACE_EVENT_INFO = struct({
  name: STR,
  state: enumeration('TraceEventState', ['unavailable', 'disabled', 'enabled']),
  vcpu: BOOL,
});

/** Throws QEMU's error: there is no such event, or it is not one of processors. */
function checkEvents(machine: MachineApi, name: string, cpu: number | undefined): void {
  if (cpu !== undefined && !machine.inspect.cpus().some(({ index }) => index === cpu)) {
    throw new MonitorError(`invalid vCPU index ${cpu}`);
  }
  if (isPattern(name)) return;
  if (machine.trace.log.events(name).length === 0) throw new MonitorError(`unknown event "${name}"`);
  if (cpu !== undefined) throw new MonitorError(`event "${name}" is not vCPU-specific`);
}

/** Those that match a name or a pattern. No event of this machine is one of processors. Throws QEMU's error. */
export function traceEvents(
  machine: MachineApi,
  name: string,
  cpu: number | undefined,
): readonly Infer<typeof TRACE_EVENT_INFO>[] {
  checkEvents(machine, name, cpu);
  if (cpu !== undefined) return [];
  const events = machine.trace.log
    .events(name)
    .map((event) => ({ name: event.name, state: event.isOn ? 'enabled' : 'disabled', vcpu: false }) as const);
  // QEMU: the list is made from its end.
  return events.toReversed();
}

/** Throws QEMU's error. */
export function setTraceEvents(
  machine: MachineApi,
  name: string,
  on: boolean,
  cpu: number | undefined,
): void {
  checkEvents(machine, name, cpu);
  if (cpu === undefined) machine.trace.log.setEvents(name, on);
}

function optionalNumber(value: number | bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

export const TRACE_COMMANDS = [
  command('trace-event-get-state', {
    args: struct({ name: STR, vcpu: optional(INT) }),
    returns: list(TRACE_EVENT_INFO),
    run: ({ machine }, { name, vcpu }) => traceEvents(machine, name, optionalNumber(vcpu)),
  }),
  command('trace-event-set-state', {
    args: struct({
      name: STR,
      enable: BOOL,
      'ignore-unavailable': optional(BOOL),
      vcpu: optional(INT),
    }),
    run: ({ machine }, { name, enable, vcpu }) => setTraceEvents(machine, name, enable, optionalNumber(vcpu)),
  }),
];
