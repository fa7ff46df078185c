/** Character devices by QEMU's ids: those that the user makes with `chardev-add`, and those that come with the machine and its host. */
import { MonitorError } from '../core/monitor-error.ts';
import { NameTable } from '../core/name-table.ts';
import { OBJECT_TREE } from '../qdev/links.ts';
import { type ObjectTree, QomObject } from '../qdev/objects.ts';
import { Options } from '../qdev/option-string.ts';
import { type PropertyKind, STR } from '../qdev/properties.ts';
import { ServiceName } from '../qdev/services.ts';
import type { CharBackend } from './char-backend.ts';
import { NULL_CHAR } from './char-backend.ts';
import { readChardev } from './chardev-kinds.ts';
import { RingBuffer } from './ring-buffer.ts';

const CONTAINER = '/chardevs';
/** Kinds that need nothing of the host, in QEMU's order. */
const OWN_KINDS = ['memory', 'null', 'ringbuf'];

/** One character device, as QMP's `query-chardev` tells of it. Spec: QEMU qapi/char.json, ChardevInfo. */
export interface ChardevInfo {
  readonly label: string;
  /** What it leads to: its kind, with a path where there is one. */
  readonly filename: string;
  /** The device that uses it is open. */
  readonly frontendOpen: boolean;
}

/** A back end that several devices share. */
export interface SharedBackend {
  /** One more may have it. */
  readonly hasRoom: boolean;
  /** A back end for one more. */
  take(): CharBackend;
  /** The device that had it is gone. */
  giveBack(backend: CharBackend): void;
  /** Somebody has it, a monitor for example. */
  readonly isUsed: boolean;
}

/** A character device that comes with the machine or its host. */
export interface HostChardev {
  /** Its kind, in QEMU's word. */
  readonly driver: string;
  /** As `info chardev` shows it now. */
  readonly filename: () => string;
  /** For devices to take. Null: it is in use for good, by a part of the board or a monitor. */
  readonly backend: CharBackend | null;
  /** What it keeps for `ringbuf_read`. */
  readonly ring?: RingBuffer | undefined;
  /** QEMU's `mux`, which devices take instead. */
  readonly shared?: SharedBackend;
  /** Tells who uses it of a break. */
  readonly sendBreak?: () => void;
  /** Who uses it goes on with another. */
  readonly isReplaceable?: boolean;
  /** Ends the connection at once, whatever waits on it; undefined: it is no socket. */
  readonly yank?: (() => void) | undefined;
  /** It is no longer wanted. */
  readonly close?: () => void;
  /** The other end of a pseudo terminal. */
  readonly pty?: string | undefined;
}

/** One that the host has opened. */
export interface OpenedChardev extends HostChardev {
  readonly id: string;
}

/** A host that has files, sockets and a terminal. */
export interface ChardevHost {
  /** The kinds that it opens. */
  readonly kinds: readonly string[];
  /** Opens what the options ask for; one that is shared comes with the one below it. Rejects with `MonitorError`. */
  open(options: Options): Promise<readonly OpenedChardev[]>;
  /** Opens another for whoever uses this one, which is closed. Rejects with `MonitorError`. */
  replace(options: Options): Promise<OpenedChardev>;
}

/** A character device that the user made, for snapshots. */
export interface UserChardev {
  readonly options: Options;
  readonly backend: CharBackend;
}

interface Entry extends HostChardev {
  inUse: boolean;
  frontendOpen: boolean;
  /** How the user asked for it; undefined: it came with the machine or its host. */
  readonly options: Options | undefined;
  /** What `qom-list` shows. */
  readonly object: QomObject;
}

const isBusy = ({ inUse, shared }: Entry): boolean => inUse || shared !== undefined;
const hasRoom = ({ inUse, shared }: Entry): boolean => (shared === undefined ? !inUse : shared.hasRoom);

export class Chardevs {
  readonly #byId = new NameTable<Entry>();
  /** Oldest first. */
  readonly #ids = new Set<string>();
  readonly #tree: ObjectTree;
  #host: ChardevHost | undefined;

  /** @param tree has an object for each of them */
  constructor(tree: ObjectTree) {
    this.#tree = tree;
  }

  /** From now on a host opens what is asked for. */
  setHost(host: ChardevHost): void {
    this.#host = host;
  }

  /** Makes a back end that needs no host. Throws `MonitorError`. */
  create(options: Options): void {
    const { id, driver, mux, log, backend: readBackend } = readChardev(options, OWN_KINDS);
    const backend = readBackend();
    if (log !== undefined) {
      throw new MonitorError(`Could not create '${log.path}': No such file or directory`);
    }
    if (mux) throw new MonitorError("'mux' is not a valid char driver name");
    const made = backend.kind === 'ringbuf' ? new RingBuffer(backend.sizeBytes) : NULL_CHAR;
    this.#add(id, { driver, backend: made, filename: () => driver, options });
  }

  /** Makes a back end, with the host's help where there is one. Gives the other end of a pseudo terminal. Rejects with `MonitorError`. */
  async open(options: Options): Promise<string | undefined> {
    if (this.#host === undefined) {
      this.create(options);
      return undefined;
    }
    const { id, mux } = readChardev(options);
    for (const wanted of mux ? [id, `${id}-base`] : [id]) this.#checkNew(wanted);
    const opened = await this.#host.open(options);
    try {
      for (const { id: wanted } of opened) this.#checkNew(wanted);
    } catch (error) {
      // Another monitor was faster.
      for (const { close } of opened) close?.();
      throw error;
    }
    for (const one of opened) this.provide(one.id, one);
    return opened[0]?.pty;
  }

