/** `info block`. */
import { formatSize } from '../../qdev/properties.ts';
import type { BlockDeviceInfo, BlockInfo } from '../qapi/block-core.ts';

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

function mediumText({ file, drv, ro }: BlockDeviceInfo): string {
  return `: ${file} (${drv}${ro ? ', read-only' : ''})\n`;
}

function sizeText(bytes: number | bigint): string {
  return formatSize(Number(bytes)).replace(/^\d+ \((.*)\)$/, '$1');
}

function imageText({ image }: BlockDeviceInfo, verbose: boolean): string {
  if (!verbose) return '';
  const actual = image['actual-size'];
  return (
    `\nImages:\nimage: ${image.filename}\nfile format: ${image.format}\n` +
    `virtual size: ${sizeText(image['virtual-size'])} (${image['virtual-size']} bytes)\n` +
    `disk size: ${actual === undefined ? 'unavailable' : sizeText(actual)}\n`
  );
}

function driveEntry(info: BlockInfo, verbose: boolean, style: BlockStyle): Entry {
  const { device, inserted, qdev, removable } = info;
  const isNamed = style.tellsNode && inserted !== undefined && device !== '';
  const node = isNamed ? ` (${inserted['node-name']})` : '';
  let text = `${device || inserted?.['node-name'] || qdev || '<anonymous>'}${node}`;
  text += inserted === undefined ? ': [not inserted]\n' : mediumText(inserted);
  if (style.tellsDevice && qdev !== undefined) text += `    Attached to:      ${qdev}\n`;
  if (removable) text += '    Removable device: not locked, tray closed\n';
  if (inserted === undefined) return { name: device, text };
  text += (style.tellsCache ? cacheLine(inserted) : '') + imageText(inserted, verbose);
  return { name: device, text };
}

function nodeEntry(info: BlockDeviceInfo, verbose: boolean): Entry {
  const name = info['node-name'] ?? '';
  return { name, text: name + mediumText(info) + cacheLine(info) + imageText(info, verbose) };
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
    nodes.map((node) => nodeEntry(node, verbose)),
    name,
  );
}
