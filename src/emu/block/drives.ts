/** The machine's drives: what devices have images through, free or attached to one. What `info block` shows. QEMU: BlockBackend. */

import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { Options } from '../qdev/option-string.ts';
import { ServiceName } from '../qdev/services.ts';
import { asBlockError } from './block-backend.ts';
import type { BlockNode } from './block-node.ts';
import { BlockNodes, type NodeNames } from './block-nodes.ts';
import type { BlockdevOptions, NodeRequest } from './blockdev-options.ts';
import {
  asSaid,
  type Drive,
  type DrivesOptions,
  devicesDrive,
  inUseError,
  type Medium,
  type MutableDrive,
  withImage,
} from './drive.ts';
import { DriveBackend } from './drive-backend.ts';
import { DriveGate } from './drive-gate.ts';
import {
  automaticDriveName,
  checkErrorOptions,
  DRIVE_INTERFACES,
  type DriveInterface,
  parseDriveOptions,
  parseDrivePlace,
} from './drive-options.ts';
import { ThrottleGroups } from './throttle-groups.ts';

export type { Drive, Medium } from './drive.ts';

export const DRIVES = new ServiceName<Drives>('drives');

export class Drives {
  readonly nodes: BlockNodes;
  readonly #throttles: ThrottleGroups;
  readonly #clock: Clock;
  readonly #defaultInterface: DriveInterface;
  readonly #warn: (message: string) => void;
  readonly #onRequest: (() => void) | undefined;
  readonly #onWriteThreshold: DrivesOptions['onWriteThreshold'];
  readonly #onChange: () => void;
  readonly #drives: MutableDrive[] = [];
  readonly #closing = new Set<Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DrivesOptions) {
    const {
      images,
      clock,
      defaultInterface = 'ide',
      warn = () => {},
      onRequest,
      onChange = () => {},
    } = options;
    this.nodes = new BlockNodes({ images, warn, findDrive: (name) => this.find(name) });
    this.#throttles = new ThrottleGroups(clock);
    this.#clock = clock;
    this.#defaultInterface = defaultInterface;
    this.#warn = warn;
    this.#onRequest = onRequest;
    this.#onWriteThreshold = options.onWriteThreshold;
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

