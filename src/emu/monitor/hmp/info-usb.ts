/** `info usb`: what is in the ports of all USBs. QEMU: hw/usb/bus.c of 7.2. */
import { type PluggedUsbDevice, speedMbits, UsbBus } from '../../machine/machine-api.ts';
import type { Command, CommandContext } from '../command.ts';

const NOT_ENABLED = 'USB support not enabled';

/** @param showsIds the lines end with what the user calls the devices */
function usbTopic(error: string, showsIds: boolean): Command {
  return {
    name: 'usb',
    args: [],
    params: '',
    help: 'devices on USB',
    run: ({ machine }: CommandContext) => {
      const buses = UsbBus.all(machine.devices.tree);
      if (buses.length === 0) return `${error}\n`;
      return buses.flatMap((bus) => bus.plugged.map((one) => line(bus, one, showsIds))).join('');
    },
  };
}

function line({ number }: UsbBus, { device, port, qdev }: PluggedUsbDevice, showsId: boolean): string {
  const { address, speed, settings } = device;
  const id = showsId && qdev.id !== '' ? `, ID: ${qdev.id}` : '';
  return `  Device ${number}.${address}, Port ${port.path}, Speed ${speedMbits(speed)} Mb/s, Product ${settings.product}${id}\n`;
}

export const USB_TOPIC = usbTopic(`Error: ${NOT_ENABLED}`, true);
/** QEMU 5.1. */
export const USB_TOPIC_5_1 = usbTopic(NOT_ENABLED, true);
/** QEMU up to 2.0. */
export const USB_TOPIC_2_0 = usbTopic(NOT_ENABLED, false);
