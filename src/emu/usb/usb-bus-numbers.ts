/** How the USBs of a machine are numbered. */
import { ServiceName } from '../qdev/services.ts';

/** QEMU: in the order in which they are made, and no number twice. */
export class UsbBusNumbers {
  #made = 0;

  next(): number {
    return this.#made++;
  }
}

export const USB_BUS_NUMBERS = new ServiceName('usb-bus-numbers', () => new UsbBusNumbers());
