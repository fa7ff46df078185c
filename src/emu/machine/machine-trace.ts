/** What a machine's trace knows of it, and what its log asks processors for. */
import { TraceLog } from '../core/trace.ts';
import { CPU_LOG_ITEMS, CpuLog } from './cpu-log.ts';
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

/** From now on the log has what processors do, where the user wants that. */
export function logProcessors(machine: Pick<Machine, 'trace' | 'engine' | 'processors'>): void {
  const { trace, engine, processors } = machine;
  const { log } = trace;
  const write = (lines: string): void => log.write(lines);
  const indexOf = (apicId: number): number =>
    processors.present.find(({ index }) => processors.archId(index) === apicId)?.index ?? 0;
  log.watchProcessors(({ items, ranges, isSingleStep }) => {
    const isWanted = CPU_LOG_ITEMS.some((item) => items.has(item));
    const wiring = { S: engine.cpu.S, write, items, ranges, indexOf, cpuIndex: () => processors.executing };
    const cpuLog = isWanted ? new CpuLog(wiring) : undefined;
    engine.cpu.watcher = cpuLog;
    engine.blocks.onDecode = items.has('in_asm') ? (code) => cpuLog?.decoded(code) : undefined;
    engine.isSingleStep = isSingleStep;
    engine.cpu.requestExit();
  });
}
