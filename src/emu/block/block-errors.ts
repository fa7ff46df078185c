/** A disk's I/O errors: what is done about them, QEMU's event, and a word to the user. */

import type { Host } from '../core/host.ts';
import { linuxErrorText } from '../core/linux-errors.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import { ServiceName } from '../qdev/services.ts';
import type { BlockError } from './block-backend.ts';
import type { Direction } from './block-transfer.ts';
import type { Drive } from './drives.ts';
import type { ErrorAction } from './error-policy.ts';

/** Told of each error of a host's image: which kind of request failed, and why. Says what its device does: with `stop`, `DriveGate.keep`. */
export type IoErrorListener = (operation: Direction, error: BlockError) => ErrorAction;

/** Makes the listener for the errors of one drive. */
export const BLOCK_ERRORS = new ServiceName<(drive: Drive) => IoErrorListener>('block-errors');

/** A disk that fails does so many times in a row: the user is told once in this time. */
const QUIET_NS = 10e9;

/**
 * Makes the listener for one drive: emits BLOCK_IO_ERROR for each error, and gives the host a notice now and then.
 * @param pause stops the machine; false when it did not run
 */
export function blockErrorReporter(
  events: MachineEvents,
  host: Pick<Host, 'monotonicNs'> & { readonly notice?: (text: string, about: 'disk') => void },
  pause: () => boolean = () => false,
): (drive: Drive) => IoErrorListener {
  return (drive) => {
    let toldAtNs = Number.NEGATIVE_INFINITY;
    return (operation, error) => {
      const { code, errno } = error;
      const { name, id, medium, gate } = drive;
      const action = gate.errors.actionOn(operation, error);
      const reason = linuxErrorText(errno);
      const node = medium === undefined ? {} : { 'node-name': medium.node.name };
      // QEMU: told where there is an I/O status.
      const nospace = gate.errors.status === undefined ? undefined : code === 'ENOSPC';
      events.emit({
        event: 'BLOCK_IO_ERROR',
        data: { device: name, ...node, operation, action, nospace, reason },
      });
      const hasStopped = action === 'stop' && pause();
      const now = host.monotonicNs();
      if (!hasStopped && now - toldAtNs < QUIET_NS) return action;
      toldAtNs = now;
      const more = hasStopped ? '. The machine is paused: cont tries again.' : '';
      host.notice?.(
        `Disk ${id || medium?.node.name} (${medium?.path ?? 'no image'}): ${operation} failed: ${reason}${more}`,
        'disk',
      );
      return action;
    };
  };
}
