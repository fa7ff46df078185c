/** Where a function is, as QEMU's texts say it: `0000:00:03.0:01.0`. */
import { pciFunction, pciSlot } from './pci-bus.ts';
import type { PciDevice } from './pci-device.ts';

const ROOT = '0000:00';

/** The root bus, then slot and function of each bridge on the way, then those of the function itself. No number of a bus that a guest could change is in it. */
export function pciPath(device: PciDevice): string {
  const bridge = device.parentBridge;
  const above = bridge === undefined ? ROOT : pciPath(bridge);
  const { devfn } = device;
  return `${above}:${pciSlot(devfn).toString(16).padStart(2, '0')}.${pciFunction(devfn)}`;
}
