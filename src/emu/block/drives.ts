/** The machine's drives: images opened under a name, free or attached to a device. What `info block` shows. */

import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { Options } from '../qdev/option-string.ts';
import { ServiceName } from '../qdev/services.ts';
import { asBlockError } from './block-backend.ts';
import { DriveBackend } from './drive-backend.ts';
import {
  automaticDriveName,
  DRIVE_INTERFACES,
  type DriveCache,
  type DriveInterface,
  parseDriveOptions,
} from './drive-options.ts';
import { openFormat, probedRawWarning } from './formats.ts';
import type { ImageOpener } from './image-store.ts';

/** An image in a drive. */
export interface Medium {
  /** As the user wrote it. */
  readonly path: string;
  readonly format: string;
  /** QEMU's generated name of the format node, `#block123`. */
  readonly nodeName: string;
  /** The same of the node below it, which is the file. */
  readonly fileNodeName: string;
  readonly backend: DriveBackend;
}

export interface Drive {
  /** Empty once `drive_del` took the name away. */
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
  /** How the user asked for it. */
  readonly options: Options;
  /** Path of the device that uses the drive. */
  readonly attachedTo: string | undefined;
}

type MutableDrive = { -readonly [K in keyof Drive]: Drive[K] };

export interface DrivesOptions {
  readonly images: ImageOpener;
  /** QEMU's block_default_type of the board. */
  readonly defaultInterface?: DriveInterface;
  /** Told what QEMU prints on its standard error. */
  readonly warn?: (message: string) => void;
  /** Told when a device starts a request that is not done at once. */
  readonly onRequest?: () => void;
  /** Told when a drive is made, lost, attached, detached, or loses its medium. */
  readonly onChange?: () => void;
}

/** Those that are about what is in the drive. */
const IMAGE_OPTIONS = new Set(['file', 'format', 'driver', 'read-only', 'readonly']);

export const DRIVES = new ServiceName<Drives>('drives');

export class Drives {
  readonly #images: ImageOpener;
  readonly #defaultInterface: DriveInterface;
  readonly #warn: (message: string) => void;
  readonly #onRequest: (() => void) | undefined;
  readonly #onChange: () => void;
  readonly #drives: MutableDrive[] = [];
  readonly #closing = new Set<Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();
  #nodes = 0;

  constructor({
    images,
    defaultInterface = 'ide',
    warn = () => {},
    onRequest,
    onChange = () => {},
  }: DrivesOptions) {
    this.#images = images;
    this.#defaultInterface = defaultInterface;
    this.#warn = warn;
    this.#onRequest = onRequest;
    this.#onChange = onChange;
  }

  /** In the order of their creation. */
  list(): readonly Drive[] {
    return this.#drives;
  }

  /** A request of a device is under way. */
  get busy(): boolean {
    return this.#drives.some(({ medium }) => medium?.backend.busy === true);
  }

