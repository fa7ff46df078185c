/** `info block`. */
import type { Drive } from '../../machine/drives.ts';

function driveText({ name, medium, attachedTo, removable, cache }: Drive): string {
  const node = medium === undefined || name === '' ? '' : ` (${medium.nodeName})`;
  const shownName = name || medium?.nodeName || attachedTo || '<anonymous>';
  const readOnly = medium?.backend.readOnly ? ', read-only' : '';
  const what = medium === undefined ? '[not inserted]' : `${medium.path} (${medium.format}${readOnly})`;
  const lines = [`${shownName}${node}: ${what}`];
  if (attachedTo !== undefined) lines.push(`    Attached to:      ${attachedTo}`);
  if (removable) lines.push('    Removable device: not locked, tray closed');
  if (medium !== undefined) {
    const mode = cache.writeback ? 'writeback' : 'writethrough';
    const direct = cache.direct ? ', direct' : '';
    lines.push(`    Cache mode:       ${mode}${direct}${cache.noFlush ? ', ignore flushes' : ''}`);
  }
  return `${lines.join('\n')}\n`;
}

/** All drives, or the one of that name. QEMU: an unknown name shows nothing, a known one begins with an empty line. */
export function blockText(drives: readonly Drive[], name: string | undefined): string {
  const shown = drives.filter((drive) => drive.name !== '' || drive.attachedTo !== undefined);
  if (name === undefined) return shown.map(driveText).join('\n');
  const one = shown.find((drive) => drive.name === name);
  return one === undefined ? '' : `\n${driveText(one)}`;
}
