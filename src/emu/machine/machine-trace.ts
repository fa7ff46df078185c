/** What a machine's trace knows of it. */
import { TraceLog } from '../core/trace.ts';
import type { Machine } from './machine.ts';
import type { MachineHost } from './machine-config.ts';

/** The trace of a machine that is being made. */
export function machineTrace(machine: Machine, { printLine }: MachineHost): TraceLog {
  const trace = machine.config.trace ?? new TraceLog(printLine);
  trace.source = {
    nowNs: () => machine.clock.nowNs(),
    cpuIndex: () => machine.processors.executing,
  };
  return trace;
}
