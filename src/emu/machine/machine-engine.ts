/** What executes the vCPUs of a machine. */
import type { Trace } from '../core/trace.ts';
import type { CpuHost } from '../cpu/cpu.ts';
import { Engine } from '../cpu/engine.ts';
import type { CpuIdentity } from '../cpu/models/cpu-identity.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { cpuTopologyOf, type SmpConfig } from './cpu-topology.ts';
import type { MachineHost } from './machine-config.ts';

export interface EngineWiring {
  readonly memory: GuestMemory;
  readonly trace: Trace;
  /** What is around the vCPUs. */
  readonly host: CpuHost;
  readonly smp: SmpConfig;
  readonly identity: CpuIdentity;
}

export function machineEngine({ smp, ...parts }: EngineWiring, host: MachineHost): Engine {
  return new Engine({
    ...{ ...parts, topology: cpuTopologyOf(smp, 0), slots: smp.maxCpus },
    ...{ makeFunction: host.makeFunction, useGlobals: true, nowNs: () => host.monotonicNs() },
  });
}
