/** Properties that name another object: `link<TYPE>`. */
import { MonitorError } from '../core/monitor-error.ts';
import type { ObjectTree, QomObject } from './objects.ts';
import { type PropertyKind, STR } from './properties.ts';
import { ServiceName, type Services } from './services.ts';

/** The machine's one tree of objects. */
export const OBJECT_TREE = new ServiceName<ObjectTree>('objects');

/** A link to an object of type `typeName`, given by id or path. */
export function link(typeName: string): PropertyKind {
  return {
    ...STR,
    typeName: `link<${typeName}>`,
    check(value, { property, services }) {
      if (value === '') return undefined;
      const found = services.get(OBJECT_TREE).resolve(String(value), typeName, property.name);
      return found instanceof MonitorError ? found : undefined;
    },
  };
}

/** The object that a link property's value leads to; undefined when the link is empty. Throws QEMU's error when it leads nowhere. */
export function linked(
  value: string,
  typeName: string,
  property: string,
  services: Services,
): QomObject | undefined {
  if (value === '') return undefined;
  const found = services.get(OBJECT_TREE).resolve(value, typeName, property);
  if (found instanceof MonitorError) throw found;
  return found;
}
