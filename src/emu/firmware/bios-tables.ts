/** The tables that a guest looks for in the BIOS area. */
import type { DmaPort } from '../memory/dma-port.ts';
import { type MpConfig, mpTable, mpTableSize } from './mp-table.ts';
import { pirTable } from './pir-table.ts';
import { type SmbiosConfig, smbiosEntryPoint, smbiosTables } from './smbios.ts';

/** QEMU: SeaBIOS fills its segment downwards from here. */
const BIOS_DATA_END = 0xf5d00;
const BIOS_START = 0xf0000;
const BIOS_END = 0x100000;
const ALIGN = 16;

export interface BiosTables {
  readonly rsdp: Uint8Array;
  readonly mp: MpConfig;
  readonly smbios: SmbiosConfig;
}

/** Writes $PIR, MP table, SMBIOS and RSDP; the address of the RSDP. Not modelled: SMBIOS tables of many CPUs go to high memory. */
export function writeBiosTables(memory: DmaPort, { rsdp, mp, smbios }: BiosTables): number {
  memory.fill(BIOS_START, BIOS_END - BIOS_START, 0);
  let top = BIOS_DATA_END;
  const take = (size: number): number => {
    top = Math.floor((top - size) / ALIGN) * ALIGN;
    return top;
  };
  const pir = pirTable();
  memory.write(take(pir.length), pir);
  const mpAddress = take(mpTableSize(mp));
  memory.write(mpAddress, mpTable(mp, mpAddress));
  const tables = smbiosTables(smbios);
  const tablesAddress = take(tables.bytes.length);
  memory.write(tablesAddress, tables.bytes);
  const entryPoint = smbiosEntryPoint(tables, tablesAddress);
  memory.write(take(entryPoint.length), entryPoint);
  const rsdpAddress = take(rsdp.length);
  memory.write(rsdpAddress, rsdp);
  return rsdpAddress;
}
