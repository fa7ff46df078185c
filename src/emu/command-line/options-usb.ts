/** -usbdevice: USB devices by their short names. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import type { MachineApi } from '../machine/machine-api.ts';
import {
  addUsbDevice,
  type UsbDeviceRequest,
  usbAddErrors,
  usbDeviceRequest,
} from '../monitor/hmp/legacy/usb-commands.ts';
import type { GivenOption } from './options-split.ts';
import { report, StartError } from './start-error.ts';

export interface UsbDeviceOption {
  readonly request: UsbDeviceRequest;
  /** The value of the option, and where it was given. */
  readonly text: string;
  readonly at: string;
}

/**
 * Those of the command line. Throws StartError for the first that there is not.
 * @param takesParameters as the versions did that had `disk:FILE` and the like
 */
export function readUsbDevices(
  given: readonly GivenOption[],
  takesParameters: boolean,
): readonly UsbDeviceOption[] {
  return given.map(({ value, at }) => {
    const request = usbStep(value, at, () => usbDeviceRequest(value, takesParameters));
    if (request === undefined) throw failed(at, usbAddErrors(value, takesParameters, true));
    return { request, text: value, at };
  });
}

/** Makes the device. Rejects with StartError. */
export async function attachUsbDevice(
  machine: MachineApi,
  { request, text, at }: UsbDeviceOption,
): Promise<void> {
  await addUsbDevice(machine, request).catch((error: unknown) => {
    usbStep(text, at, () => {
      throw error;
    });
  });
}

function usbStep<T>(text: string, at: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof MonitorError)) throw error;
    throw failed(at, [error.message, ...usbAddErrors(text, true, true)]);
  }
}

function failed(at: string, lines: readonly string[]): StartError {
  return new StartError(lines.map((line) => report(line, at)).join('\n'), at);
}