  /** Resolves when the requests are done that devices have under way, those that limits hold back among them. QEMU: bdrv_drain_all. */
  async drainAll(): Promise<void> {
    await Promise.all(this.#drives.map(({ gate }) => gate.drain()));
  }

  /** The user lets the machine go on: nothing has failed yet. QEMU: blk_iostatus_reset. */
  goesOn(): void {
    for (const { gate } of this.#drives) gate.errors.resetStatus();
  }

  /** Stores what the images' caches hold. Rejects with `BlockError`. */
  async flush(): Promise<void> {
    await Promise.all([
      ...this.#drives.map(({ medium }) => medium?.backend.flush()),
      ...this.nodes.list().map(({ references, disk }) => (references === 0 ? disk.flush() : undefined)),
    ]);
  }

  /** A snapshot is restored: a drive as it was, under the names that its nodes had. */
  restore(options: Options, names: NodeNames): Promise<Drive> {
    return this.inTurn(() => this.#add(options, names));
  }

  /** A snapshot is restored: drives in the order of `names`, whatever they were made after. */
  reorder(names: readonly string[], nameOf: (drive: Drive) => string): void {
    this.#drives.sort((a, b) => names.indexOf(nameOf(a)) - names.indexOf(nameOf(b)));
  }

  find(name: string): Drive | undefined {
    return this.#named(name);
  }

  /** The drive of that name has an image, or there is a node of that name. */
  hasMedium(name: string): boolean {
    const drive = this.#named(name);
    return drive === undefined ? this.nodes.find(name) !== undefined : drive.medium !== undefined;
  }

  /** What is done one after another: what looks for names and then makes something under them. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Makes a drive. Rejects with `MonitorError` in the words of `drive_add`. */
  add(options: Options): Promise<Drive> {
    return this.inTurn(() => this.#add(options));
  }

  async #add(options: Options, names?: NodeNames): Promise<Drive> {
    this.checkNew(options.id);
    const place = parseDrivePlace(options, this.#defaultInterface);
    const { interface: type, bus, index = -1 } = place;
    const unit = place.unit ?? this.#freeUnit(type, bus);
    if (this.#drives.some((drive) => drive.interface === type && drive.bus === bus && drive.unit === unit)) {
      throw new MonitorError(`drive with bus=${bus}, unit=${unit} (index=${index}) exists`);
    }
    const name = place.id ?? automaticDriveName(type, bus, unit, place.cdrom);
    this.checkNew(name);
    checkErrorOptions(options, type);
    const wanted = parseDriveOptions(options);
    const medium = wanted.node === undefined ? undefined : await this.#open(wanted.node, names);
    if (this.nodes.find(name) !== undefined) {
      if (medium !== undefined) await this.nodes.release(medium.node).catch(rethrow);
      throw new MonitorError(`Device name '${name}' conflicts with an existing node name`);
    }
    const drive: MutableDrive = {
      ...{ name, id: name, interface: type, bus, unit },
      ...{ cache: wanted.cache, removable: true, medium, options, attachedTo: undefined },
      gate: this.#newGate(),
    };
    this.#drives.push(drive);
    drive.gate.errors.setPolicies(wanted.errors);
    drive.gate.limitTo(wanted.limits, { group: wanted.throttleGroup, byDefault: name });
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

  /** `drive_del`: a drive in use loses its medium and its name, and goes with its device. QEMU: a node of that name goes as by `blockdev-del`. */
  async remove(name: string): Promise<void> {
    if (this.nodes.find(name) !== undefined) return this.deleteNode(name);
    const drive = this.#existing(name);
    await this.#takeOut(drive);
    drive.name = '';
    // QEMU: what the device still asks for stops no machine.
    drive.gate.errors.setPolicies({ read: 'report', write: 'report' });
    if (drive.attachedTo === undefined) this.#forget(drive);
    else this.#onChange();
  }

  /** `eject`: the image goes, the drive stays. The drive is removable. Rejects with `MonitorError`. */
  async eject(drive: Drive): Promise<void> {
    const own = this.#own(drive);
    await this.#takeOut(own);
    this.#holds(own, { medium: undefined, ...asSaid(own, withImage(own.options, {}), 'taken out') });
  }

  /** `blockdev-insert-medium`: a node comes into the drive, which is empty. Rejects with `MonitorError`. */
  async insert(drive: Drive, nodeName: string): Promise<void> {
    const own = this.#own(drive);
    const node = this.nodes.find(nodeName);
    assert(node !== undefined && own.medium === undefined, `there is room for node ${nodeName}`);
    const medium = this.#mediumOf(node);
    try {
      await this.#lock(own, medium);
    } catch (error) {
      await this.nodes.release(node);
      throw error;
    }
    // What a user has put in by its node cannot be said in the drive's own options.
    this.#holds(own, { medium, changed: 'node' });
  }

  #holds(drive: MutableDrive, now: Partial<MutableDrive>): void {
    Object.assign(drive, now);
    drive.gate.onMediumChange();
    this.#onChange();
  }

  /** The device that has the drive uses this image from now on. */
  async #lock(drive: MutableDrive, { node, age }: Medium): Promise<void> {
    if (drive.attachedTo === undefined) return;
    const title = `block device '${drive.name === '' ? drive.attachedTo : drive.name}'`;
    drive.user = await this.nodes.attach(node, { title, role: 'root', writes: !node.settings.readOnly, age });
  }

  /**
   * `change`: another image comes into the drive. Rejects with `MonitorError`.
   * @param title what errors call the drive
   * @param image `format` undefined: it is guessed; `readOnly` undefined: as the one that is in the drive, or was asked for; `names` of nodes, from a snapshot
   * @param open opens the drive's tray once the new image is there; may throw
   */
  async change(
    drive: Drive,
    title: string,
    image: {
      readonly path: string;
      readonly format: string | undefined;
      readonly readOnly: boolean | undefined;
      readonly names?: NodeNames;
    },
    open: () => void = () => {},
  ): Promise<void> {
    const own = this.#own(drive);
    const { path, format, readOnly, names } = image;
    const given: Record<string, string> = { file: path, ...(format === undefined ? {} : { format }) };
    const before = own.options?.effective();
    const isReadOnly = readOnly ?? (before?.get('read-only') === 'on' || before?.get('media') === 'cdrom');
    const options = withImage(own.options, { ...given, 'read-only': isReadOnly ? 'on' : 'off' });
    const { node } = parseDriveOptions(options);
    assert(node !== undefined, 'options with a file are those of a node');
    const medium = await this.#open(node, names);
    try {
      if (!own.removable) throw new MonitorError(`Device '${title}' is not removable`);
      open();
      await this.#takeOut(own);
      await this.#lock(own, medium);
    } catch (error) {
      await this.nodes.release(medium.node);
      throw error;
    }
    this.#holds(own, { medium, ...asSaid(own, options, options) });
  }

  /**
   * QEMU's errors for a `drive=` value; `owner` is the type that has the property.
   * @returns undefined when the drive is free, or a node has that name
   */
  checkFree(name: string, owner: string): MonitorError | undefined {
    const drive = this.#named(name);
    if (drive === undefined) {
      if (this.nodes.find(name) !== undefined) return undefined;
      return new MonitorError(`Property '${owner}.drive' can't find value '${name}'`);
    }
    return inUseError(drive);
  }

  /** Locks the image and gives the drive, or a new one for the node of that name, to the device at `path`. Throws QEMU's errors. */
  async attach(name: string, path: string, removable = false): Promise<Drive> {
    // An image that was just unplugged may still be on its way to storage.
    await Promise.all(this.#closing);
    const named = this.#named(name);
    assert(named === undefined || named.attachedTo === undefined, `drive ${name} is not free`);
    const drive = named ?? this.#forNode(name);
    const { medium } = drive;
    drive.attachedTo = path;
    if (medium !== undefined) {
      await this.#lock(drive, medium).catch((error: unknown) => {
        drive.attachedTo = undefined;
        if (named === undefined) medium.node.references--;
        throw error;
      });
    }
    if (named === undefined) this.#drives.push(drive);
    drive.removable = removable;
    this.#onChange();
    return drive;
  }

  /** A drive without a name and without an image, which the device at `path` makes for itself. */
  attachEmpty(path: string): Drive {
    const drive = devicesDrive(this.#newGate(), undefined);
    Object.assign(drive, { removable: true, attachedTo: path });
    this.#drives.push(drive);
    this.#onChange();
    return drive;
  }

  /** The device could not be made after all. */
  async detach(drive: Drive): Promise<void> {
    const own = this.#own(drive);
    own.attachedTo = undefined;
    own.removable = true;
    if (own.options === undefined) {
      this.#forget(own);
      if (own.medium !== undefined) await this.nodes.release(own.medium.node).catch(rethrow);
    } else this.#onChange();
    await this.#letGo(own).catch(rethrow);
  }

  /** The device is gone, and the drive with it. QEMU: true of every drive made by `drive_add` or `-drive`. A node stays. */
  deviceGone(drive: Drive): void {
    const own = this.#own(drive);
    own.attachedTo = undefined;
    this.#forget(own);
    if (own.medium === undefined) return;
    const { medium, options } = own;
    const closing = this.#takeOut(own).catch(async (error: unknown) => {
      // What the guest was told is stored must not be lost: the drive comes back, to be deleted again. A node is there anyway.
      if (options !== undefined) this.#drives.push({ ...own, removable: true, medium });
      else await this.nodes.release(medium.node).catch(() => {});
      this.#onChange();
      const what = options === undefined ? `node '${medium.node.name}'` : `drive '${own.id}'`;
      this.#warn(`${what} could not be closed: ${asBlockError(error).message}`);
    });
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }

  /** Another size for the image of a node; devices that have it are told. Rejects with `MonitorError`. */
  async resize(node: BlockNode, sizeBytes: number): Promise<void> {
    const users = this.#drives.filter(({ medium }) => medium?.node === node);
    await this.inTurn(() => this.#quietly(users, () => this.nodes.resize(node, sizeBytes)));
    for (const { gate } of users) gate.onResize();
    this.#onChange();
  }

  /** `blockdev-add`. Rejects with `MonitorError`. */
  async addNode(options: NodeRequest, names?: NodeNames): Promise<void> {
    await this.inTurn(() => this.nodes.add(options, names));
    this.#onChange();
  }

  /** `blockdev-del`. Rejects with `MonitorError`. */
  async deleteNode(name: string): Promise<void> {
    // An image that was just unplugged may still be on its way to storage.
    await this.settled();
    await this.inTurn(() => this.nodes.delete(name));
    this.#onChange();
  }

  /** `block-set-write-threshold`: bytes, 0 for none. Throws `MonitorError`. */
  setWriteThreshold(name: string, threshold: number | bigint): void {
    const node = this.nodes.find(name);
    if (node === undefined) throw new MonitorError(`Device '${name}' not found`);
    node.watchWrites(threshold, (exceeded) =>
      this.#onWriteThreshold?.({
        ...{ 'node-name': name, 'amount-exceeded': exceeded, 'write-threshold': Number(threshold) },
      }),
    );
  }

