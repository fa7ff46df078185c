/** Character devices by QEMU's ids: those that the user makes with `chardev-add`, and those that come with the machine and its host. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { NameTable } from '../core/name-table.ts';
import type { Options } from '../qdev/option-string.ts';
import { type PropertyKind, parseSize, STR } from '../qdev/properties.ts';
import { ServiceName } from '../qdev/services.ts';
import type { CharBackend } from './char-backend.ts';
import { NULL_CHAR } from './char-backend.ts';
import { RING_BUFFER_BYTES, RingBuffer } from './ring-buffer.ts';

/** A browser's tab has no gigabytes for this. */
const MAX_RING_BYTES = 1 << 26;

/** Kinds of `chardev-add`. Not modelled: those that reach into the host. */
const KINDS: Readonly<Record<string, ((options: Options) => CharBackend) | undefined>> = {
  null: () => NULL_CHAR,
  ringbuf,
  memory: ringbuf,
};

function ringbuf(options: Options): CharBackend {
  const size = parseSize(options.get('size') ?? '0');
  assert(size !== undefined, 'the size has been checked');
  if (size !== 0 && !Number.isInteger(Math.log2(size))) {
    throw new MonitorError('size of ringbuf chardev must be power of two');
  }
  if (size > MAX_RING_BYTES) throw new MonitorError('Cannot allocate memory');
  return new RingBuffer(size || RING_BUFFER_BYTES);
}

/** One character device, as QMP's `query-chardev` tells of it. Spec: QEMU qapi/char.json, ChardevInfo. */
export interface ChardevInfo {
  readonly label: string;
  /** What it leads to: its kind, with a path where there is one. */
  readonly filename: string;
  /** The device that uses it is open. */
  readonly frontendOpen: boolean;
}

/** A character device that comes with the machine or its host. */
export interface HostChardev {
  /** As `info chardev` shows it now. */
  readonly filename: () => string;
  /** For devices to take. Null: it is in use for good, by a part of the board or a monitor. */
  readonly backend: CharBackend | null;
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
}

export class Chardevs {
  readonly #byId = new NameTable<Entry>();
  /** Oldest first. */
  readonly #ids = new Set<string>();

  /** Makes a back end of the kind that the option `backend` names. Throws `MonitorError`. */
  create(options: Options): void {
    const { id } = options;
    if (id === undefined) throw new MonitorError('chardev: no id specified');
    const kind = options.get('backend');
    if (kind === undefined) throw new MonitorError(`chardev: "${id}" missing backend`);
    const make = KINDS[kind];
    if (make === undefined) throw new MonitorError(`'${kind}' is not a valid char driver name`);
    const backend = make(options);
    this.#add(id, { backend, filename: () => kind, options, inUse: false, frontendOpen: false });
  }

  /** Adds one that comes with the machine or its host. Throws `MonitorError` when the id is taken. */
  provide(id: string, { backend, filename }: HostChardev): void {
    const forGood = backend === null;
    this.#add(id, { backend, filename, options: undefined, inUse: forGood, frontendOpen: forGood });
  }

  /** What `chardev-add` makes here. */
  kinds(): readonly string[] {
    return Object.keys(KINDS);
  }

  /** Ids, oldest first. */
  ids(): readonly string[] {
    return [...this.#ids];
  }

  /** All of them. QEMU: in the reverse order of their table. */
  query(): readonly ChardevInfo[] {
    return this.#byId
      .entries()
      .map(([label, { filename, frontendOpen }]) => ({ label, filename: filename(), frontendOpen }))
      .reverse();
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
    if (!(entry.backend instanceof RingBuffer)) throw new MonitorError(`${id} is not a ringbuf device`);
    return entry.backend;
  }

  /** Throws `MonitorError`. */
  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Chardev '${id}' not found`);
    if (entry.inUse) throw new MonitorError(`Chardev '${id}' is busy`);
    this.#byId.remove(id);
    this.#ids.delete(id);
  }

  /** QEMU's error when the property `owner.property` cannot have it, else undefined. */
  checkFree(id: string, owner: string, property: string): MonitorError | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined) {
      return new MonitorError(`Property '${owner}.${property}' can't find value '${id}'`);
    }
    if (!entry.inUse) return undefined;
    return new MonitorError(
      `Property '${owner}.${property}' can't take value '${id}': Device '${id}' is in use`,
    );
  }

  /** For a device, which gives it back with `detach`; undefined for no id. */
  attach(id: string): CharBackend | undefined {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.backend === null) return undefined;
    entry.inUse = true;
    return entry.backend;
  }

  /** The device that has attached to it is open now, or not. */
  setFrontendOpen(id: string, open: boolean): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.frontendOpen = open;
  }

  detach(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    entry.inUse = false;
    entry.frontendOpen = false;
  }

  #add(id: string, entry: Entry): void {
    if (this.#ids.has(id)) {
      throw new MonitorError(`attempt to add duplicate property '${id}' to object (type 'container')`);
    }
    this.#byId.add(id, entry);
    this.#ids.add(id);
  }
}

/** The machine's character back ends. */
export const CHARDEVS = new ServiceName('chardevs', () => new Chardevs());

/** A property that names a free character back end, or none. */
export const CHARDEV: PropertyKind = {
  ...STR,
  check: (value, { property, owner, services }) =>
    value === '' ? undefined : services.get(CHARDEVS).checkFree(String(value), owner, property.name),
};
