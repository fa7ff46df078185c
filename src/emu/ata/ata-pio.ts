/** Commands whose data the driver moves through the data register, a block of sectors at a time. Spec: ATA/ATAPI-6 §9.5, §9.6. */
import { BufferTransfer } from '../block/buffer-transfer.ts';
import { inRange, sectorOf, setSector } from './ata-address.ts';
import * as r from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';

/** The next block is read; after the last the command is done. */
export function sectorRead(unit: AtaUnit): void {
  const { s } = unit;
  s.status = r.DRDY | r.DSC;
  s.error = 0;
  if (s.count === 0) {
    unit.stopTransfer();
    return;
  }
  s.status |= r.BSY;
  const sector = sectorOf(unit);
  const count = blockOf(unit);
  const backend = unit.device?.drive.medium?.backend;
  const { trace } = unit.host;
  if (trace.on) trace.event('ide_sector_read', sector, count);
  if (!inRange(unit, sector, count)) {
    refuse(unit, 'read');
    return;
  }
  const data = new Uint8Array(count * r.SECTOR_BYTES);
  const transfer = backend && new BufferTransfer(backend, 'read', data, sector * r.SECTOR_BYTES);
  unit.begin('pio read', { kind: 'read', transfer, flush: 'no' }, () => {
    s.status &= ~r.BSY;
    pass(unit, count);
    if (unit.host.movesPio) {
      unit.transfer(data, 'sector read');
      unit.host.interrupt();
    } else {
      unit.startTransfer(data, 'sector read');
      unit.host.interrupt();
    }
  });
}

/** The block that the driver has given is written, then it gives the next. */
export function sectorWrite(unit: AtaUnit): void {
  const { s } = unit;
  s.status = r.DRDY | r.DSC | r.BSY;
  const sector = sectorOf(unit);
  const count = blockOf(unit);
  const backend = unit.device?.drive.medium?.backend;
  const { trace } = unit.host;
  if (trace.on) trace.event('ide_sector_write', sector, count);
  if (!inRange(unit, sector, count)) {
    refuse(unit, 'write');
    return;
  }
  // A snapshot may say that there is less data than the command is about.
  const data = new Uint8Array(count * r.SECTOR_BYTES);
  data.set(s.buffer.subarray(0, data.length));
  const transfer = backend && new BufferTransfer(backend, 'write', data, sector * r.SECTOR_BYTES);
  unit.begin('pio write', { kind: 'write', transfer, flush: afterWrite(unit) }, () => {
    s.status &= ~r.BSY;
    pass(unit, count);
    if (s.count === 0) unit.stopTransfer();
    else askForData(unit);
    unit.host.interrupt();
  });
}

/** A write has begun: the driver gives the first block, of which no interrupt tells. */
export function askForData(unit: AtaUnit): void {
  unit.transfer(new Uint8Array(blockOf(unit) * r.SECTOR_BYTES), 'sector write');
}

export function afterWrite({ kept }: AtaUnit): 'after' | 'no' {
  return kept.writeCache ? 'no' : 'after';
}

function blockOf({ s }: AtaUnit): number {
  return Math.min(s.count, Math.max(1, s.block));
}

function pass(unit: AtaUnit, count: number): void {
  setSector(unit, sectorOf(unit) + count);
  unit.s.count -= count;
}

function refuse(unit: AtaUnit, kind: 'read' | 'write'): void {
  unit.abortAndTell();
  unit.device?.drive.gate.statistics.refuse(kind);
}
