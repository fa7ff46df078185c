/** What a debugger outside of the guest sees and changes of a machine that stands still. */

import type { AddressSpace } from '../bus/address-space.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Debugger } from '../cpu/debugger.ts';
import { translateForDebug } from '../cpu/mmu/debug-walk.ts';
import type { Vcpu } from '../cpu/vcpu.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { MachineProcessor, Processors, ResumePlan } from './processors.ts';

const PAGE = 4096;
const ADDRESS_MASK = (1n << 64n) - 1n;

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
  readonly #physical: AddressSpace;

  constructor(processors: Processors, cpu: Vcpu, physical: AddressSpace) {
    this.#processors = processors;
    this.#cpu = cpu;
    this.#physical = physical;
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

  /** Bytes at a linear address of vCPU number `index`. Undefined: some of them are not mapped, or nothing answers there. */
  read(index: number, address: bigint, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    const isDone = this.#pages(index, address, length, (gpa, from, to) =>
      this.#readPhysical(gpa, bytes.subarray(from, to)),
    );
    return isDone ? bytes : undefined;
  }

  /** False: some of the bytes are not mapped; those before them are written. */
  write(index: number, address: bigint, bytes: Uint8Array): boolean {
    return this.#pages(index, address, bytes.length, (gpa, from, to) => {
      this.#writePhysical(gpa, bytes.subarray(from, to));
      return true;
    });
  }

  readPhysical(address: bigint, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.#readPhysical(Number(address), bytes) ? bytes : undefined;
  }

  writePhysical(address: bigint, bytes: Uint8Array): void {
    this.#writePhysical(Number(address), bytes);
  }

  #pages(
    index: number,
    address: bigint,
    length: number,
    use: (gpa: Gpa, from: number, to: number) => boolean,
  ): boolean {
    const cpu = this.cpu(index);
    if (cpu === undefined) return false;
    for (let done = 0; done < length; ) {
      const at = (address + BigInt(done)) & ADDRESS_MASK;
      const gpa = translateForDebug(cpu.words, this.#cpu.memory, at);
      if (gpa === undefined) return false;
      const end = Math.min(length, done + PAGE - (gpa % PAGE));
      if (!use(gpa, done, end)) return false;
      done = end;
    }
    return true;
  }

  /** False: nothing answers there. QEMU: a device is read, with all that this does to it. */
  #readPhysical(gpa: Gpa, bytes: Uint8Array): boolean {
    const { memory } = this.#cpu;
    if (memory.isRam(gpa, bytes.length)) return memory.read(gpa, bytes);
    for (let at = 0; at < bytes.length; ) {
      const isWord = (gpa + at) % 4 === 0 && bytes.length - at >= 4;
      const size = isWord ? 4 : 1;
      const isRam = memory.isRam(gpa + at, size);
      if (!isRam && !this.#physical.answers(gpa + at)) return false;
      const part = bytes.subarray(at, at + size);
      if (isRam) memory.read(gpa + at, part);
      else {
        const value = this.#physical.read(gpa + at, size);
        for (const byte of part.keys()) part[byte] = value >>> (8 * byte);
      }
      at += size;
    }
    return true;
  }

  /** QEMU: what is read-only for the guest is written, and what is no memory is left alone. */
  #writePhysical(gpa: Gpa, bytes: Uint8Array): void {
    const { memory } = this.#cpu;
    for (let at = 0; at < bytes.length; ) {
      const region = memory.find(gpa + at, 1);
      const length = region === undefined ? 1 : Math.min(bytes.length - at, region.end - gpa - at);
      if (region !== undefined) memory.load(region, gpa + at - region.gpa, bytes.subarray(at, at + length));
      at += length;
    }
  }
}

function debugged({ index, cpu, apic }: MachineProcessor): DebuggedCpu {
  return { index, isHalted: cpu.isHalted, words: cpu.S, taskPriority: apic.readCr8() };
}

/** Of a host without character devices of its own. */
export async function noGdbServer(device: string): Promise<void> {
  if (device !== 'none') throw new MonitorError(`'${device}' is not a valid char driver`);
}
