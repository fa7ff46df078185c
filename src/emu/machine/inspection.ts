/** What monitors and the page ask about a machine's board and processors; asking changes nothing. */
import type { I8259Pair, I8259State } from '../chipset/i8259.ts';
import type { IoApic } from '../chipset/ioapic.ts';
import type { AcpiOstInfo } from '../core/machine-events.ts';
import type { LocalApic } from '../cpu/apic/local-apic.ts';
import type { CpuCompat } from '../cpu/models/cpu-option.ts';
import { type PciDeviceInfo, pciBusInfo } from '../pci/pci-info.ts';
import type { NoneBoard } from './boards/none-board.ts';
import { PcBoard } from './boards/pc.ts';
import type { HotpluggableCpu } from './boards/pc-cpus.ts';
import type { MemoryApi } from './boards/pc-device-memory.ts';
import { NO_UUID } from './boot-config.ts';
import { type CpuRegisters, readCpuRegisters } from './cpu-registers.ts';
import { CURRENT_MACHINE, machineVersion } from './machine-versions.ts';
import type { ShownProcessors } from './processors.ts';

export interface CpuInfo {
  readonly index: number;
  readonly qomPath: string;
  readonly halted: boolean;
  /** QEMU: the host thread. */
  readonly threadId: number;
}

export interface PicInfo {
  readonly chips: I8259State['chips'];
  readonly statistics: I8259Pair['statistics'];
}

export type LocalApicInfo = ReturnType<LocalApic['inspect']>;

export class Inspection {
  readonly #board: PcBoard | NoneBoard;
  /** Undefined: the machine is `none`. */
  readonly #pc: PcBoard | undefined;
  readonly #processors: ShownProcessors;

  /** What executes the vCPUs. */
  readonly accel: 'tcg' | 'qtest';

  constructor(board: PcBoard | NoneBoard, processors: ShownProcessors, accel: Inspection['accel'] = 'tcg') {
    this.accel = accel;
    this.#board = board;
    this.#pc = board instanceof PcBoard ? board : undefined;
    this.#processors = processors;
  }

  /** False: the machine is `none`. */
  get hasBoard(): boolean {
    return this.#pc !== undefined;
  }

  get hasPciBus(): boolean {
    return this.#pc !== undefined;
  }

  /** The functions of each PCI bus, root bus first. */
  pciFunctions(): readonly PciDeviceInfo[] {
    return this.#pc === undefined ? [] : pciBusInfo(this.#pc.pciBus);
  }

  /** In lower case. */
  get uuid(): string {
    return this.#pc?.uuid ?? NO_UUID;
  }

  get memory(): MemoryApi {
    return this.#board.deviceMemory;
  }

  /** All places for processors, the first one first. */
  hotpluggableCpus(): readonly HotpluggableCpu[] {
    return this.#pc?.cpus.list() ?? [];
  }

  /** What the machine's version changes of its processors. */
  get cpuCompat(): CpuCompat {
    return machineVersion(this.#pc?.wiring.machineType ?? CURRENT_MACHINE).cpu;
  }

  /** The oldest first. */
  cpus(): readonly CpuInfo[] {
    return this.#processors.present.map(({ cpu, index }) => ({
      index,
      qomPath: this.#pathOf(index) ?? '',
      halted: cpu.isHalted,
      threadId: index + 1,
    }));
  }

  #pathOf(index: number): string | undefined {
    return this.#board instanceof PcBoard ? this.#board.cpus.pathOf(index) : this.#board.cpu?.path;
  }

  /** Undefined when there is no such vCPU. */
  cpuRegisters(index: number): CpuRegisters | undefined {
    const processor = this.#processors.at(index);
    return processor && readCpuRegisters(processor.cpu.S, index);
  }

  /** The registers of a vCPU's local APIC; undefined when there is no such APIC. */
  localApic(apicId: number): LocalApicInfo | undefined {
    return this.#processors.present
      .find(({ index }) => this.#processors.archId(index) === apicId)
      ?.apic.inspect();
  }

  /** The APIC id of a vCPU. */
  apicIdOf(index: number): number {
    return this.#processors.archId(index);
  }

  /** Undefined: there is none. */
  get ioApic(): Pick<IoApic, 'inspect' | 'statistics'> | undefined {
    return this.#pc?.ioApic;
  }

  /** Both 8259s, the master first, and how often their lines were raised; undefined: there are none. */
  get pic(): PicInfo | undefined {
    const pic = this.#pc?.pic;
    return pic && { chips: pic.save().chips, statistics: pic.statistics };
  }

  /** What the guest said last of each place for a DIMM, then of those for processors; undefined: there is no ACPI. */
  ospmStatus(): readonly AcpiOstInfo[] | undefined {
    return this.#pc && [...this.#pc.dimms.ospmStatus(), ...this.#pc.cpus.ospmStatus()];
  }
}
