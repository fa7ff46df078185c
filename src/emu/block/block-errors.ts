/** What becomes of a disk's I/O errors beside the guest's answer: QEMU's event, and a word to the user. */

import type { Host } from '../core/host.ts';
import { linuxErrorText } from '../core/linux-errors.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import { ServiceName } from '../qdev/services.ts';
import type { BlockError } from './block-backend.ts';
import type { Direction } from './block-transfer.ts';
import type { Drive } from './drives.ts';

/** Told of each error of a host's image: which kind of request failed, and why. */
export type IoErrorListener = (operation: Direction, error: BlockError) => void;

/** Makes the listener for the errors of one drive. */
export const BLOCK_ERRORS = new ServiceName<(drive: Drive) => IoErrorListener>('block-errors');

/** A disk that fails does so many times in a row: the user is told once in this time. */
const QUIET_NS = 10e9;

/** Makes the listener for one drive: emits BLOCK_IO_ERROR for each error, and gives the host a notice now and then. */
export function blockErrorReporter(
  events: MachineEvents,
  host: Pick<Host, 'monotonicNs'> & { readonly notice?: (text: string, about: 'disk') => void },
): (drive: Drive) => IoErrorListener {
  return (drive) => {
    let toldAtNs = Number.NEGATIVE_INFINITY;
    return (operation, { code, errno }) => {
      const { name, id, medium } = drive;
      const reason = linuxErrorText(errno);
      const node = medium === undefined ? {} : { 'node-name': medium.node.name };
      const nospace = code === 'ENOSPC';
      events.emit({
        event: 'BLOCK_IO_ERROR',
        data: { device: name, ...node, operation, action: 'report', nospace, reason },
      });
      const now = host.monotonicNs();
      if (now - toldAtNs < QUIET_NS) return;
      toldAtNs = now;
      host.notice?.(
        `Disk ${id || medium?.node.name} (${medium?.path ?? 'no image'}): ${operation} failed: ${reason}`,
        'disk',
      );
    };
  };
}
