/** What a debugger outside of the guest sees and changes of the vCPUs of a machine that stands still; memory is in `GuestAccess`. */

import { MonitorError } from '../core/monitor-error.ts';
import type { Debugger } from '../cpu/debugger.ts';
import type { Vcpu } from '../cpu/vcpu.ts';
import type { MachineProcessor, Processors, ResumePlan } from './processors.ts';

/** One vCPU of a debugger's. */
export interface DebuggedCpu {
  /** QEMU: the number of the vCPU. */
  readonly index: number;
  readonly isHalted: boolean;
  /** Its words (cpu/state.ts), which are not to be kept. */
  readonly words: Int32Array;
  /** CR8. */
  readonly taskPriority: number;
}

export class MachineDebug {
  readonly #processors: Processors;
  readonly #cpu: Vcpu;

  constructor(processors: Processors, cpu: Vcpu) {
    this.#processors = processors;
    this.#cpu = cpu;
  }

  /** Break- and watchpoints, those of all vCPUs. */
  get points(): Debugger {
    return this.#cpu.debugger;
  }

  /** In the order of their numbers. */
  get cpus(): readonly DebuggedCpu[] {
    return this.#processors.present.map(debugged).sort((a, b) => a.index - b.index);
  }

  /** Undefined: there is no vCPU with this number. */
  cpu(index: number): DebuggedCpu | undefined {
    const processor = this.#processors.at(index);
    return processor && debugged(processor);
  }

  /** The vCPU that ran last: where the machine stopped at a break- or watchpoint. */
  get currentIndex(): number {
    return this.#processors.current.index;
  }

  /** What the vCPUs do when the machine next runs. */
  plan(plan: ResumePlan): void {
    this.#processors.plan = plan;
  }

  /** Calls `change` with vCPU number `index` on the stage, which must be there. No watchpoint sees what it accesses, and a fault is dropped. */
  change(index: number, change: (cpu: Vcpu) => void): void {
    const processor = this.#processors.at(index);
    if (processor === undefined) return;
    this.#processors.onStage(processor, () => this.#cpu.withoutFaults(() => change(this.#cpu)));
  }
}

function debugged({ index, cpu, apic }: MachineProcessor): DebuggedCpu {
  return { index, isHalted: cpu.isHalted, words: cpu.S, taskPriority: apic.readCr8() };
}

/** Of a host without character devices of its own. */
export async function noGdbServer(device: string): Promise<void> {
  if (device !== 'none') throw new MonitorError(`'${device}' is not a valid char driver`);
}
