/** Registers of an ATA device and their bits. Spec: ATA/ATAPI-6 §7. */

/** STATUS. */
export const BSY = 0x80;
export const DRDY = 0x40;
/** Device fault. QEMU: so an unused bit of a drive after a reset of an AHCI port. */
export const DF = 0x20;
export const DSC = 0x10;
export const DRQ = 0x08;
export const ERR = 0x01;

/** ERROR. */
export const ABRT = 0x04;
/** QEMU: beside the sense key of a medium that has changed. */
export const MC = 0x20;
/** What a diagnostic says of a device that passed it. */
export const PASSED = 0x01;

/** DEVICE. */
export const DEVICE_ALWAYS = 0xa0;
export const DEVICE_LBA = 0x40;
export const DEVICE_DEV = 0x10;
export const DEVICE_HEAD = 0x0f;

/** DEVICE CONTROL. */
export const CONTROL_NIEN = 0x02;
export const CONTROL_SRST = 0x04;
export const CONTROL_HOB = 0x80;

/** Interrupt reason of packet commands, in the place of a count. Spec: ATA/ATAPI-6 §7.10. */
export const REASON_CD = 0x01;
export const REASON_IO = 0x02;
export const REASON_TAG = 0xf8;

export const SECTOR_BYTES = 512;
export const PACKET_BYTES = 12;
/** Most sectors of one READ or WRITE MULTIPLE. */
export const MAX_MULTIPLE = 16;
