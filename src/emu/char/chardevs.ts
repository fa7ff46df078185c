/** Character back ends that the user makes, by QEMU's ids: `chardev-add`. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
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

export class Chardevs {
  readonly #byId = new Map<string, { readonly backend: CharBackend; inUse: boolean }>();

  /** Makes a back end of the kind that the option `backend` names. Throws `MonitorError`. */
  create(options: Options): void {
    const { id } = options;
    if (id === undefined) throw new MonitorError('chardev: no id specified');
    const kind = options.get('backend');
    if (kind === undefined) throw new MonitorError(`chardev: "${id}" missing backend`);
    const make = KINDS[kind];
    if (make === undefined) throw new MonitorError(`'${kind}' is not a valid char driver name`);
    const backend = make(options);
    if (this.#byId.has(id)) {
      throw new MonitorError(`attempt to add duplicate property '${id}' to object (type 'container')`);
    }
    this.#byId.set(id, { backend, inUse: false });
  }

  /** Ids, oldest first. */
  ids(): readonly string[] {
    return [...this.#byId.keys()];
  }

  /** Throws `MonitorError`. */
  ringBuffer(id: string): RingBuffer {
    const backend = this.#byId.get(id)?.backend;
    if (backend === undefined) throw new MonitorError(`Device '${id}' not found`, 'DeviceNotFound');
    if (!(backend instanceof RingBuffer)) throw new MonitorError(`${id} is not a ringbuf device`);
    return backend;
  }

  /** Throws `MonitorError`. */
  remove(id: string): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) throw new MonitorError(`Chardev '${id}' not found`);
    if (entry.inUse) throw new MonitorError(`Chardev '${id}' is busy`);
    this.#byId.delete(id);
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
    if (entry === undefined) return undefined;
    entry.inUse = true;
    return entry.backend;
  }

  detach(id: string): void {
    const entry = this.#byId.get(id);
    if (entry !== undefined) entry.inUse = false;
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
