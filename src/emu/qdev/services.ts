/** What devices need of the machine, by name. Each layer names its own services and says their type. */
import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { EntropySource } from '../core/entropy.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import type { Trace } from '../core/trace.ts';

/** The name of a service of type `T`. */
export class ServiceName<T> {
  readonly name: string;
  /** For the compiler only: the type that the name stands for. */
  declare readonly type: T;

  constructor(name: string) {
    this.name = name;
  }
}

export const CLOCK = new ServiceName<Clock>('clock');
export const TRACE = new ServiceName<Trace>('trace');
/** The host's entropy. */
export const ENTROPY = new ServiceName<EntropySource>('entropy');
export const EVENTS = new ServiceName<MachineEvents>('events');

export class Services {
  readonly #byName = new Map<string, unknown>();

  /** Adds a service; gives back the services. */
  provide<T>(name: ServiceName<T>, service: T): this {
    assert(!this.#byName.has(name.name), `service ${name.name} is there already`);
    this.#byName.set(name.name, service);
    return this;
  }

  /** The service of that name, which the machine must have. */
  get<T>({ name }: ServiceName<T>): T {
    assert(this.#byName.has(name), `the machine has no service ${name}`);
    // `provide` is the only writer, and its signature ties the value's type to the name.
    return this.#byName.get(name) as T;
  }
}
