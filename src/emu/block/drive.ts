/** A drive: what a device has an image through. QEMU: BlockBackend. */
import type { Clock } from '../core/clock.ts';
import type { MachineEventData } from '../core/machine-events.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { Options } from '../qdev/option-string.ts';
import { BLKDEBUG_SIZES } from './blkdebug-options.ts';
import type { BlockNode, NodeUser } from './block-node.ts';
import type { DriveBackend } from './drive-backend.ts';
import type { DriveGate } from './drive-gate.ts';
import type { DriveCache, DriveInterface } from './drive-options.ts';
import type { ImageOpener } from './image-store.ts';
import { isBlkdebugOption } from './text-blkdebug.ts';

/** An image in a drive. */
export interface Medium {
  /** As the user wrote it. */
  readonly path: string;
  /** The upper one: the format. */
  readonly node: BlockNode;
  /** As of a user: it is connected to the node since the image came into the drive. */
  readonly age: number;
  readonly backend: DriveBackend;
}

/** The medium was taken out; a node was put in; an image was put in, which these options name. */
export type MediumChange = 'taken out' | 'node' | Options;

export interface Drive {
  /** Empty once `drive_del` took the name away, and for a drive that a device made for a node. */
  readonly name: string;
  /** The user's `id=` stays taken until the device that uses the drive is gone. */
  readonly id: string;
  readonly interface: DriveInterface;
  readonly bus: number;
  readonly unit: number;
  readonly cache: DriveCache;
  /** The device with a drive whose medium can be changed, or no device yet. */
  readonly removable: boolean;
  readonly medium: Medium | undefined;
  /** How the user asked for it; undefined: a device made it for a node. */
  readonly options: Options | undefined;
  /** Path of the device that uses the drive. */
  readonly attachedTo: string | undefined;
  readonly gate: DriveGate;
  /** What a user has done to it that its options, or those of its device, do not say. Absent: nothing. */
  readonly changed?: MediumChange | undefined;
}

/** What the table of drives needs of the machine. */
export interface DrivesOptions {
  readonly images: ImageOpener;
  readonly clock: Clock;
  /** QEMU's block_default_type of the board. */
  readonly defaultInterface?: DriveInterface;
  /** Told what QEMU prints on its standard error. */
  readonly warn?: (message: string) => void;
  /** Told when a device starts a request that is not done at once. */
  readonly onRequest?: () => void;
  /** Told of a write that goes beyond a node's threshold. */
  readonly onWriteThreshold?: (told: MachineEventData['BLOCK_WRITE_THRESHOLD']) => void;
  /** Told when a drive is made, lost, attached, detached, or loses its medium. */
  readonly onChange?: () => void;
}

/** The table of drives changes them. */
export type MutableDrive = { -readonly [K in keyof Drive]: Drive[K] } & {
  /** The drive as a user of its node, while a device has it. */
  user?: NodeUser | undefined;
  /** The image is being taken out. */
  leaving?: Promise<void> | undefined;
};

/** Those that are about what is in the drive. */
const IMAGE_OPTIONS = new Set<string>([
  ...[
    'file',
    'format',
    'driver',
    'read-only',
    'readonly',
    'node-name',
    'offset',
    'size',
    'config',
    'x-image',
  ],
  ...BLKDEBUG_SIZES,
]);

/** What a drive was asked for with, but for another image, or none. */
export function withImage(options: Options | undefined, image: Readonly<Record<string, string>>): Options {
  // A disc that may be written is none of a drive for discs that may not.
  const isNoDisc = image['read-only'] === 'off';
  const isOfImage = (key: string): boolean =>
    IMAGE_OPTIONS.has(key) ||
    key.startsWith('file.') ||
    isBlkdebugOption(key) ||
    (key === 'media' && isNoDisc);
  const kept = options?.entries.filter(([key]) => !isOfImage(key)) ?? [];
  return new Options([...kept, ...Object.entries(image)], options?.id);
}

/** What a drive keeps of another medium: options of its own, or, where it has none, what was done. */
export function asSaid(
  drive: Drive,
  options: Options,
  changed: MediumChange,
): Pick<Drive, 'options' | 'changed'> {
  return drive.options === undefined ? { options: undefined, changed } : { options, changed: undefined };
}

/** QEMU's error when a device has the drive. */
export function inUseError({ name, attachedTo, interface: ownInterface }: Drive): MonitorError | undefined {
  if (attachedTo === undefined) return undefined;
  if (ownInterface === 'none') return new MonitorError(`Drive '${name}' is already in use by another device`);
  return new MonitorError(
    `Drive '${name}' is already in use because it has been automatically connected to another device ` +
      "(did you need 'if=none' in the drive options?)",
  );
}

/** A drive without a name, which a device makes for a node, or for media to come. */
export function devicesDrive(gate: DriveGate, medium: Medium | undefined): MutableDrive {
  return {
    ...{ name: '', id: '', interface: 'none', bus: 0, unit: -1, removable: false },
    cache: { writeback: true, direct: false, noFlush: false },
    ...{ medium, options: undefined, attachedTo: undefined, gate },
  };
}
