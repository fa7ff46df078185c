/** Commands whose data goes by DMA, all of it in one transfer. Spec: ATA/ATAPI-6 §9.7. */
import type { CountedKind } from '../block/block-statistics.ts';
import { BlkTransfer, type BlockTransfer } from '../block/block-transfer.ts';
import { RangesTransfer } from '../block/list-transfers.ts';
import { gather, type Segment, segmentsLength } from '../memory/segments.ts';
import { inRange, sectorOf, setSector } from './ata-address.ts';
import { afterWrite } from './ata-pio.ts';
import * as r from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';

/** Spec: ACS-2 §7.10.3.2: a range of DATA SET MANAGEMENT is a sector of 48 bits, and a count of 16. */
const RANGE_BYTES = 8;
const LIMIT_32 = 2 ** 32;
/** Not modelled: longer lists, of which AHCI's driver could give one of millions of ranges. Linux gives one block. */
const TRIM_BLOCKS = 256;

/** The controller has begun. */
export function runDma(unit: AtaUnit): void {
  const { s, host } = unit;
  if (s.count === 0) {
    succeed(unit, false);
    return;
  }
  const bytes = s.count * r.SECTOR_BYTES;
  const { segments, described } = host.commandBuffers(bytes, s.dmaDone);
  if (segmentsLength(segments) < bytes) {
    // QEMU: a list that is too short ends the command, and no interrupt tells of it.
    s.status = r.DRDY | r.DSC;
    host.moved(0);
    dmaEnded(unit, false);
    return;
  }
  const sector = sectorOf(unit);
  const { dma } = s;
  if (host.trace.on) host.trace.event('ide_dma_cb', unit, sector, s.count, `DMA ${dma?.toUpperCase()}`);
  if (dma !== 'trim' && !inRange(unit, sector, s.count)) {
    fail(unit);
    unit.device?.drive.gate.statistics.refuse(dma === 'write' ? 'write' : 'read');
    return;
  }
  const work = dma === 'trim' ? trim(unit, segments) : move(unit, segments, sector);
  if (work === undefined) {
    fail(unit);
    return;
  }
  const ended = (): void => {
    host.moved(bytes);
    s.dmaDone += bytes;
    setSector(unit, sector + s.count);
    s.count = 0;
    succeed(unit, described > bytes);
  };
  // No range was said to be of any length: there is nothing to do.
  if (work.transfer?.total === 0) ended();
  else unit.begin('dma', work, ended);
}

export function dmaEnded({ s, host }: AtaUnit, staysActive: boolean): void {
  s.dma = null;
  host.dmaEnded(staysActive);
  host.commandDone();
}

interface DmaWork {
  readonly kind: CountedKind;
  readonly transfer: BlockTransfer | undefined;
  readonly flush: 'after' | 'no';
}

function move(unit: AtaUnit, segments: readonly Segment[], sector: number): DmaWork {
  const { s, host } = unit;
  const backend = unit.device?.drive.medium?.backend;
  const kind = s.dma === 'write' ? 'write' : 'read';
  const offset = sector * r.SECTOR_BYTES;
  const transfer =
    backend && tracked(unit, new BlkTransfer(host.memory, backend, kind, segments, offset, s.workDone));
  return { kind, transfer, flush: kind === 'write' ? afterWrite(unit) : 'no' };
}

/** Undefined: a range is not on the disk. */
function trim(unit: AtaUnit, segments: readonly Segment[]): DmaWork | undefined {
  const { s, host } = unit;
  if (s.count > TRIM_BLOCKS) return undefined;
  const list = new Uint8Array(segmentsLength(segments));
  gather(host.memory, segments, list);
  const view = new DataView(list.buffer);
  const ranges: { readonly offset: number; readonly bytes: number }[] = [];
  for (let at = 0; at < list.length; at += RANGE_BYTES) {
    const count = view.getUint16(at + 6, true);
    const sector = view.getUint16(at + 4, true) * LIMIT_32 + view.getUint32(at, true);
    if (count === 0) continue;
    if (!inRange(unit, sector, count)) return undefined;
    ranges.push({ offset: sector * r.SECTOR_BYTES, bytes: count * r.SECTOR_BYTES });
  }
  const backend = unit.device?.drive.medium?.backend;
  const transfer = backend && tracked(unit, new RangesTransfer(backend, 'discard', ranges, s.workDone));
  return { kind: 'unmap', transfer, flush: 'no' };
}

/** A transfer whose course a snapshot of the unit knows. */
function tracked<T extends BlockTransfer>(unit: AtaUnit, transfer: T): T {
  unit.underWay = transfer;
  return transfer;
}

function succeed(unit: AtaUnit, staysActive: boolean): void {
  unit.s.status = r.DRDY | r.DSC;
  unit.host.interrupt();
  dmaEnded(unit, staysActive);
}

function fail(unit: AtaUnit): void {
  unit.host.moved(0);
  unit.abort();
  dmaEnded(unit, false);
  unit.host.interrupt();
}
