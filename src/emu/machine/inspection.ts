/** What monitors and the page ask about a machine's board and processors; asking changes nothing. */
import type { AcpiOstInfo } from '../core/machine-events.ts';
import { type PciDeviceInfo, pciBusInfo } from '../pci/pci-info.ts';
import type { PcBoard } from './boards/pc.ts';
import type { HotpluggableCpu } from './boards/pc-cpus.ts';
import type { MemoryApi } from './boards/pc-device-memory.ts';
import { type CpuRegisters, readCpuRegisters } from './cpu-registers.ts';
import type { Processors } from './processors.ts';

export interface CpuInfo {
  readonly index: number;
  readonly halted: boolean;
  /** QEMU: the host thread. */
  readonly threadId: number;
}

export class Inspection {
  readonly #board: PcBoard;
  readonly #processors: Processors;

  constructor(board: PcBoard, processors: Processors) {
    this.#board = board;
    this.#processors = processors;
  }

  /** The functions of each PCI bus, root bus first. */
  pciFunctions(): readonly PciDeviceInfo[] {
    return pciBusInfo(this.#board.pciBus);
  }

  get memory(): MemoryApi {
    return this.#board.deviceMemory;
  }

  /** All places for processors, the first one first. */
  hotpluggableCpus(): readonly HotpluggableCpu[] {
    return this.#board.cpus.list();
  }

  /** The oldest first. */
  cpus(): readonly CpuInfo[] {
    return this.#processors.present.map(({ cpu, index }) => ({
      index,
      halted: cpu.isHalted,
      threadId: index + 1,
    }));
  }

  /** Undefined when there is no such vCPU. */
  cpuRegisters(index: number): CpuRegisters | undefined {
    const processor = this.#processors.at(index);
    return processor && readCpuRegisters(processor.cpu.S, index);
  }

  /** What the guest said last of each place for a DIMM, then of those for processors. */
  ospmStatus(): readonly AcpiOstInfo[] {
    return [...this.#board.dimms.ospmStatus(), ...this.#board.cpus.ospmStatus()];
  }
}
