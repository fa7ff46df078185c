/** `info block`. */

import type { DriveCache } from '../../block/drive-options.ts';
import type { Drive, Medium } from '../../block/drives.ts';
import { formatSize } from '../../qdev/properties.ts';

export interface BlockTextOptions {
  /** The nodes of the block layer instead of the drives. */
  readonly nodes: boolean;
  readonly verbose: boolean;
  /** Only the drive, or else the node, of this name. */
  readonly name: string | undefined;
}

interface Entry {
  readonly name: string;
  readonly text: string;
}

function cacheLine({ writeback, direct, noFlush }: DriveCache): string {
  const mode = writeback ? 'writeback' : 'writethrough';
  return `    Cache mode:       ${mode}${direct ? ', direct' : ''}${noFlush ? ', ignore flushes' : ''}\n`;
}

function mediumText({ path, backend }: Medium, driver: string): string {
  return `: ${path} (${driver}${backend.readOnly ? ', read-only' : ''})\n`;
}

/** Not modelled: the size that the image takes on the host. */
function imageText({ path, backend }: Medium, driver: string, verbose: boolean): string {
  if (!verbose) return '';
  const { sizeBytes } = backend;
  const size = formatSize(sizeBytes).replace(/^\d+ \((.*)\)$/, '$1');
  return (
    `\nImages:\nimage: ${path}\nfile format: ${driver}\n` +
    `virtual size: ${size} (${sizeBytes} bytes)\ndisk size: unavailable\n`
  );
}

function driveEntry(drive: Drive, verbose: boolean): Entry {
  const { name, medium, attachedTo, removable, cache } = drive;
  const node = medium === undefined || name === '' ? '' : ` (${medium.nodeName})`;
  let text = `${name || medium?.nodeName || attachedTo || '<anonymous>'}${node}`;
  text += medium === undefined ? ': [not inserted]\n' : mediumText(medium, medium.format);
  if (attachedTo !== undefined) text += `    Attached to:      ${attachedTo}\n`;
  if (removable) text += '    Removable device: not locked, tray closed\n';
  if (medium !== undefined) text += cacheLine(cache) + imageText(medium, medium.format, verbose);
  return { name, text };
}

/** QEMU: a node is always writeback, that is the drive's affair. */
function nodeEntries({ medium, cache }: Drive, verbose: boolean): Entry[] {
  if (medium === undefined) return [];
  const entry = (name: string, driver: string): Entry => ({
    name,
    text:
      name +
      mediumText(medium, driver) +
      cacheLine({ ...cache, writeback: true }) +
      imageText(medium, driver, verbose),
  });
  return [entry(medium.nodeName, medium.format), entry(medium.fileNodeName, 'file')];
}

/** QEMU: an empty line goes before every entry but the first of the whole list. */
function listText(entries: readonly Entry[], name: string | undefined): string {
  return entries
    .map((entry, n) =>
      name === undefined || entry.name === name ? `${n === 0 ? '' : '\n'}${entry.text}` : '',
    )
    .join('');
}

/** Drives in the order of their creation, nodes newest first. QEMU: an unknown name shows nothing. */
export function blockText(drives: readonly Drive[], { nodes, verbose, name }: BlockTextOptions): string {
  const shown = drives.filter((drive) => drive.name !== '' || drive.attachedTo !== undefined);
  if (!nodes) {
    const text = listText(
      shown.map((drive) => driveEntry(drive, verbose)),
      name,
    );
    if (name === undefined || text !== '') return text;
  }
  const newestFirst = [...drives].reverse();
  return listText(
    newestFirst.flatMap((drive) => nodeEntries(drive, verbose)),
    name,
  );
}
