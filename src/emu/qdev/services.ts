/** What devices need of the machine, by name. Each layer names its own services and says their type. */
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { EntropySource } from '../core/entropy.ts';
import { type FileMaker, NO_FILES } from '../core/host.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import type { Trace } from '../core/trace.ts';

/** The name of a service of type `T`. */
export class ServiceName<T> {
  readonly name: string;
  /** Makes the service when it is asked for first. Absent: the machine provides it. */
  readonly make: ((services: Services) => T) | undefined;

  /** @param make for what a family of devices shares in one machine and the machine itself need not know */
  constructor(name: string, make?: (services: Services) => T) {
    this.name = name;
    this.make = make;
  }
}

export const CLOCK = new ServiceName<Clock>('clock');
export const TRACE = new ServiceName<Trace>('trace');
/** The host's entropy. */
export const ENTROPY = new ServiceName<EntropySource>('entropy');
/** The time of day, in milliseconds since 1970. */
export const WALL_CLOCK = new ServiceName<() => number>('wall-clock');
/** How many processors the machine starts with; one, where nobody says. */
export const START_CPUS = new ServiceName<number>('start-cpus', () => 1);
/** Where files of the host's are made. */
export const FILES = new ServiceName<FileMaker>('files', () => NO_FILES);
/** What QEMU prints on its standard error while the machine runs. */
export const WARNINGS = new ServiceName<(text: string) => void>('warnings', () => () => {});
export const EVENTS = new ServiceName<MachineEvents>('events');

export class Services {
  readonly #byName = new Map<string, unknown>();

  /** Adds a service; gives back the services. */
  provide<T>(name: ServiceName<T>, service: T): this {
    assert(!this.#byName.has(name.name), `service ${name.name} is there already`);
    this.#byName.set(name.name, service);
    return this;
  }

  /** The service of that name: what the machine provided, or what the name makes when it is asked for first. */
  get<T>(service: ServiceName<T>): T {
    const { name, make } = service;
    if (!this.#byName.has(name) && make !== undefined) this.provide(service, make(this));
    assert(this.#byName.has(name), `the machine has no service ${name}`);
    // `provide` is the only writer, and its signature ties the value's type to the name.
    return this.#byName.get(name) as T;
  }
}
