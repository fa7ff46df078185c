/** Packet commands: how they end, and how their answers move, by PIO or DMA. Spec: ATA/ATAPI-6 §9.8, §9.9. The course is QEMU's. */
import { BufferTransfer } from '../block/buffer-transfer.ts';
import { DISC_BLOCK_BYTES } from '../block/cdrom.ts';
import { scatter, segmentsLength } from '../memory/segments.ts';
import { dmaEnded } from './ata-dma.ts';
import * as r from './ata-registers.ts';
import type { AtaUnit } from './ata-unit.ts';
import { rawBlocks } from './atapi-raw.ts';
import { type AtapiSense, NO_MEDIUM, OUT_OF_RANGE } from './atapi-sense.ts';

const EMPTY = new Uint8Array();
/** The largest part of an answer, where the driver sets no limit; it is even. */
const LIMIT_MAX = 0xfffe;
/** Blocks of a disc that DMA moves at a time. */
const DMA_BLOCKS = 64;

/** Blocks of the disc; 0: there is none, or the tray is open. */
export function discBlocks({ s, kept }: AtaUnit): number {
  return s.trayOpen ? 0 : Math.floor(kept.sectors / 4);
}

export function isInserted({ device }: AtaUnit): boolean {
  return device?.drive.medium !== undefined;
}

/** Spec: ATA8-ACS §7.17: a driver that has no room for any data is refused as by any other command. */
export function canAnswer(unit: AtaUnit): boolean {
  if (unit.s.packet.byDma || limitOf(unit) !== 0) return true;
  unit.abort();
  return false;
}

function limitOf({ s }: AtaUnit): number {
  return Math.min(s.mid | (s.high << 8), LIMIT_MAX);
}

function setReason({ s }: AtaUnit, reason: number): void {
  s.count = (s.count & r.REASON_TAG) | reason;
}

export function succeed(unit: AtaUnit): void {
  unit.s.error = 0;
  unit.s.status = r.DRDY | r.DSC;
  setReason(unit, r.REASON_IO | r.REASON_CD);
  unit.stopTransfer();
  unit.host.interrupt();
}

export function refuse(unit: AtaUnit, [key, asc]: AtapiSense): void {
  const { s, host } = unit;
  if (host.trace.on) host.trace.event('ide_atapi_cmd_error', unit, key, asc);
  s.error = key << 4;
  s.status = r.DRDY | r.ERR;
  setReason(unit, r.REASON_IO | r.REASON_CD);
  s.senseKey = key;
  s.asc = asc;
  unit.stopTransfer();
  unit.host.interrupt();
}

/** A disc could not be read. */
export function failed(unit: AtaUnit, isEmpty: boolean): void {
  const { byDma } = unit.s.packet;
  refuse(unit, isEmpty ? NO_MEDIUM : OUT_OF_RANGE);
  if (byDma) dmaEnded(unit, false);
}

/** The driver gets these bytes, and no more than `most`. */
export function answer(unit: AtaUnit, bytes: Uint8Array, most: number): void {
  const { s } = unit;
  const given = bytes.slice(0, most);
  s.packet = { ...s.packet, left: given.length, given, disc: null };
  begin(unit);
}

/** The driver gets so many blocks of the disc. */
export function answerBlocks(unit: AtaUnit, block: number, count: number, blockBytes: 2048 | 2352): void {
  const { s } = unit;
  s.packet = { ...s.packet, left: count * blockBytes, given: EMPTY, disc: { block, blockBytes, at: 0 } };
  begin(unit);
}

function begin(unit: AtaUnit): void {
  const { s } = unit;
  s.status = r.DRDY | r.DSC;
  if (!s.packet.byDma) {
    reply(unit);
    return;
  }
  s.status |= s.packet.disc === null ? r.DRQ : r.DRQ | r.BSY;
  unit.startDma('packet');
}

