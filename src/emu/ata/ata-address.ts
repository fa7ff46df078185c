/** Where on the disk a command begins, as its registers say it. Spec: ATA/ATAPI-6 §6.2. */

import { DEVICE_HEAD, DEVICE_LBA } from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';

const LIMIT_24 = 2 ** 24;

/** The sector; that of cylinder 0, head 0, sector 0, which there is not, is -1. */
export function sectorOf({ s, kept }: AtaUnit): number {
  if ((s.device & DEVICE_LBA) === 0) {
    const cylinder = s.high * 256 + s.mid;
    return (cylinder * kept.heads + (s.device & DEVICE_HEAD)) * kept.trackSectors + s.low - 1;
  }
  const low = s.high * 65_536 + s.mid * 256 + s.low;
  if (s.lba48) return (s.hobHigh * 65_536 + s.hobMid * 256 + s.hobLow) * LIMIT_24 + low;
  return (s.device & DEVICE_HEAD) * LIMIT_24 + low;
}

export function setSector({ s, kept }: AtaUnit, sector: number): void {
  if ((s.device & DEVICE_LBA) === 0) {
    const track = Math.max(1, kept.trackSectors);
    const cylinder = Math.floor(sector / (Math.max(1, kept.heads) * track));
    const rest = sector - cylinder * Math.max(1, kept.heads) * track;
    s.high = (cylinder >> 8) & 0xff;
    s.mid = cylinder & 0xff;
    s.device = (s.device & ~DEVICE_HEAD) | (Math.floor(rest / track) & DEVICE_HEAD);
    s.low = ((rest % track) + 1) & 0xff;
    return;
  }
  s.low = sector & 0xff;
  s.mid = (sector >>> 8) & 0xff;
  s.high = (sector >>> 16) & 0xff;
  const above = Math.floor(sector / LIMIT_24);
  if (s.lba48) {
    s.hobLow = above & 0xff;
    s.hobMid = (above >>> 8) & 0xff;
    s.hobHigh = (above >>> 16) & 0xff;
  } else s.device = (s.device & ~DEVICE_HEAD) | (above & DEVICE_HEAD);
}

/** How many sectors the command is about: 0 says the most. QEMU: the count is kept as one number from here on. */
export function takeCount({ s }: AtaUnit, lba48: boolean): void {
  s.lba48 = lba48;
  if (lba48) s.count = (s.hobCount * 256 + s.count) & 0xffff || 65_536;
  else if (s.count === 0) s.count = 256;
}

export function inRange({ kept }: AtaUnit, sector: number, count: number): boolean {
  return sector >= 0 && sector + count <= kept.sectors;
}
