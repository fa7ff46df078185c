/** Sources of entropy that the user makes with `object_add`, for virtio-rng's property `rng`. */
import type { EntropySource } from '../core/entropy.ts';
import { MonitorError } from '../core/monitor-error.ts';
import type { QomProperty } from '../qdev/objects.ts';
import { BOOL, type PropertySpec, readOnlyKind, STR } from '../qdev/properties.ts';
import { ENTROPY } from '../qdev/services.ts';
import { type ObjectType, UserObject } from '../qdev/user-objects.ts';

/** QEMU's abstract type of all of them. */
export const RNG_BACKEND = 'rng-backend';

const DEFAULT_FILENAME = '/dev/urandom';
/** A browser has one source: both of a host's files are it. Not modelled: other files. */
const FILENAMES = new Set([DEFAULT_FILENAME, '/dev/random']);
/** QEMU: it was there to be set, and nobody can any more. What is no truth at all is told first. */
const REFUSED = readOnlyKind('bool');
const OPENED: PropertySpec = {
  name: 'opened',
  kind: {
    ...REFUSED,
    parse: (text, property, owner) =>
      REFUSED.parse(String(BOOL.parse(text, property, owner)), property, owner),
    fromJson: (json, property, owner) =>
      REFUSED.fromJson(Boolean(BOOL.fromJson(json, property, owner)), property, owner),
  },
};
const FILENAME: PropertySpec = { name: 'filename', kind: STR, default: DEFAULT_FILENAME };

export class RngBackend extends UserObject implements EntropySource {
  readonly #source: EntropySource;

  constructor(type: ObjectType, source: EntropySource) {
    super(type);
    this.#source = source;
  }

  random(target: Uint8Array): void {
    this.#source.random(target);
  }

  protected override ownProperties(): readonly QomProperty[] {
    return super
      .ownProperties()
      .map((property) =>
        property.name === OPENED.name ? { name: OPENED.name, typeName: 'bool', read: () => true } : property,
      );
  }
}

const RNG_RANDOM: ObjectType = {
  name: 'rng-random',
  parents: [RNG_BACKEND],
  properties: [OPENED, FILENAME],
  create(values, services) {
    const filename = values.text('filename');
    if (!FILENAMES.has(filename)) {
      throw new MonitorError(`Could not open '${filename}': No such file or directory`);
    }
    return new RngBackend(RNG_RANDOM, services.get(ENTROPY));
  },
};

const RNG_BUILTIN: ObjectType = {
  name: 'rng-builtin',
  parents: [RNG_BACKEND],
  properties: [OPENED],
  create: (_values, services) => new RngBackend(RNG_BUILTIN, services.get(ENTROPY)),
};

export const RNG_TYPES: readonly ObjectType[] = [RNG_BUILTIN, RNG_RANDOM];
