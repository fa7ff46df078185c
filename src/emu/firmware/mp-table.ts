/** MP configuration table: CPUs and interrupts for guests without ACPI. Spec: Intel MultiProcessor Specification 1.4 §4. */

/** A PCI function whose interrupt pin is wired. */
export interface PciInterrupt {
  readonly slot: number;
  /** 0 is INTA#. */
  readonly pin: number;
  /** The interrupt line register. */
  readonly irq: number;
}

export interface MpConfig {
  readonly apicIds: readonly number[];
  readonly cpuSignature: number;
  readonly cpuFeatures: number;
  readonly ioApic: { readonly id: number; readonly base: number };
  readonly pci: readonly PciInterrupt[];
}

const LOCAL_APIC = 0xfee00000;
const LOCAL_APIC_VERSION = 0x14;
const IO_APIC_VERSION = 0x11;
const FLOATING_SIZE = 16;
const HEADER_SIZE = 44;
const SPEC_1_4 = 4;
const CPU_ENABLED = 1;
const CPU_BOOTSTRAP = 2;
const IO_APIC_USABLE = 1;
const BUS_PCI = 0;
const BUS_ISA = 1;
const INT = 0;
const NMI = 1;
const EXT_INT = 3;
const ACTIVE_HIGH = 1;
const ALL_LOCAL_APICS = 0xff;
const ISA_IRQS = 16;
/** QEMU: SeaBIOS leaves the cascade out and the lines that may be PCI's. */
const NOT_ISA = [2, 5, 9, 10, 11];
const TIMER_PIN = 2;

const word = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff];
const dword = (value: number): number[] => [...word(value & 0xffff), ...word(value >>> 16)];
const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const ascii = (text: string, size: number): number[] =>
  Array.from({ length: size }, (_, at) => (at < text.length ? text.charCodeAt(at) : 0x20));

function checksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += bytes[at];
  return -sum & 0xff;
}

/** §4.3.1 to §4.3.5, in SeaBIOS's order. */
function entries(config: MpConfig): number[][] {
  const { ioApic } = config;
  const cpus = config.apicIds.map((apicId, index) => [
    ...[0, apicId, LOCAL_APIC_VERSION, CPU_ENABLED | (index === 0 ? CPU_BOOTSTRAP : 0)],
    ...dword(config.cpuSignature),
    ...dword(config.cpuFeatures),
    ...zeros(8),
  ]);
  const buses = [
    [1, BUS_PCI, ...ascii('PCI', 6)],
    [1, BUS_ISA, ...ascii('ISA', 6)],
  ];
  const ioApics = [[2, ioApic.id, IO_APIC_VERSION, IO_APIC_USABLE, ...dword(ioApic.base)]];
  const interrupt = (type: number, flags: number, bus: number, source: number, pin: number): number[] => [
    ...[3, type, ...word(flags), bus, source, ioApic.id, pin],
  ];
  const pins = new Map(config.pci.map(({ slot, pin, irq }) => [(slot << 2) | pin, irq]));
  const pci = [...pins].map(([source, irq]) => interrupt(INT, ACTIVE_HIGH, BUS_PCI, source, irq));
  const isa = Array.from({ length: ISA_IRQS }, (_, irq) => irq)
    .filter((irq) => !NOT_ISA.includes(irq))
    .map((irq) => interrupt(INT, 0, BUS_ISA, irq, irq === 0 ? TIMER_PIN : irq));
  const local = [
    [4, EXT_INT, ...word(0), BUS_ISA, 0, 0, 0],
    [4, NMI, ...word(0), BUS_ISA, 0, ALL_LOCAL_APICS, 1],
  ];
  return [...cpus, ...buses, ...ioApics, ...pci, ...isa, ...local];
}

/** Size in bytes of the floating pointer and the table behind it. */
export function mpTableSize(config: MpConfig): number {
  return FLOATING_SIZE + HEADER_SIZE + entries(config).flat().length;
}

/** The floating pointer structure and the table, to be placed together at `address`. */
export function mpTable(config: MpConfig, address: number): Uint8Array {
  const listed = entries(config);
  const body = listed.flat();
  const table = Uint8Array.from([
    ...ascii('PCMP', 4),
    ...word(HEADER_SIZE + body.length),
    ...[SPEC_1_4, 0],
    ...ascii('BOCHSCPU', 8),
    ...ascii('0.1', 12),
    ...zeros(6),
    ...word(listed.length),
    ...dword(LOCAL_APIC),
    ...zeros(4),
    ...body,
  ]);
  table[7] = checksum(table, 0, table.length);
  const floating = Uint8Array.from([
    ...ascii('_MP_', 4),
    ...dword(address + FLOATING_SIZE),
    ...[1, SPEC_1_4, 0, 0],
    ...zeros(4),
  ]);
  floating[10] = checksum(floating, 0, FLOATING_SIZE);
  return Uint8Array.from([...floating, ...table]);
}
