/** What the ACPI tables tell of a machine, as plain data. */
import type { ResourceRange } from './aml-resources.ts';

/** A possible CPU; its number is its place in the list. */
export interface AcpiCpu {
  readonly apicId: number;
  /** Present at start. */
  readonly present: boolean;
  /** The NUMA node that its place is in; absent: the machine has none. */
  readonly node?: number | undefined;
}

/** The NUMA nodes; processors say themselves where they are. */
export interface AcpiNuma {
  /** Bytes of RAM of each node. The first one has the lowest addresses. */
  readonly ramBytes: readonly number[];
  /** From each node to each; absent: the guest is told of none. */
  readonly distances?: readonly (readonly number[])[] | undefined;
  /** Absent: the machine has no such table. */
  readonly hmat?: AcpiHmat | undefined;
}

/** How fast nodes reach each other's memory. Spec: ACPI 6.3 §5.2.27. */
export interface AcpiHmat {
  /** For each node the one whose processors are nearest; undefined: nobody knows. */
  readonly initiatorOf: readonly (number | undefined)[];
  /** Nodes with processors. */
  readonly initiators: readonly number[];
  readonly tables: readonly AcpiHmatTable[];
  readonly caches: readonly AcpiHmatCache[];
}

/** Latencies or bandwidths of one kind, numbered as in the specification. */
export interface AcpiHmatTable {
  readonly hierarchy: number;
  readonly dataType: number;
  /** Of the entries: in picoseconds, or MiB a second. */
  readonly unit: bigint;
  /** From each initiator to each node, 16 bits each. */
  readonly entries: readonly number[];
}

/** A cache before a node's memory; `associativity` and `policy` are numbered as in the specification. */
export interface AcpiHmatCache {
  readonly node: number;
  readonly level: number;
  readonly sizeBytes: bigint;
  readonly lineBytes: number;
  readonly associativity: number;
  readonly policy: number;
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

/** QEMU's types of a floppy drive; the last two are none. */
export type FloppyType = '144' | '288' | '120' | 'none' | 'auto';

/** RAM at start, in bytes: where it ends below 4 GiB, and how much is above. */
export interface AcpiRam {
  readonly below4g: number;
  readonly above4g: number;
}

export interface AcpiMemory {
  readonly ram: AcpiRam;
  /** Room for DIMMs (-m slots=,maxmem=): `maxSize` is RAM and DIMMs together, in bytes. There may be room, but no slot. */
  readonly dimms?: { readonly slots: number; readonly maxSize: number };
}

export interface AcpiConfig extends AcpiMemory {
  readonly cpus: readonly AcpiCpu[];
  readonly pci: AcpiPciBus;
  readonly hpet: boolean;
  /** COM ports that exist, 1…4. */
  readonly serialPorts: readonly number[];
  readonly parallelPort: boolean;
  /** Where a guest reports its crash; absent: nowhere. */
  readonly pvpanicPort?: number | undefined;
  /** Drives A and B of the floppy controller; undefined: no controller. */
  readonly floppies?: readonly (FloppyType | undefined)[];
  readonly ioApic: { readonly id: number; readonly base: number };
  /** First port of the PIIX4's power management block. */
  readonly pmBase: number;
  /** How the root bridge is called: `_UID`. */
  readonly rootUid: number;
  /** PCI memory may be placed above 4 GiB. */
  readonly hasPciHole64: boolean;
  /** Absent: the machine has no NUMA nodes. */
  readonly numa?: AcpiNuma | undefined;
  /** Writes to the SMI command port switch ACPI on and off; absent: true. Without that, ACPI is always on. */
  readonly hasSmm?: boolean | undefined;
  /** Who made the tables, 6 and 8 characters at most; absent: QEMU's names. */
  readonly oem?: AcpiOem | undefined;
}

export interface AcpiOem {
  readonly id?: string | undefined;
  readonly tableId?: string | undefined;
}

const GIB = 2 ** 30;
const FOUR_GIB = 4 * GIB;
const IO_APIC_BASE = 0xfec00000;
/** QEMU: i440FX-pcihost.pci-hole64-size. */
const PCI_HOLE64_SIZE = 2 * GIB;

/** How many DIMMs the machine takes. QEMU: with room but no slot the tables speak of the room, and of no DIMMs. */
export function dimmSlots({ dimms }: AcpiMemory): number {
  return dimms?.slots ?? 0;
}

/** Where DIMMs are placed, or undefined without room for them. QEMU: 1 GiB to spare per slot, to align each DIMM. */
export function dimmWindow({ ram, dimms }: AcpiMemory): ResourceRange | undefined {
  const room = (dimms?.maxSize ?? 0) - ram.below4g - ram.above4g;
  if (dimms === undefined || room <= 0) return undefined;
  const min = alignUp(FOUR_GIB + ram.above4g, GIB);
  return { min, max: min + room + dimms.slots * GIB - 1 };
}

/** The addresses where PCI memory may be placed, below and above 4 GiB. */
export function pciWindows(config: AcpiMemory): readonly [low: ResourceRange, high: ResourceRange] {
  const { below4g, above4g } = config.ram;
  const dimms = dimmWindow(config);
  const top = dimms === undefined ? FOUR_GIB + above4g : dimms.max + 1;
  const min = alignUp(top, GIB);
  return [
    { min: below4g, max: IO_APIC_BASE - 1 },
    { min, max: min + PCI_HOLE64_SIZE - 1 },
  ];
}

function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
