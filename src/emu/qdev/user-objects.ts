/** Objects that the user makes beside devices, `object_add`: back ends for randomness, memory, and others to come. */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { type JsonValue, keysOf } from '../qapi/json-value.ts';
import { nestedOptions } from './keyval.ts';
import { OBJECTS, type ObjectTree, QomObject, type QomProperty } from './objects.ts';
import { badIdError, isWellFormedId, Options } from './option-string.ts';
import {
  checkFixed,
  hexSizeWarning,
  type PropertySpec,
  type PropertyValue,
  type PropertyValues,
  parseSize,
  readProperty,
  withDefaults,
} from './properties.ts';
import type { GivenValue } from './qom-value.ts';
import type { Services } from './services.ts';
import { Values } from './values.ts';

/** A type of object that the user may make. */
export interface ObjectType {
  readonly name: string;
  /** Types for which a link may ask: the parents of `name`. */
  readonly parents: readonly string[];
  readonly properties: readonly PropertySpec[];
  /** It is a part of the network, on the host's side: the command line makes it after that, and snapshots do not have it. */
  readonly onNetwork?: boolean;
  /** Makes the object; throws `MonitorError`, having taken nothing. */
  readonly create: (values: Values, services: Services, id: string) => UserObject;
}

/** QEMU: objects that are no devices call these types of properties by other names. */
const TYPE_NAMES: Readonly<Record<string, string>> = { str: 'string', size: 'int' };

/** What monitors call the type of a user object's property. */
export function objectPropertyType({ kind }: PropertySpec): string {
  return TYPE_NAMES[kind.typeName] ?? kind.typeName;
}

/**
 * The type and id for which options ask. Throws `MonitorError` when they are not there or a property is not the type's.
 * @param unknownText QEMU's error for such a property, which its two parsers say differently
 */
export function checkObjectOptions(
  types: readonly ObjectType[],
  options: Options<JsonValue>,
  unknownText: (name: string) => string,
): { readonly type: ObjectType; readonly id: string } {
  const typeName = options.get('qom-type');
  if (typeName === undefined) throw new MonitorError("Parameter 'qom-type' is missing");
  const type = types.find(({ name }) => name === typeName);
  if (type === undefined) {
    throw new MonitorError(`Parameter 'qom-type' does not accept value '${String(typeName)}'`);
  }
  const { id } = options;
  const given = options.effective();
  if (id === undefined) {
    throw new MonitorError(
      given.has('id') ? "Parameters 'id.*' are unexpected" : "Parameter 'id' is missing",
    );
  }
  const missing = type.properties.find(({ name, required }) => required === true && !given.has(name));
  if (missing !== undefined) throw new MonitorError(`Parameter '${missing.name}' is missing`);
  for (const name of given.keys()) {
    if (name !== 'qom-type' && !type.properties.some((property) => property.name === name)) {
      throw new MonitorError(unknownText(name));
    }
  }
  return { type, id };
}

/** Options in text whose names have dots as the values that they mean. Throws QEMU's error. */
function withoutDots(options: Options<JsonValue>): Options<JsonValue> {
  if (options.json) return options;
  const nested = nestedOptions(options.entries.map(([name, value]) => [name, String(value)] as const));
  return new Options(
    keysOf(nested).map((name) => [name, nested[name] ?? null] as const),
    options.id,
  );
}

/** An object that the user made, or one of the board's that a user could have made. */
export class UserObject extends QomObject {
  readonly type: ObjectType;
  /** What the user gave, over the defaults; set once, by who makes it. Absent: all defaults. */
  values: PropertyValues | undefined;
  /** What it stands on has gone: it goes as after `object_del`. */
  leave: () => void = () => {};
  readonly #inUse: () => boolean;
  readonly #release: () => void;

  /** @param inUse QEMU's can_be_deleted of some types: true forbids `object_del` */
  constructor(
    type: ObjectType,
    parts: { readonly inUse?: () => boolean; readonly release?: () => void } = {},
  ) {
    super(type.name, ...type.parents);
    this.type = type;
    this.#inUse = parts.inUse ?? (() => false);
    this.#release = parts.release ?? (() => {});
  }

  get inUse(): boolean {
    return this.#inUse();
  }

