/**
 * The ACPI tables of the `pc` machine, as one block of bytes for a given place in memory.
 *
 * | table | tells |
 * |---|---|
 * | RSDP, RSDT | where the others are |
 * | FACP, FACS | the fixed hardware: PM and GPE ports, SCI, where the DSDT is |
 * | DSDT | devices and methods, in AML |
 * | APIC | CPUs, IO-APIC, interrupt overrides |
 * | HPET | the event timer, when the machine has one |
 * | SRAT | the NUMA nodes: which processors and addresses are in each, and where memory may be hot-plugged |
 * | SLIT | how far they are from each other, if somebody said it |
 * | HMAT | how fast they reach each other's memory, on a machine that tells it |
 * | WAET | that timers need no workaround |
 *
 * Spec: ACPI 1.0b §5.2 (revision 1 tables with 32-bit pointers, as QEMU's `pc` has them).
 */
import type { AcpiConfig, AcpiOem } from './acpi-config.ts';
import { type Aml, ascii, bytes, littleEndian, terms } from './aml.ts';
import { pcDsdt } from './dsdt-pc.ts';
import { facs, fadt, hpetTable, madt, waet } from './fixed-tables.ts';
import { hmat, slit, srat } from './numa-tables.ts';

const OEM_ID = 'BOCHS ';
const OEM_TABLE_ID = 'BXPC    ';
export const OEM_ID_BYTES = OEM_ID.length;
export const OEM_TABLE_ID_BYTES = OEM_TABLE_ID.length;
const CREATOR_ID = 'BXPC';
const HEADER_SIZE = 36;
const LENGTH_OFFSET = 4;
const CHECKSUM_OFFSET = 9;
const FADT_FACS_OFFSET = 36;
const FADT_DSDT_OFFSET = 40;
const RSDP_CHECKSUM_OFFSET = 8;
const RSDP_RSDT_OFFSET = 16;
const TABLE_ALIGN = 16;
const HMAT_REVISION = 2;

/** The tables for one load address, and what a firmware must know to move them. */
export interface AcpiTables {
  /** 20 bytes; to be placed on a 16-byte boundary between 0xe0000 and 0xfffff. */
  readonly rsdp: Uint8Array;
  /** All other tables; to be placed at the load address, which is a multiple of 64. */
  readonly tables: Uint8Array;
  /** Offsets in `tables` of 32-bit pointers to other places in `tables`. */
  readonly pointers: readonly number[];
  /** Offset of the 32-bit pointer to the RSDT in `rsdp`. */
  readonly rsdpPointer: number;
  /** Tables in `tables` whose byte sum is 0, by their checksum byte. */
  readonly checksums: readonly TableChecksum[];
}

/** A checksum byte, and the bytes that it covers; all are offsets in bytes. */
export interface TableChecksum {
  readonly at: number;
  readonly start: number;
  readonly length: number;
}

/** Builds every table; `loadAddress` is guest-physical, below 4 GiB and a multiple of 64. */
export function buildAcpiTables(config: AcpiConfig, loadAddress: number): AcpiTables {
  const block = new TableBlock(loadAddress);
  const ours = (signature: string, body: Aml): Uint8Array => table(signature, body, config.oem);
  const facsAt = block.append(facs(), 64);
  const dsdtAt = block.append(ours('DSDT', pcDsdt(config)));
  const fadtAt = block.append(ours('FACP', fadt(config)));
  block.point(fadtAt + FADT_FACS_OFFSET, facsAt);
  block.point(fadtAt + FADT_DSDT_OFFSET, dsdtAt);
  const listed = [fadtAt, block.append(ours('APIC', madt(config)))];
  if (config.hpet) listed.push(block.append(ours('HPET', hpetTable())));
  for (const one of numaTables(config)) listed.push(block.append(one));
  listed.push(block.append(ours('WAET', waet())));
  const rsdtAt = block.append(ours('RSDT', new Uint8Array(listed.length * 4)));
  for (const [n, at] of listed.entries()) block.point(rsdtAt + HEADER_SIZE + n * 4, at);
  const tables = block.bytes();
  const checksums = [dsdtAt, ...listed, rsdtAt].map((start) => tableChecksum(tables, start));
  for (const checksum of checksums) fillChecksum(tables, checksum);
  return {
    rsdp: rootPointer(loadAddress + rsdtAt, config.oem),
    tables,
    pointers: block.pointers,
    rsdpPointer: RSDP_RSDT_OFFSET,
    checksums,
  };
}