/** What is left of an answer goes to the driver, as much at a time as it wants. */
export function reply(unit: AtaUnit): void {
  const { s } = unit;
  while (s.packet.left > 0) {
    const { disc, given } = s.packet;
    // A snapshot may say that more is left than there is.
    const left = disc === null ? Math.min(s.packet.left, given.length) : s.packet.left;
    if (left === 0) break;
    const limit = limitOf(unit);
    // QEMU waits forever for a driver that wants a single byte of more: here it gets two.
    const size = left > limit ? Math.max(2, limit & ~1) : left;
    if (disc !== null) {
      readPart(unit, size);
      return;
    }
    const at = given.length - left;
    s.packet = { ...s.packet, left };
    if (!giveByPio(unit, given.slice(at, at + size))) return;
  }
  succeed(unit);
}

/** True: the driver has it already. @param piece bytes that the device has at a time */
function giveByPio(unit: AtaUnit, part: Uint8Array, piece = part.length): boolean {
  const { s } = unit;
  setReason(unit, r.REASON_IO);
  s.mid = part.length & 0xff;
  s.high = part.length >> 8;
  s.packet = { ...s.packet, left: Math.max(0, s.packet.left - part.length) };
  unit.host.interrupt();
  if (!unit.host.movesPio) return unit.startTransfer(part, 'reply');
  // QEMU: a controller that moves data itself does so sector by sector.
  for (let at = 0; at < part.length; at += piece) unit.startTransfer(part.slice(at, at + piece), 'reply');
  return true;
}

/** Reads the blocks that the next `size` bytes of the answer are in. */
function readPart(unit: AtaUnit, size: number): void {
  const { s } = unit;
  const { disc } = s.packet;
  if (disc === null) return;
  const first = Math.floor(disc.at / disc.blockBytes);
  const count = Math.ceil((disc.at + size) / disc.blockBytes) - first;
  s.status |= r.BSY;
  readBlocks(unit, 'packet pio', disc.block + first, count, (blocks) => {
    s.status &= ~r.BSY;
    const bytes = disc.blockBytes === DISC_BLOCK_BYTES ? blocks : rawBlocks(blocks, disc.block + first);
    const from = disc.at - first * disc.blockBytes;
    s.packet = { ...s.packet, disc: { ...disc, at: disc.at + size } };
    if (giveByPio(unit, bytes.slice(from, from + size), disc.blockBytes)) reply(unit);
  });
}

function readBlocks(
  unit: AtaUnit,
  work: 'packet pio' | 'packet dma',
  block: number,
  count: number,
  then: (blocks: Uint8Array) => void,
): void {
  const backend = unit.device?.drive.medium?.backend;
  const blocks = new Uint8Array(count * DISC_BLOCK_BYTES);
  const transfer = backend && new BufferTransfer(backend, 'read', blocks, block * DISC_BLOCK_BYTES);
  unit.begin(work, { kind: 'read', transfer, flush: 'no' }, () => then(blocks));
}

/** The controller has begun, or the last part has moved: the next one does. */
export function dma(unit: AtaUnit): void {
  const { s } = unit;
  const { left, disc, given } = s.packet;
  if (left <= 0) {
    s.status = r.DRDY | r.DSC;
    setReason(unit, r.REASON_IO | r.REASON_CD);
    unit.host.interrupt();
    dmaEnded(unit, false);
    return;
  }
  if (disc === null) {
    giveByDma(unit, given);
    return;
  }
  const isRaw = disc.blockBytes !== DISC_BLOCK_BYTES;
  const count = isRaw ? 1 : Math.min(DMA_BLOCKS, Math.ceil(left / DISC_BLOCK_BYTES));
  readBlocks(unit, 'packet dma', disc.block, count, (blocks) => {
    s.packet = { ...s.packet, disc: { ...disc, block: disc.block + count } };
    giveByDma(unit, isRaw ? rawBlocks(blocks, disc.block) : blocks);
  });
}

function giveByDma(unit: AtaUnit, part: Uint8Array): void {
  const { s, host } = unit;
  const { left, disc } = s.packet;
  s.packet = { ...s.packet, left: disc === null ? 0 : Math.max(0, left - part.length) };
  const segments = host.nextBuffers(part.length, s.dmaDone);
  scatter(host.memory, segments, part);
  if (!host.takesPart(segmentsLength(segments), part.length)) {
    // QEMU: a list that is too short ends the transfer, and leaves the status as it was.
    dmaEnded(unit, false);
    return;
  }
  host.moved(part.length);
  s.dmaDone += part.length;
  dma(unit);
}