  protected override ownProperties(): readonly QomProperty[] {
    const { name: type, properties } = this.type;
    const values = this.values ?? withDefaults(properties, new Map());
    return properties.map((property) => {
      const { name, kind } = property;
      return {
        name,
        typeName: objectPropertyType(property),
        read: () => kind.toJson(values.get(name)),
        write: (given) => this.change(property, given, type),
      };
    });
  }

  /** Sets a property after the object was made. Throws QEMU's error, having changed nothing. */
  protected change({ name }: PropertySpec, _given: GivenValue, _type: string): void {
    throw new MonitorError(`Property '${name}' can no longer be set`);
  }

  release(): void {
    this.#release();
  }
}

export class UserObjects {
  /** Told when an object came or went. QEMU has no event for it. */
  onChange: () => void = () => {};
  readonly #types: readonly ObjectType[];
  readonly #tree: ObjectTree;
  readonly #services: Services;
  readonly #made = new Map<string, Options<JsonValue>>();

  constructor(types: readonly ObjectType[], tree: ObjectTree, services: Services) {
    this.#types = types;
    this.#tree = tree;
    this.#services = services;
  }

  types(): readonly ObjectType[] {
    return this.#types;
  }

  /** Ids, oldest first. */
  ids(): readonly string[] {
    return [...this.#made.keys()];
  }

  /** How the user asked for each object that a snapshot has, oldest first. */
  requests(): readonly Options<JsonValue>[] {
    return [...this.#made.values()].filter((options) => !this.isOnNetwork(options));
  }

  /** These options ask for an object that is made after the network. */
  isOnNetwork(options: Options<JsonValue>): boolean {
    return this.#types.some(({ name, onNetwork }) => onNetwork === true && name === options.get('qom-type'));
  }

  /**
   * Makes an object of the type that the option `qom-type` names. Throws `MonitorError`, having changed nothing.
   * @param warn told what QEMU warns of in values
   */
  add(options: Options<JsonValue>, warn: (text: string) => void = () => {}): UserObject {
    const whole = withoutDots(options);
    const { type, id } = checkObjectOptions(
      this.#types,
      whole,
      (name) => `Parameter '${name}' is unexpected`,
    );
    const values = this.#values(type, whole, warn);
    if (!isWellFormedId(id)) throw badIdError();
    const objects = this.#tree.container(OBJECTS);
    if (objects.child(id) !== undefined) {
      throw new MonitorError(`attempt to add duplicate property '${id}' to object (type 'container')`);
    }
    const object = objects.addChild(id, type.create(values, this.#services, id));
    object.values = values.all;
    object.leave = () => this.#drop(id, object);
    this.#made.set(id, options);
    this.onChange();
    return object;
  }

  /** Throws `MonitorError`. A device that uses the object keeps it, unless the type forbids. */
  delete(id: string): void {
    const object = this.#tree.container(OBJECTS).child(id);
    if (!(object instanceof UserObject)) throw new MonitorError(`object '${id}' not found`);
    if (object.inUse) throw new MonitorError(`object '${id}' is in use, can not be deleted`);
    this.#drop(id, object);
  }

  #drop(id: string, object: UserObject): void {
    this.#made.delete(id);
    object.unparent();
    object.release();
    this.onChange();
  }

  #values(type: ObjectType, options: Options<JsonValue>, warn: (text: string) => void): Values {
    const given = new Map<string, PropertyValue>();
    const warnings: string[] = [];
    for (const [name, value] of options.effective()) {
      if (name === 'qom-type') continue;
      const property = type.properties.find((one) => one.name === name);
      assert(property !== undefined, 'the options have been checked');
      const isSize = property.kind.typeName === 'size' && typeof value === 'string';
      const warning = isSize ? hexSizeWarning(value) : undefined;
      // QEMU reads the size last: what is wrong with others is said without the warning.
      if (warning !== undefined) warnings.push(warning);
      if (warning !== undefined && parseSize(String(value)) === undefined) warn(warning);
      given.set(
        name,
        readProperty(value, options.json, { property, owner: type.name, services: this.#services }),
      );
    }
    for (const warning of warnings) warn(warning);
    for (const property of type.properties) {
      if (given.has(property.name)) checkFixed(property, given.get(property.name), type.name);
    }
    return new Values(withDefaults(type.properties, given));
  }
}