  /** `blockdev-reopen`. Rejects with `MonitorError`, having changed nothing. */
  async reopen(options: readonly BlockdevOptions[]): Promise<void> {
    await this.inTurn(() => this.#quietly(this.#drives, () => this.nodes.reopen(options)));
    this.#onChange();
  }

  /** While this is done no request of these drives is under way. QEMU: a drained section. */
  async #quietly(drives: readonly Drive[], act: () => Promise<void>): Promise<void> {
    const backends = drives.flatMap(({ medium }) => (medium === undefined ? [] : [medium.backend]));
    await Promise.all(drives.map(({ gate }) => gate.drain()));
    await Promise.all(backends.map((backend) => backend.stop()));
    try {
      await act();
    } finally {
      for (const backend of backends) backend.go();
    }
  }

  /** Resolves when the images of unplugged devices are closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Flushes and closes every image. Rejects with `BlockError`. */
  async closeAll(): Promise<void> {
    await this.settled();
    for (const drive of [...this.#drives]) await this.#discard(drive);
    await this.nodes.closeAll();
  }

  async #open(request: NodeRequest, names?: NodeNames): Promise<Medium> {
    return this.#mediumOf(await this.nodes.open(request, names).catch(rethrow));
  }

  #mediumOf(node: BlockNode): Medium {
    node.references++;
    const backend = new DriveBackend(node.disk, this.#onRequest);
    return { path: node.path, node, age: this.nodes.nextAge(), backend };
  }

  /** A drive without a name for a node that has one. */
  #forNode(name: string): MutableDrive {
    const node = this.nodes.find(name);
    // Another monitor may have deleted it while this one waited.
    if (node === undefined) throw new MonitorError(`Cannot find device='' nor node-name='${name}'`);
    return devicesDrive(this.#newGate(), this.#mediumOf(node));
  }

  /** Throws `MonitorError` for an id that a drive has. */
  checkNew(name: string | undefined): void {
    if (name !== undefined && this.#drives.some(({ id }) => id === name)) {
      throw new MonitorError(`Duplicate ID '${name}' for drive`);
    }
  }

  #newGate(): DriveGate {
    return new DriveGate(this.#clock, this.#throttles);
  }

  #named(name: string): MutableDrive | undefined {
    return name === '' ? undefined : this.#drives.find((drive) => drive.name === name);
  }