  /** Puts another back end in the place of one; otherwise as `open`. */
  async change(id: string, options: Options): Promise<string | undefined> {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Chardev '${id}' does not exist`);
    if (entry.shared !== undefined) throw new MonitorError('Mux device hotswap not supported yet');
    const wanted = new Options(
      options.entries.filter(([name]) => name !== 'mux'),
      id,
    );
    if (!entry.inUse) {
      this.remove(id);
      return await this.open(wanted).catch((error: unknown) => {
        throw failedToAdd(id, error);
      });
    }
    if (this.#host === undefined || entry.isReplaceable !== true) {
      throw new MonitorError('Chardev user does not support chardev hotswap');
    }
    const next = await this.#host.replace(wanted);
    this.#take(id);
    this.provide(id, next);
    return next.pty;
  }

  /** Tells who uses it of a break. Throws `MonitorError`. */
  sendBreak(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Chardev '${id}' not found`);
    entry.sendBreak?.();
  }

  /** Adds one that comes with the machine or its host. Throws `MonitorError` when the id is taken. */
  provide(id: string, chardev: HostChardev): void {
    const forGood = chardev.backend === null && chardev.shared === undefined;
    this.#add(id, { ...chardev, options: undefined }, forGood);
  }

  /** What `chardev-add` makes here. */
  kinds(): readonly string[] {
    return this.#host?.kinds ?? OWN_KINDS;
  }

  /** Ids, oldest first. */
  ids(): readonly string[] {
    return [...this.#ids];
  }

  /** All of them. QEMU: in the reverse order of their table. */
  query(): readonly ChardevInfo[] {
    return this.#byId
      .entries()
      .map(([label, { filename, frontendOpen, shared }]) => ({
        label,
        filename: filename(),
        frontendOpen: frontendOpen || shared?.isUsed === true,
      }))
      .reverse();
  }

  /** What ends the connection of each socket, by id, oldest first. */
  connections(): ReadonlyMap<string, () => void> {
    return new Map(
      this.ids().flatMap((id) => {
        const yank = this.#byId.get(id)?.yank;
        return yank === undefined ? [] : [[id, yank] as const];
      }),
    );
  }

  /** What the user made, oldest first. */
  madeByUser(): readonly UserChardev[] {
    return this.ids().flatMap((id) => {
      const { options, backend } = this.#byId.get(id) ?? {};
      return options === undefined || !backend ? [] : [{ options, backend }];
    });
  }

  /** Throws `MonitorError`. */
  ringBuffer(id: string): RingBuffer {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Device '${id}' not found`, 'DeviceNotFound');
    const ring = entry.backend instanceof RingBuffer ? entry.backend : entry.ring;
    if (ring === undefined) throw new MonitorError(`${id} is not a ringbuf device`);
    return ring;
  }

  /** Throws `MonitorError`. */
  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Chardev '${id}' not found`);
    if (isBusy(entry)) throw new MonitorError(`Chardev '${id}' is busy`);
    this.#take(id);
    entry.close?.();
  }

  /** QEMU's error when the property `owner.property` cannot have it, else undefined. */
  checkFree(id: string, owner: string, property: string): MonitorError | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) {
      return new MonitorError(`Property '${owner}.${property}' can't find value '${id}'`);
    }
    if (hasRoom(entry)) return undefined;
    return new MonitorError(
      `Property '${owner}.${property}' can't take value '${id}': Device '${id}' is in use`,
    );
  }

  /** For a device, which gives it back with `detach`; undefined for no id. */
  attach(id: string): CharBackend | undefined {
    const entry = this.#byId.get(id);
    if (entry?.shared !== undefined) return entry.shared.take();
    if (entry === undefined || entry.backend === null) return undefined;
    entry.inUse = true;
    return entry.backend;
  }

  /** The device that has attached to it is open now, or not. */
  setFrontendOpen(id: string, open: boolean): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.frontendOpen = open;
  }

  detach(id: string, backend: CharBackend | undefined): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || backend === undefined) return;
    entry.shared?.giveBack(backend);
    entry.inUse = false;
    entry.frontendOpen = false;
  }

  #checkNew(id: string): void {
    if (!this.#ids.has(id)) return;
    throw new MonitorError(`attempt to add duplicate property '${id}' to object (type 'container')`);
  }

  #add(id: string, chardev: HostChardev & Pick<Entry, 'options'>, inUse = false): void {
    this.#checkNew(id);
    // QEMU: the container comes with the first of them, and stays.
    const object = this.#tree.container(CONTAINER).addChild(id, new QomObject(`chardev-${chardev.driver}`));
    this.#byId.add(id, { ...chardev, object, inUse, frontendOpen: inUse });
    this.#ids.add(id);
  }

  #take(id: string): void {
    this.#byId.get(id)?.object.unparent();
    this.#byId.remove(id);
    this.#ids.delete(id);
  }
}

/** What is said of a new pseudo terminal. */
export function ptyLine(pty: string | undefined, id: string): string {
  return pty === undefined ? '' : `char device redirected to ${pty} (label ${id})\n`;
}

/** QEMU's error of one that could not be made, for commands that say which. Anything else is thrown again. */
export function failedToAdd(id: string, error: unknown): MonitorError {
  if (!(error instanceof MonitorError)) throw error;
  return new MonitorError(`Failed to add chardev '${id}': ${error.message}`);
}

/** The machine's character back ends. */
export const CHARDEVS = new ServiceName('chardevs', (services) => new Chardevs(services.get(OBJECT_TREE)));

/** A property that names a free character back end, or none. */
export const CHARDEV: PropertyKind = {
  ...STR,
  check: (value, { property, owner, services }) =>
    value === '' ? undefined : services.get(CHARDEVS).checkFree(String(value), owner, property.name),
};
