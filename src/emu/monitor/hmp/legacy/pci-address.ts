/** PCI addresses as commands took them before a device had an id. */
import { MonitorError } from '../../../core/monitor-error.ts';
import type { MachineApi } from '../../../machine/machine-api.ts';
import { pciDevfn } from '../../../pci/pci-bus.ts';
import { PciHardware } from '../../../pci/pci-hardware.ts';
import type { Qdev } from '../../../qdev/tree.ts';

/** Stands before the address in the oldest lessons. */
const LEGACY_TAG = 'pci_addr=';
const HEX = /^(?:0x)?[0-9a-f]+$/i;
const MAX_SLOT = 31;
const MAX_DOMAIN = 0xffff;

export function withoutTag(address: string): string {
  return address.startsWith(LEGACY_TAG) ? address.slice(LEGACY_TAG.length) : address;
}

/** `[[<domain>:]<bus>:]<slot>` in hexadecimal digits; undefined: it is none, or on a bus that is not there. */
function parse(text: string): { readonly domain: number; readonly slot: number } | undefined {
  const parts = text.split(':');
  if (parts.length > 3 || !parts.every((part) => HEX.test(part))) return undefined;
  const [slot = 0, bus = 0, domain = 0] = parts.map((part) => Number.parseInt(part, 16)).reverse();
  return bus === 0 && domain <= MAX_DOMAIN && slot <= MAX_SLOT ? { domain, slot } : undefined;
}

/** A slot of the root bus for a new device. Throws `MonitorError`. */
export function newSlot(address: string): number {
  const place = parse(address);
  if (place?.domain === 0) return place.slot;
  throw new MonitorError(`Invalid PCI device address ${address}`);
}

/**
 * The slot of the root bus that an address names. Throws `MonitorError`.
 * @param otherDomain what a version says of a domain that is not the first one
 */
export function slotOf(address: string, otherDomain: string): number {
  const place = parse(withoutTag(address));
  if (place?.domain === 0) return place.slot;
  throw new MonitorError(place === undefined ? 'Invalid pci address' : otherDomain);
}

/** The device whose function is the first one in a slot of the root bus. */
export function deviceInSlot({ devices }: MachineApi, slot: number): Qdev | undefined {
  return devices.tree
    .devices()
    .find(({ hardware }) => hardware instanceof PciHardware && hardware.function.devfn === pciDevfn(slot, 0));
}