  #existing(name: string): MutableDrive {
    const drive = this.#named(name);
    if (drive === undefined) throw new MonitorError(`Device '${name}' not found`, 'DeviceNotFound');
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
    drive.gate.unlimit();
    const at = this.#drives.indexOf(drive);
    // The device may have gone while the image was being closed.
    if (at < 0) return;
    this.#drives.splice(at, 1);
    this.#onChange();
  }

  async #discard(drive: MutableDrive): Promise<void> {
    await this.#takeOut(drive);
    this.#forget(drive);
  }

  /** The device has the drive no longer: others may use the image. */
  async #letGo(drive: MutableDrive): Promise<void> {
    const { user, medium } = drive;
    drive.user = undefined;
    if (user !== undefined && medium !== undefined) await this.nodes.detach(medium.node, user);
  }

  /** Takes the image out of the drive; when it cannot be stored, it stays there. Rejects with `MonitorError`. */
  #takeOut(drive: MutableDrive): Promise<void> {
    // Its device may go while the image is on its way out.
    drive.leaving ??= this.#takeOutNow(drive).finally(() => {
      drive.leaving = undefined;
    });
    return drive.leaving;
  }

  async #takeOutNow(drive: MutableDrive): Promise<void> {
    const { medium } = drive;
    if (medium === undefined) return;
    const { backend, node } = medium;
    const draining = drive.gate.drain();
    if (draining !== undefined) await draining;
    backend.eject();
    await backend.drained();
    try {
      await this.#letGo(drive);
      await this.nodes.release(node);
    } catch (error) {
      backend.insert(node.disk);
      rethrow(error);
    }
    drive.medium = undefined;
  }
}

function rethrow(error: unknown): never {
  throw error instanceof MonitorError ? error : asBlockError(error).toMonitorError();
}
