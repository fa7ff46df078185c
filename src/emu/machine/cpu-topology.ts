/** How the processors of a machine are grouped, and the APIC ids that follow from it. */
import type { CpuTopology } from '../cpu/cpu.ts';
import { bitsFor } from '../cpu/system/cpuid.ts';

/** QEMU: -smp. */
export type SmpConfig = {
  /** Processors at start. */
  readonly cpus: number;
  /** Places for processors: the product of the four numbers below. */
  readonly maxCpus: number;
  readonly sockets: number;
  /** Dies of a socket, cores of a die, threads of a core. */
  readonly dies: number;
  readonly cores: number;
  readonly threads: number;
};

export const ONE_PROCESSOR: SmpConfig = { cpus: 1, maxCpus: 1, sockets: 1, dies: 1, cores: 1, threads: 1 };

/** Where a processor is; QEMU's properties socket-id, die-id, core-id and thread-id. */
export interface CpuPlace {
  readonly socket: number;
  readonly die: number;
  readonly core: number;
  readonly thread: number;
}

/** The place of a possible processor by its number: threads first, sockets last. */
export function placeOfCpu({ dies, cores, threads }: SmpConfig, index: number): CpuPlace {
  const core = Math.floor(index / threads);
  const die = Math.floor(core / cores);
  return {
    socket: Math.floor(die / dies),
    die: die % dies,
    core: core % cores,
    thread: index % threads,
  };
}

/** Spec: SDM vol. 3 §9.9.1: each level has a field of its own, as wide as its numbers need. */
export function apicIdOf(smp: SmpConfig, index: number): number {
  const { socket, die, core, thread } = placeOfCpu(smp, index);
  const coreShift = bitsFor(smp.threads);
  const dieShift = coreShift + bitsFor(smp.cores);
  const socketShift = dieShift + bitsFor(smp.dies);
  return (socket << socketShift) | (die << dieShift) | (core << coreShift) | thread;
}

/** The place that an APIC id names, whether or not the machine has it. */
export function placeOfApicId({ dies, cores, threads }: SmpConfig, apicId: number): CpuPlace {
  const coreShift = bitsFor(threads);
  const dieShift = coreShift + bitsFor(cores);
  const socketShift = dieShift + bitsFor(dies);
  const field = (from: number, to: number): number => (apicId >>> from) & ((1 << (to - from)) - 1);
  return {
    socket: apicId >>> socketShift,
    die: field(dieShift, socketShift),
    core: field(coreShift, dieShift),
    thread: field(0, coreShift),
  };
}

/** What CPUID tells of it. */
export function cpuTopologyOf(smp: SmpConfig, index: number): CpuTopology {
  const { sockets, dies, cores, threads } = smp;
  return { apicId: apicIdOf(smp, index), sockets, dies, cores, threads };
}
