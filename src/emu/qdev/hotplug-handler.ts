/** QEMU's four hotplug verbs: the one protocol by which devices come and go. */
import type { MonitorError } from '../core/monitor-error.ts';
import type { NewDevice } from './device-type.ts';
import type { Qdev } from './tree.ts';

/**
 * `asked`: the guest was asked and may answer much later, or never. `asked-anytime`: the same, and QEMU lets the user ask again at any time.
 * `now`: nobody needs to be asked.
 */
export type UnplugAnswer = 'asked' | 'asked-anytime' | 'now' | MonitorError;

/**
 * Implemented by each bus that takes devices, in the folder of its kind, and by the machine for devices on no bus or of its own concern.
 * Called by `DeviceManager` (`plug.ts`) alone.
 */
export interface HotplugHandler {
  /** Refuses the device in QEMU's words, or says by `device.place` where it goes. Nothing else has changed by then. */
  prePlug(device: NewDevice): MonitorError | undefined;
  /** Refuses a device that is realized, in QEMU's words: it is taken apart again, and events tell of what was on its buses. */
  refuse?(device: Qdev): MonitorError | undefined;
  /** The device is realized: puts it there and, when it is hot-plugged, tells the guest. */
  plug(device: Qdev): void;
  /** The user wants the device out. */
  unplugRequest(device: Qdev): UnplugAnswer;
  /** The guest let go, or was not asked: takes the device off. What is on its own buses has left before. */
  unplug(device: Qdev): void;
}