function numaTables({ numa, oem, ...machine }: AcpiConfig): readonly Uint8Array[] {
  if (numa === undefined) return [];
  const { distances, hmat: speeds } = numa;
  return [
    table('SRAT', srat(machine, numa), oem),
    ...(distances === undefined ? [] : [table('SLIT', slit(distances), oem)]),
    ...(speeds === undefined ? [] : [table('HMAT', hmat(speeds), oem, HMAT_REVISION)]),
  ];
}

/** Collects tables one after the other. */
class TableBlock {
  readonly pointers: number[] = [];
  readonly #loadAddress: number;
  readonly #parts: Aml[] = [];
  readonly #targets: number[] = [];
  #size = 0;

  constructor(loadAddress: number) {
    this.#loadAddress = loadAddress;
  }

  /** Returns the table's offset. */
  append(content: Aml, align: number = TABLE_ALIGN): number {
    const at = Math.ceil(this.#size / align) * align;
    this.#parts.push(new Uint8Array(at - this.#size), content);
    this.#size = at + content.length;
    return at;
  }

  /** Makes the four bytes at `at` point to `target`; both are offsets. */
  point(at: number, target: number): void {
    this.pointers.push(at);
    this.#targets.push(target);
  }

  bytes(): Uint8Array {
    const all = terms(...this.#parts);
    for (const [n, at] of this.pointers.entries()) {
      all.set(littleEndian(this.#loadAddress + this.#targets[n], 4), at);
    }
    return all;
  }
}

/** Puts the common header before a table's body. Spec: §5.2.3. */
export function table(signature: string, body: Aml, oem: AcpiOem = {}, revision: number = 1): Uint8Array {
  const whole = terms(
    ascii(signature),
    littleEndian(HEADER_SIZE + body.length, 4),
    bytes(revision, 0),
    oemField(oem.id ?? OEM_ID, OEM_ID_BYTES),
    oemField(oem.tableId ?? OEM_TABLE_ID, OEM_TABLE_ID_BYTES),
    littleEndian(1, 4),
    ascii(CREATOR_ID),
    littleEndian(1, 4),
    body,
  );
  fillChecksum(whole, { at: CHECKSUM_OFFSET, start: 0, length: whole.length });
  return whole;
}

/** QEMU: what is shorter is filled up with NULs. */
function oemField(text: string, size: number): Aml {
  const field = new Uint8Array(size);
  field.set(new TextEncoder().encode(text).subarray(0, size));
  return field;
}

/** Spec: §5.2.2. Revision 0: 20 bytes, 32-bit RSDT only. */
function rootPointer(rsdt: number, { id = OEM_ID }: AcpiOem = {}): Uint8Array {
  const oem = oemField(id, OEM_ID_BYTES);
  const rsdp = terms(ascii('RSD PTR '), bytes(0), oem, bytes(0), littleEndian(rsdt, 4));
  fillChecksum(rsdp, { at: RSDP_CHECKSUM_OFFSET, start: 0, length: rsdp.length });
  return rsdp;
}

function tableChecksum(tables: Uint8Array, start: number): TableChecksum {
  const length = new DataView(tables.buffer).getUint32(start + LENGTH_OFFSET, true);
  return { at: start + CHECKSUM_OFFSET, start, length };
}

function fillChecksum(content: Uint8Array, { at, start, length }: TableChecksum): void {
  content[at] = 0;
  let sum = 0;
  for (const byte of content.subarray(start, start + length)) sum += byte;
  content[at] = -sum & 0xff;
}
