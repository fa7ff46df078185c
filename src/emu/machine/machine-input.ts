/** Who takes what a user does, and the USBs on which some of them are: what devices and monitors share of both. */
import type { Clock } from '../core/clock.ts';
import { USER_INPUT, UserInput } from '../input/user-input.ts';
import type { Services } from '../qdev/services.ts';
import { USB_BUSES, type UsbBuses } from '../usb/usb-buses.ts';

export interface MachineInput {
  readonly input: UserInput;
  readonly usb: UsbBuses;
}

/** @param isRunning what a stopped machine is sent is lost */
export function machineInput(services: Services, clock: Clock, isRunning: () => boolean): MachineInput {
  const input = new UserInput(clock, isRunning);
  services.provide(USER_INPUT, input);
  return { input, usb: services.get(USB_BUSES) };
}
