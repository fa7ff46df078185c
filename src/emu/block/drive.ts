/** A drive: what a device has an image through. QEMU: BlockBackend. */
import { Options } from '../qdev/option-string.ts';
import type { BlockNode, NodeUser } from './block-node.ts';
import type { DriveBackend } from './drive-backend.ts';
import type { DriveGate } from './drive-gate.ts';
import type { DriveCache, DriveInterface } from './drive-options.ts';

/** An image in a drive. */
export interface Medium {
  /** As the user wrote it. */
  readonly path: string;
  /** The upper one: the format. */
  readonly node: BlockNode;
  readonly backend: DriveBackend;
}

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
  /** Another medium is in it than its options, or those of its device, say. Absent: no. */
  readonly isChanged?: boolean;
}

/** The table of drives changes them. */
export type MutableDrive = { -readonly [K in keyof Drive]: Drive[K] } & {
  /** The drive as a user of its node, while a device has it. */
  user?: NodeUser | undefined;
  /** The image is being taken out. */
  leaving?: Promise<void> | undefined;
};

/** Those that are about what is in the drive. */
const IMAGE_OPTIONS = new Set([
  'file',
  'format',
  'driver',
  'read-only',
  'readonly',
  'node-name',
  'offset',
  'size',
]);

/** What a drive was asked for with, but for another image, or none. */
export function withImage(options: Options | undefined, image: Readonly<Record<string, string>>): Options {
  // A disc that may be written is none of a drive for discs that may not.
  const isNoDisc = image['read-only'] === 'off';
  const isOfImage = (key: string): boolean =>
    IMAGE_OPTIONS.has(key) || key.startsWith('file.') || (key === 'media' && isNoDisc);
  const kept = options?.entries.filter(([key]) => !isOfImage(key)) ?? [];
  return new Options([...kept, ...Object.entries(image)], options?.id);
}
