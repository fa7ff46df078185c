/** Bodies of the ACPI tables that hold data only. */
import type { AcpiConfig } from './acpi-config.ts';
import { type Aml, ascii, bytes, littleEndian, terms } from './aml.ts';
import { localApicEntry } from './dsdt-cpus.ts';
import { HPET_BASE } from './dsdt-pc.ts';
import { GPE_BASE, GPE_SIZE } from './gpe.ts';

const SCI_IRQ = 9;
const SMI_COMMAND_PORT = 0xb2;
const ACPI_ENABLE = 0xf1;
const ACPI_DISABLE = 0xf0;
const CMOS_CENTURY = 0x32;
/** Longer than any real one: the guest shall not use C2 and C3. */
const NO_CX_LATENCY = 0xfff;

const FADT_WBINVD = 1 << 0;
const FADT_PROC_C1 = 1 << 2;
const FADT_SLP_BUTTON = 1 << 5;
const FADT_RTC_S4 = 1 << 7;
const FADT_USE_PLATFORM_CLOCK = 1 << 15;
const FADT_APIC_CLUSTER = 1 << 18;
/** QEMU: above 8 possible CPUs Windows needs the cluster model of logical APIC ids. */
const CLUSTER_MODEL_CPUS = 8;

const LOCAL_APIC_BASE = 0xfee00000;
const PCAT_COMPAT = 1;
const LEVEL_ACTIVE_HIGH = 0x0d;
const CONFORMS = 0;

const HPET_ID = 0x8086a201;

/** Spec: ACPI 1.0b §5.2.6. The only table without header and checksum. */
export function facs(): Aml {
  return terms(ascii('FACS'), littleEndian(64, 4), new Uint8Array(56));
}

/** Spec: §5.2.5. The pointers to FACS and DSDT, its first 8 bytes, are filled in later. */
export function fadt({ pmBase, cpus, hasSmm = true }: AcpiConfig): Aml {
  const cluster = cpus.length > CLUSTER_MODEL_CPUS ? FADT_APIC_CLUSTER : 0;
  const flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RTC_S4 | FADT_USE_PLATFORM_CLOCK;
  const dword = (value: number) => littleEndian(value, 4);
  return terms(
    new Uint8Array(8),
    bytes(1, 0),
    littleEndian(SCI_IRQ, 2),
    ...(hasSmm
      ? [dword(SMI_COMMAND_PORT), bytes(ACPI_ENABLE, ACPI_DISABLE, 0, 0)]
      : [dword(0), bytes(0, 0, 0, 0)]),
    dword(pmBase),
    dword(0),
    dword(pmBase + 4),
    dword(0),
    dword(0),
    dword(pmBase + 8),
    dword(GPE_BASE),
    dword(0),
    bytes(4, 2, 0, 4, GPE_SIZE, 0, 0, 0),
    littleEndian(NO_CX_LATENCY, 2),
    littleEndian(NO_CX_LATENCY, 2),
    new Uint8Array(8),
    bytes(CMOS_CENTURY, 0, 0, 0),
    dword(flags | cluster),
  );
}

/** Spec: §5.2.8. The IRQs that PCI links and SCI use are level-triggered; IRQ 0 arrives at input 2. */
export function madt({ cpus, ioApic }: AcpiConfig): Aml {
  const override = (irq: number, input: number, flags: number) =>
    terms(bytes(2, 10, 0, irq), littleEndian(input, 4), littleEndian(flags, 2));
  return terms(
    littleEndian(LOCAL_APIC_BASE, 4),
    littleEndian(PCAT_COMPAT, 4),
    ...cpus.map((cpu, number) => localApicEntry(number, cpu.apicId, cpu.present)),
    terms(bytes(1, 12, ioApic.id, 0), littleEndian(ioApic.base, 4), littleEndian(0, 4)),
    override(0, 2, CONFORMS),
    ...[5, 9, 10, 11].map((irq) => override(irq, irq, LEVEL_ACTIVE_HIGH)),
    terms(bytes(4, 6, 0xff), littleEndian(CONFORMS, 2), bytes(1)),
  );
}

/** Spec: IA-PC HPET 1.0a §3.2.4. */
export function hpetTable(): Aml {
  return terms(littleEndian(HPET_ID, 4), new Uint8Array(4), littleEndian(HPET_BASE, 8), new Uint8Array(4));
}

/** Spec: Windows ACPI Emulated Devices Table 1.0: the PM timer is right on the first read. */
export function waet(): Aml {
  return littleEndian(2, 4);
}
