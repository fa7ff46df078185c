/** How a controller of USB 2 and its companions, which take devices of less speed, see each other. Spec: EHCI 1.0 §4.2. */
import type { UsbDevice } from './usb-device.ts';

/** A port of a companion: what is in it while the companion owns the port. */
export interface CompanionPort {
  readonly device: UsbDevice | undefined;
}

/** Told of what happens in ports that the controller does not own. Ports are the companion's, from 0. */
export interface UsbCompanion {
  companionAttached(port: number, device: UsbDevice): void;
  companionDetached(port: number): void;
  companionWakesUp(port: number, resume: boolean): void;
}
