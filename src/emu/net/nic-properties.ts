/** Properties that network cards share, in QEMU's order. */
import { MonitorError } from '../core/monitor-error.ts';
import { type PropertyKind, type PropertySpec, STR } from '../qdev/properties.ts';
import { MAC } from './mac-address.ts';
import { NETWORK } from './network.ts';

/** A property that names a free back end. */
export const NETDEV: PropertyKind = {
  ...STR,
  check(value, { property, owner, services }) {
    const id = String(value ?? '');
    const client = services.get(NETWORK).findBackend(id);
    if (client === undefined)
      return new MonitorError(`Property '${owner}.${property.name}' can't find value '${id}'`);
    if (client.peer === undefined) return undefined;
    return new MonitorError(`Property '${owner}.${property.name}' can't take value '${id}', it's in use`);
  },
};

/** @param owner QEMU's name of the device that has them */
export function nicProperties(owner?: string): readonly PropertySpec[] {
  const named = owner === undefined ? {} : { owner };
  return [
    {
      name: 'mac',
      kind: MAC,
      help: 'Ethernet address of the card, such as 52:54:00:12:34:56',
      ...named,
    },
    { name: 'netdev', kind: NETDEV, help: 'id of the back end at the other end of the wire', ...named },
  ];
}
