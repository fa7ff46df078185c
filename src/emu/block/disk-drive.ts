/** What a disk's device has of its drive, whatever bus it is on. */
import type { BlockBackend } from './block-backend.ts';
import type { IoErrorListener } from './block-errors.ts';
import type { DriveGate } from './drive-gate.ts';

/** The drive behind a device, as the table of drives has it. */
export interface DiskDrive {
  readonly medium: { readonly backend: BlockBackend } | undefined;
  readonly gate: DriveGate;
}

/** Who is told what. */
export interface DiskListeners {
  readonly onIoError?: IoErrorListener;
  /** The guest or the user has opened or closed the tray. */
  readonly onTrayMoved?: (open: boolean) => void;
}
