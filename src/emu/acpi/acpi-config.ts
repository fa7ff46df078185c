/** What the ACPI tables tell of a machine, as plain data. */
import type { ResourceRange } from './aml-resources.ts';

/** A possible CPU; its number is its place in the list. */
export interface AcpiCpu {
  readonly apicId: number;
  /** Present at start. */
  readonly present: boolean;
}

/** A PCI bus as the firmware finds it: what the slots hold at start, empty ones left out. */
export interface AcpiPciBus {
  /** The bus's number in the hotplug registers; without it, its slots take no hot-plugged device. */
  readonly bsel?: number;
  readonly devices: readonly AcpiPciDevice[];
}

/** A function of a PCI bus. QEMU: of a slot only function 0 and bridges are described. */
export interface AcpiPciDevice {
  readonly slot: number;
  readonly func?: number;
  /** May the guest eject it? */
  readonly hotpluggable: boolean;
  /** Present at start as a bridge that takes part in ACPI hotplug: the bus behind it. */
  readonly bridge?: AcpiPciBus;
  /** `isa`: the PIIX3 function that carries the ISA devices; `vga`: the standard VGA. */
  readonly kind?: 'isa' | 'vga';
}

/** QEMU's drive types of `-global isa-fdc.fdtypeA=`. */
export type FloppyType = '144' | '288';

export interface AcpiConfig {
  /** RAM at start, in bytes. */
  readonly ramSize: number;
  /** DIMM slots (-m slots=,maxmem=): `maxSize` is RAM and DIMMs together, in bytes. */
  readonly dimms?: { readonly slots: number; readonly maxSize: number };
  readonly cpus: readonly AcpiCpu[];
  readonly pci: AcpiPciBus;
  readonly hpet: boolean;
  /** COM ports that exist, 1…4. */
  readonly serialPorts: readonly number[];
  readonly parallelPort: boolean;
  /** Drives A and B of the floppy controller; undefined: no controller. */
  readonly floppies?: readonly FloppyType[];
  readonly ioApic: { readonly id: number; readonly base: number };
  /** First port of the PIIX4's power management block. */
  readonly pmBase: number;
}

const GIB = 2 ** 30;
const FOUR_GIB = 4 * GIB;
/** QEMU: with this much RAM the `pc` machine keeps 3 GiB below 4 GiB, else all of it. */
const LOW_MEMORY_LIMIT = 0xe0000000;
const LOW_MEMORY_WHEN_SPLIT = 0xc0000000;
const IO_APIC_BASE = 0xfec00000;
/** QEMU: i440FX-pcihost.pci-hole64-size. */
const PCI_HOLE64_SIZE = 2 * GIB;

/** Bytes of RAM below 4 GiB. */
export function lowMemorySize(ramSize: number): number {
  return ramSize >= LOW_MEMORY_LIMIT ? LOW_MEMORY_WHEN_SPLIT : ramSize;
}

/** Where DIMMs are placed, or undefined without slots. QEMU: 1 GiB to spare per slot, to align each DIMM. */
export function dimmWindow({ ramSize, dimms }: AcpiConfig): ResourceRange | undefined {
  if (dimms === undefined || dimms.slots === 0) return undefined;
  const min = alignUp(FOUR_GIB + ramSize - lowMemorySize(ramSize), GIB);
  return { min, max: min + dimms.maxSize - ramSize + dimms.slots * GIB - 1 };
}

/** The addresses where PCI memory may be placed, below and above 4 GiB. */
export function pciWindows(config: AcpiConfig): readonly [low: ResourceRange, high: ResourceRange] {
  const { ramSize } = config;
  const dimms = dimmWindow(config);
  const top = dimms === undefined ? FOUR_GIB + ramSize - lowMemorySize(ramSize) : dimms.max + 1;
  const min = alignUp(top, GIB);
  return [
    { min: lowMemorySize(ramSize), max: IO_APIC_BASE - 1 },
    { min, max: min + PCI_HOLE64_SIZE - 1 },
  ];
}

function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