  /** Resolves when no request is under way. */
  async drained(): Promise<void> {
    while (this.busy) await Promise.all(this.#drives.map(({ medium }) => medium?.backend.drained()));
  }

  /** Stores what the images' caches hold. Rejects with `BlockError`. */
  async flush(): Promise<void> {
    await Promise.all(this.#drives.map(({ medium }) => medium?.backend.flush()));
  }

  /** A snapshot is restored: a drive as it was, under the names that its nodes had. */
  async restore(options: Options, nodes: Pick<Medium, 'nodeName' | 'fileNodeName'>): Promise<Drive> {
    const drive = this.#own(await this.add(options));
    if (drive.medium !== undefined) drive.medium = { ...drive.medium, ...nodes };
    return drive;
  }

  /** The number that the next node's name begins with. */
  get nodeCount(): number {
    return this.#nodes;
  }

  /** A snapshot was restored: nodes are counted on from here. */
  set nodeCount(count: number) {
    this.#nodes = count;
  }

  find(name: string): Drive | undefined {
    return this.#named(name);
  }

  /** Makes a drive. Rejects with `MonitorError` in the words of `drive_add`. */
  add(options: Options): Promise<Drive> {
    const turn = this.#turn.then(() => this.#add(options));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #add(options: Options): Promise<Drive> {
    const wanted = parseDriveOptions(options, this.#defaultInterface);
    const { interface: type, bus, index } = wanted;
    const unit = wanted.unit ?? this.#freeUnit(type, bus);
    if (this.#drives.some((drive) => drive.interface === type && drive.bus === bus && drive.unit === unit)) {
      const at = index === undefined ? '' : ` (index=${index})`;
      throw new MonitorError(`drive with bus=${bus}, unit=${unit}${at} exists`);
    }
    const name = wanted.id ?? automaticDriveName(type, bus, unit, wanted.cdrom);
    if (this.#drives.some(({ id }) => id === name))
      throw new MonitorError(`Duplicate ID '${name}' for drive`);
    const medium = wanted.file === undefined ? undefined : await this.#open(wanted.file, wanted);
    const drive: MutableDrive = {
      name,
      id: name,
      interface: type,
      bus,
      unit,
      cache: wanted.cache,
      removable: true,
      medium,
      options,
      attachedTo: undefined,
    };
    this.#drives.push(drive);
    this.#onChange();
    return drive;
  }

  /** `drive_add`: QEMU makes the drive first and then refuses all but `if=none`. */
  async hotAdd(options: Options): Promise<void> {
    const drive = await this.add(options);
    if (drive.interface === 'none') return;
    await this.#discard(drive);
    throw new MonitorError(`Can't hot-add drive to type ${DRIVE_INTERFACES.indexOf(drive.interface)}`);
  }

  /** `drive_del`: a drive in use loses its medium and its name, and goes with its device. */
  async remove(name: string): Promise<void> {
    const drive = this.#existing(name);
    const { medium } = drive;
    if (medium !== undefined) await this.#close(medium).catch(rethrow);
    drive.medium = undefined;
    drive.name = '';
    if (drive.attachedTo === undefined) this.#forget(drive);
    else this.#onChange();
  }

  /** `eject`: the image goes, the drive stays. Rejects with `MonitorError`. */
  async eject(name: string): Promise<void> {
    const drive = this.#removable(this.#existing(name));
    if (drive.medium !== undefined) await this.#close(drive.medium).catch(rethrow);
    drive.medium = undefined;
    drive.options = withOptions(drive.options, {});
    this.#onChange();
  }

  /**
   * `change`: another image comes into the drive. Rejects with `MonitorError`.
   * @param format absent: it is guessed
   * @param readOnly absent: as the one that is in the drive, or was asked for
   */
  async change(
    name: string,
    path: string,
    format: string | undefined,
    readOnly: boolean | undefined,
  ): Promise<void> {
    const drive = this.#existing(name);
    const given: Record<string, string> = { file: path, ...(format === undefined ? {} : { format }) };
    const isReadOnly = readOnly ?? drive.options.effective().get('read-only') === 'on';
    const options = withOptions(drive.options, { ...given, 'read-only': isReadOnly ? 'on' : 'off' });
    const medium = await this.#open(path, parseDriveOptions(options, this.#defaultInterface));
    try {
      this.#removable(drive);
      if (drive.medium !== undefined) await this.#close(drive.medium).catch(rethrow);
    } catch (error) {
      await this.#close(medium);
      throw error;
    }
    drive.medium = medium;
    drive.options = options;
    this.#onChange();
  }

  /**
   * QEMU's errors for a `drive=` value; `owner` is the type that has the property.
   * @returns undefined when the drive is free
   */
  checkFree(name: string, owner: string): MonitorError | undefined {
    const drive = this.#named(name);
    if (drive === undefined) return new MonitorError(`Property '${owner}.drive' can't find value '${name}'`);
    if (drive.attachedTo === undefined) return undefined;
    if (drive.interface !== 'none') {
      return new MonitorError(
        `Drive '${name}' is already in use because it has been automatically connected to another device ` +
          "(did you need 'if=none' in the drive options?)",
      );
    }
    return new MonitorError(`Drive '${name}' is already in use by another device`);
  }

  /** Locks the image and gives the drive to the device at `path`. Throws QEMU's errors. */
  async attach(name: string, path: string, removable = false): Promise<Drive> {
    const drive = this.#named(name);
    assert(drive !== undefined && drive.attachedTo === undefined, `drive ${name} is not free`);
    // An image that was just unplugged may still be on its way to storage.
    await Promise.all(this.#closing);
    const { medium } = drive;
    if (medium !== undefined)
      await medium.backend.lock(medium.backend.readOnly ? 'read' : 'write').catch(rethrow);
    drive.attachedTo = path;
    drive.removable = removable;
    this.#onChange();
    return drive;
  }

  /** The device could not be made after all. */
  async detach(drive: Drive): Promise<void> {
    const own = this.#own(drive);
    own.attachedTo = undefined;
    own.removable = true;
    this.#onChange();
    await own.medium?.backend.unlock().catch(rethrow);
  }

  /** The device is gone, and the drive with it. QEMU: true of every drive made by `drive_add` or `-drive`. */
  deviceGone(drive: Drive): void {
    const own = this.#own(drive);
    own.attachedTo = undefined;
    const { medium } = own;
    this.#forget(own);
    if (medium === undefined) return;
    const closing = this.#close(medium).catch((error: unknown) => {
      // What the guest was told is stored must not be lost: the drive comes back, to be deleted again.
      this.#drives.push({ ...own, removable: true, medium });
      this.#onChange();
      this.#warn(`drive '${own.id}' could not be closed: ${asBlockError(error).message}`);
    });
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }

  /** Resolves when the images of unplugged devices are closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Flushes and closes every image. Rejects with `BlockError`. */
  async closeAll(): Promise<void> {
    await this.settled();
    for (const drive of [...this.#drives]) await this.#discard(drive);
  }

  async #open(
    path: string,
    options: {
      readonly format: string | undefined;
      readonly readOnly: boolean;
      readonly cache: DriveCache;
      readonly unmap: boolean;
    },
  ): Promise<Medium> {
    const file = await this.#images.open(path, { readOnly: options.readOnly }).catch(rethrow);
    const fileNodeName = this.#nodeName();
    const { format, disk } = await openFormat(file, options.format).catch(async (error: unknown) => {
      await file.close();
      return rethrow(error);
    });
    if (options.format === undefined && format === 'raw') this.#warn(probedRawWarning(path));
    const policy = { ignoreFlushes: options.cache.noFlush, unmap: options.unmap };
    const backend = new DriveBackend(disk, policy, this.#onRequest);
    return { path, format, nodeName: this.#nodeName(), fileNodeName, backend };
  }

  /** QEMU: a counter and two random digits, so that nobody relies on the name. */
  #nodeName(): string {
    const count = this.#nodes++;
    return `#block${count}${String((count * 61 + 17) % 100).padStart(2, '0')}`;
  }

  #named(name: string): MutableDrive | undefined {
    return name === '' ? undefined : this.#drives.find((drive) => drive.name === name);
  }

  #existing(name: string): MutableDrive {
    const drive = this.#named(name);
    if (drive === undefined) throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
    return drive;
  }

  #removable(drive: MutableDrive): MutableDrive {
    if (!drive.removable) throw new MonitorError(`Device '${drive.name}' is not removable`);
    return drive;
  }

  #own(drive: Drive): MutableDrive {
    const own = this.#drives.find((one) => one === drive);
    assert(own !== undefined, `drive ${drive.id} is not in the table`);
    return own;
  }

  #freeUnit(type: DriveInterface, bus: number): number {
    const taken = this.#drives.filter((drive) => drive.interface === type && drive.bus === bus);
    let unit = 0;
    while (taken.some((drive) => drive.unit === unit)) unit++;
    return unit;
  }

  #forget(drive: MutableDrive): void {
    const at = this.#drives.indexOf(drive);
    // The device may have gone while the image was being closed.
    if (at < 0) return;
    this.#drives.splice(at, 1);
    this.#onChange();
  }

  async #discard(drive: MutableDrive): Promise<void> {
    if (drive.medium !== undefined) await this.#close(drive.medium);
    this.#forget(drive);
  }

  /** Closes the image; when that fails, it stays in the drive. */
  async #close({ backend }: Medium): Promise<void> {
    const disk = backend.eject();
    await backend.drained();
    await disk?.close().catch((error: unknown) => {
      backend.insert(disk);
      throw error;
    });
  }
}

/** What a drive was asked for with, but for another image, or none. */
function withOptions(options: Options, image: Readonly<Record<string, string>>): Options {
  const kept = options.entries.filter(([key]) => !IMAGE_OPTIONS.has(key));
  return new Options([...kept, ...Object.entries(image)], options.id);
}

function rethrow(error: unknown): never {
  throw error instanceof MonitorError ? error : asBlockError(error).toMonitorError();
}
