import type { PropertyValues } from './properties.ts';

/** A device's property values as `realize` reads them; every property of the type has one. */
export class Values {
  readonly all: PropertyValues;

  constructor(all: PropertyValues) {
    this.all = all;
  }

  number(name: string): number {
    return Number(this.all.get(name) ?? 0);
  }

  text(name: string): string {
    return String(this.all.get(name) ?? '');
  }

  is(name: string): boolean {
    return this.all.get(name) === true;
  }
}
