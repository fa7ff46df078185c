/** The tree of objects with their properties, as `qom-list`, `qom-get` and `qom-set` see it. */
import { MonitorError } from '../core/monitor-error.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import {
  OBJECTS,
  type ObjectTree,
  PERIPHERAL,
  PERIPHERAL_ANON,
  type QomObject,
  type QomProperty,
} from './objects.ts';
import { GivenValue } from './qom-value.ts';

export class Qom {
  readonly #tree: ObjectTree;

  constructor(tree: ObjectTree) {
    this.#tree = tree;
  }

  /** Paths of what the user made, oldest first. */
  paths(): readonly string[] {
    return [PERIPHERAL, PERIPHERAL_ANON, OBJECTS].flatMap((path) =>
      (this.#tree.at(path)?.children ?? []).map((child) => child.path),
    );
  }

  /** All objects whose path is, or ends with, `path`. */
  find(path: string): readonly QomObject[] {
    return this.#tree.find(path);
  }

  /** The properties of the object at `path`, absolute or the end of one. Throws QEMU's error. */
  list(path: string): readonly QomProperty[] {
    const found = this.#tree.find(path);
    if (found.length > 1 || path === '') throw new MonitorError(`Path '${path}' is ambiguous`);
    return this.#object(path).properties();
  }

  /** Throws QEMU's error. */
  get(path: string, name: string): JsonValue {
    const { object, property } = this.#property(path, name);
    if (property.read === undefined) {
      throw new MonitorError(`Property '${object.typeNames[0]}.${name}' is not readable`);
    }
    const value = property.read();
    return property.typeName.startsWith('link<') ? this.#pathOf(String(value), property) : value;
  }

  /** Throws QEMU's error. @param json `given` is JSON, not text */
  set(path: string, name: string, given: JsonValue, json: boolean): void {
    const { object, property } = this.#property(path, name);
    if (property.write === undefined) {
      throw new MonitorError(`Property '${object.typeNames[0]}.${name}' is not writable`);
    }
    property.write(new GivenValue(name, given, json));
  }

  #property(path: string, name: string): { readonly object: QomObject; readonly property: QomProperty } {
    const object = this.#object(path);
    const property = object.properties().find((one) => one.name === name);
    if (property !== undefined) return { object, property };
    throw new MonitorError(`Property '${object.typeNames[0]}.${name}' not found`);
  }

  /** QEMU: a path that fits more than one object leads to none. */
  #object(path: string): QomObject {
    const [object, ...others] = this.#tree.find(path);
    if (object !== undefined && others.length === 0) return object;
    throw new MonitorError(`Device '${path}' not found`, 'DeviceNotFound');
  }

  /** A link is shown as the whole path, however the user gave it. */
  #pathOf(given: string, { typeName, name }: QomProperty): string {
    if (given === '') return '';
    const object = this.#tree.resolve(given, typeName.slice('link<'.length, -1), name);
    return object instanceof MonitorError ? given : object.path;
  }
}
