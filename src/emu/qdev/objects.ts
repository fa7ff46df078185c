/**
 * The one tree of objects, QEMU's composition tree: devices, buses, back ends, processors, and the containers that hold them.
 *
 * | path | holds |
 * |---|---|
 * | /machine/peripheral | devices with an id that the user made |
 * | /machine/peripheral-anon | devices without one |
 * | /machine/unattached | devices of the board that are part of no other |
 * | /objects | what `object_add` made |
 */
import { assert } from '../core/assert.ts';
import { MonitorError } from '../core/monitor-error.ts';
import { NameTable } from '../core/name-table.ts';
import type { JsonValue } from '../qapi/json-value.ts';
import type { GivenValue } from './qom-value.ts';

/** A property as monitors see it. */
export interface QomProperty {
  readonly name: string;
  /** QEMU's name of the type. */
  readonly typeName: string;
  /** Absent: nobody can read it. */
  read?(): JsonValue;
  /** Absent: nobody can write it. Throws `MonitorError`. */
  write?(given: GivenValue): void;
}

export class QomObject {
  /** QEMU's name of the type, followed by those of its parents that a link may ask for. */
  readonly typeNames: readonly [string, ...string[]];
  #name = '';
  #parent: QomObject | undefined;
  readonly #children = new Map<string, QomObject>();
  /** The same in QEMU's order. */
  readonly #table = new NameTable<QomObject>();

  constructor(...typeNames: readonly [string, ...string[]]) {
    this.typeNames = typeNames;
  }

  get parent(): QomObject | undefined {
    return this.#parent;
  }

  /** Its name below its parent; empty for the root and for an object that is in no tree. */
  get name(): string {
    return this.#name;
  }

  /** In order of creation. */
  get children(): readonly QomObject[] {
    return [...this.#children.values()];
  }

  /** In the order in which QEMU lists them: from the last place of its table to the first. */
  get listedChildren(): readonly QomObject[] {
    return this.#table
      .entries()
      .map(([, child]) => child)
      .reverse();
  }

  /** Absolute path; a bare name when the object is in no tree any more. */
  get path(): string {
    if (this.#parent === undefined) return this.#name === '' ? '/' : this.#name;
    const above = this.#parent.path;
    return above === '/' ? `/${this.#name}` : `${above}/${this.#name}`;
  }

  isA(typeName: string): boolean {
    return this.typeNames.includes(typeName);
  }

  /** Its type, what the object itself has, and its children. */
  properties(): readonly QomProperty[] {
    const type = { name: 'type', typeName: 'string', read: () => this.typeNames[0] };
    // A bus has a name of its own beside the one that it has here.
    const children = this.#table
      .entries()
      .map(([name, child]) => ({ name, typeName: `child<${child.typeNames[0]}>`, read: () => child.path }))
      .reverse();
    return [type, ...this.ownProperties(), ...children];
  }

  /** Beside type and children. */
  protected ownProperties(): readonly QomProperty[] {
    return [];
  }

  child(name: string): QomObject | undefined {
    return this.#children.get(name);
  }

  /** Puts `child` below this object and gives it back. The name must be free. */
  addChild<T extends QomObject>(name: string, child: T): T {
    assert(!this.#children.has(name), `${this.path} has a child ${name} already`);
    this.#children.set(name, child);
    this.#table.add(name, child);
    child.#enter(this, name);
    return child;
  }

  /** Takes the object, and what is below it, out of the tree. */
  unparent(): void {
    const parent = this.#parent;
    if (parent === undefined) return;
    parent.#children.delete(this.#name);
    parent.#table.remove(this.#name);
    this.#parent = undefined;
  }

  #enter(parent: QomObject, name: string): void {
    assert(this.#parent === undefined, `${this.path} has a parent already`);
    this.#parent = parent;
    this.#name = name;
  }
}

export const PERIPHERAL = '/machine/peripheral';
export const PERIPHERAL_ANON = '/machine/peripheral-anon';
export const UNATTACHED = '/machine/unattached';
export const OBJECTS = '/objects';

export class ObjectTree {
  readonly root = new QomObject('container');

  /** @param machineType QEMU's name of the machine's type */
  constructor(machineType: string) {
    this.root.addChild('machine', new QomObject(machineType, 'machine'));
    for (const path of [PERIPHERAL, PERIPHERAL_ANON, UNATTACHED, OBJECTS]) this.container(path);
  }

  /** The object at an absolute path. */
  at(path: string): QomObject | undefined {
    let object: QomObject | undefined = this.root;
    for (const name of partsOf(path)) object = object?.child(name);
    return object;
  }

  /** The object at an absolute path; containers are made where there is none. */
  container(path: string): QomObject {
    let object = this.root;
    for (const name of partsOf(path)) {
      object = object.child(name) ?? object.addChild(name, new QomObject('container'));
    }
    return object;
  }

  /**
   * What a `link<typeName>` property is given: an absolute path, or the end of one, such as an id.
   * @returns the object, or QEMU's error for the property `property`
   */
  resolve(path: string, typeName: string, property: string): QomObject | MonitorError {
    const found = this.find(path);
    const fitting = found.filter((object) => object.isA(typeName));
    const [object] = fitting;
    if (fitting.length > 1) return new MonitorError(`Path '${path}' does not uniquely identify an object`);
    if (object !== undefined) return object;
    if (found.length > 0) {
      return new MonitorError(`Invalid parameter type for '${property}', expected: ${typeName}`);
    }
    return new MonitorError(`Device '${path}' not found`, 'DeviceNotFound');
  }

  /** All objects whose path is, or ends with, `path`. */
  find(path: string): readonly QomObject[] {
    if (path.startsWith('/')) {
      const object = this.at(path);
      return object === undefined ? [] : [object];
    }
    const parts = partsOf(path);
    if (parts.length === 0) return [];
    return [...below(this.root)].filter((object) => endsWith(object, parts));
  }
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '');
}

function* below(object: QomObject): Generator<QomObject> {
  for (const child of object.children) {
    yield child;
    yield* below(child);
  }
}

function endsWith(object: QomObject, parts: readonly string[]): boolean {
  let at: QomObject | undefined = object;
  for (const part of [...parts].reverse()) {
    if (at?.name !== part) return false;
    at = at.parent;
  }
  return true;
}
