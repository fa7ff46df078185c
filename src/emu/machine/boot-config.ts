/** What the user says of starting a system: firmware reads it in CMOS and fw_cfg. */
import { OEM_ID_BYTES, OEM_TABLE_ID_BYTES } from '../acpi/tables.ts';
import { bootOrderBytes } from '../chipset/pc-cmos.ts';

/** QEMU: -boot. */
export interface BootConfig {
  /** Letters, as `setBootOrder` takes them; undefined: hard disk, CD-ROM, floppy. */
  readonly order?: string | undefined;
  /** The same up to the first reset. */
  readonly once?: string | undefined;
  /** QEMU: -no-fd-bootchk. */
  readonly skipsFloppyCheck?: boolean | undefined;
  readonly menu?: boolean | undefined;
  readonly splashTimeMs?: number | undefined;
  /** -1: no reboot. */
  readonly rebootTimeoutMs?: number | undefined;
  /** No two of the same name, and none that the board has. */
  readonly files?: readonly FirmwareFile[] | undefined;
}

/** QEMU: -fw_cfg: an item of fw_cfg that the user has named. */
export interface FirmwareFile {
  /** At most 55 bytes. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** How long the names of the maker of ACPI tables may be, in bytes. */
export const OEM_BYTES = { id: OEM_ID_BYTES, tableId: OEM_TABLE_ID_BYTES } as const;
export const DEFAULT_BOOT_ORDER = 'cad';
export const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** Throws QEMU's error for an order that a PC cannot have. */
export function checkBootOrder(order: string): void {
  bootOrderBytes(order);
}
