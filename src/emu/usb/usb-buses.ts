/** All USBs of a machine, as monitors see them. */
import { ServiceName } from '../qdev/services.ts';
import type { UsbBus } from './usb-bus.ts';

export class UsbBuses {
  readonly #buses: UsbBus[] = [];
  #made = 0;

  /** The oldest first. */
  get all(): readonly UsbBus[] {
    return this.#buses;
  }

  /** A controller came: the number of its bus. */
  add(bus: UsbBus): number {
    this.#buses.push(bus);
    return this.#made++;
  }

  remove(bus: UsbBus): void {
    const at = this.#buses.indexOf(bus);
    if (at >= 0) this.#buses.splice(at, 1);
  }
}

export const USB_BUSES = new ServiceName('usb-buses', () => new UsbBuses());
