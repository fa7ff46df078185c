/** `info block`. */

import type { LimitName } from '../../block/throttle-limits.ts';
import { formatSize } from '../../qdev/properties.ts';
import type { BlockDeviceInfo, BlockInfo } from '../qapi/block-core-info.ts';

export interface BlockTextOptions {
  /** The nodes of the block layer instead of the drives. */
  readonly nodes: boolean;
  readonly verbose: boolean;
  /** Only the drive, or else the node, of this name. */
  readonly name: string | undefined;
}

/** What not all versions tell. */
export interface BlockStyle {
  /** The node behind a drive's name. */
  readonly tellsNode: boolean;
  /** Which device has the drive. */
  readonly tellsDevice: boolean;
  readonly tellsCache: boolean;
  /** Which group of drives shares the limits. */
  readonly tellsGroup: boolean;
}

interface Entry {
  readonly name: string;
  readonly text: string;
}

function cacheLine({ cache }: BlockDeviceInfo): string {
  const mode = cache.writeback ? 'writeback' : 'writethrough';
  const options = `${cache.direct ? ', direct' : ''}${cache['no-flush'] ? ', ignore flushes' : ''}`;
  return `    Cache mode:       ${mode}${options}\n`;
}

function detailLines(info: BlockDeviceInfo, { tellsCache, tellsGroup }: BlockStyle): string {
  const { detect_zeroes: zeroes } = info;
  const detect = zeroes === 'off' ? '' : `    Detect zeroes:    ${zeroes}\n`;
  return (tellsCache ? cacheLine(info) : '') + detect + limitsLine(info, tellsGroup);
}

function limitsLine(info: BlockDeviceInfo, tellsGroup: boolean): string {
  const limited = (['bps', 'iops'] as const).flatMap((unit): readonly LimitName[] => [
    ...([unit, `${unit}_rd`, `${unit}_wr`] as const),
  ]);
  if (limited.every((name) => Number(info[name]) === 0)) return '';
  const avg = (names: readonly LimitName[]): string => names.map((name) => ` ${name}=${info[name]}`).join('');
  const max = (names: readonly LimitName[]): string =>
    names.map((name) => ` ${name}_max=${info[`${name}_max`] ?? 0}`).join('');
  const [bytes, requests] = [limited.slice(0, 3), limited.slice(3)];
  const rest = ` iops_size=${info.iops_size ?? 0}${tellsGroup ? ` group=${info.group}` : ''}`;
  return `    I/O throttling:  ${avg(bytes)}${max(bytes)}${avg(requests)}${max(requests)}${rest}\n`;
}

function mediumText({ file, drv, ro }: BlockDeviceInfo): string {
  return `: ${file} (${drv}${ro ? ', read-only' : ''})\n`;
}

function sizeText(bytes: number | bigint): string {
  return formatSize(Number(bytes)).replace(/^\d+ \((.*)\)$/, '$1');
}

function imagesText({ image }: BlockDeviceInfo, verbose: boolean): string {
  return verbose ? `\nImages:\n${imageText(image)}` : '';
}

/** An image and those below it. */
function imageText(image: BlockDeviceInfo['image']): string {
  const { 'actual-size': actual, 'backing-image': below } = image;
  return (
    `image: ${image.filename}\nfile format: ${image.format}\n` +
    `virtual size: ${sizeText(image['virtual-size'])} (${image['virtual-size']} bytes)\n` +
    `disk size: ${actual === undefined ? 'unavailable' : sizeText(actual)}\n${below === undefined ? '' : imageText(below)}`
  );
}

function driveEntry(info: BlockInfo, verbose: boolean, style: BlockStyle): Entry {
  const { device, inserted, qdev, removable, 'io-status': status = 'ok' } = info;
  const isNamed = style.tellsNode && inserted !== undefined && device !== '';
  const node = isNamed ? ` (${inserted['node-name']})` : '';
  let text = `${device || inserted?.['node-name'] || qdev || '<anonymous>'}${node}`;
  text += inserted === undefined ? ': [not inserted]\n' : mediumText(inserted);
  if (style.tellsDevice && qdev !== undefined) text += `    Attached to:      ${qdev}\n`;
  if (status !== 'ok') text += `    I/O status:       ${status}\n`;
  if (removable) {
    const [lock, tray] = [info.locked ? '' : 'not ', info.tray_open === true ? 'open' : 'closed'];
    text += `    Removable device: ${lock}locked, tray ${tray}\n`;
  }
  if (inserted !== undefined) text += detailLines(inserted, style) + imagesText(inserted, verbose);
  return { name: device, text };
}

function nodeEntry(info: BlockDeviceInfo, verbose: boolean, style: BlockStyle): Entry {
  const name = info['node-name'] ?? '';
  return { name, text: name + mediumText(info) + detailLines(info, style) + imagesText(info, verbose) };
}

/** QEMU: an empty line goes before every entry but the first of the whole list. */
function listText(entries: readonly Entry[], name: string | undefined): string {
  return entries
    .map((entry, n) =>
      name === undefined || entry.name === name ? `${n === 0 ? '' : '\n'}${entry.text}` : '',
    )
    .join('');
}

/** QEMU: an unknown name shows nothing. */
export function blockText(
  drives: readonly BlockInfo[],
  nodes: readonly BlockDeviceInfo[],
  options: BlockTextOptions,
  style: BlockStyle,
): string {
  const { name, verbose } = options;
  if (!options.nodes) {
    const text = listText(
      drives.map((drive) => driveEntry(drive, verbose, style)),
      name,
    );
    if (name === undefined || text !== '') return text;
  }
  return listText(
    nodes.map((node) => nodeEntry(node, verbose, style)),
    name,
  );
}
