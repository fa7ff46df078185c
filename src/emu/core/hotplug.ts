/** QEMU's four hotplug verbs. Every bus that takes devices implements them in its own folder. */
import type { MonitorError } from './monitor-error.ts';

/** What a bus does when a device of type `D` comes or goes. `hotplugged` is false for devices built at start. */
export interface HotplugHandler<D> {
  /** Refuses the device (QEMU's error text) before anything has changed. */
  prePlug(device: D): MonitorError | undefined;
  /** The device is realized: make it visible to the guest and, when hot-plugged, tell the guest. */
  plug(device: D, hotplugged: boolean): void;
  /** Asks the guest to let go (ACPI, attention button, …). The guest may answer much later, or never. */
  unplugRequest(device: D): MonitorError | undefined;
  /** The guest let go, or the bus needs no consent: take the device out. */
  unplug(device: D): void;
}
