/** The machine's reset line. */
import type { Device } from '../core/device.ts';
import type { DeviceTree } from '../qdev/tree.ts';

/**
 * Back to power-on; what was plugged stays, unless its unplug was on the way. Processors come last: what resets others may signal them.
 * QEMU: the newest device is first, so that the interrupt controllers forget what the timer's reset raises.
 */
export function resetDevices(tree: DeviceTree): void {
  const parts = tree
    .devices()
    .filter(({ parent }) => parent !== undefined)
    .flatMap(({ hardware }) => hardware.sections);
  const isProcessor = ({ vmstate }: Device): boolean => vmstate.stage === 'processor';
  for (const device of parts.filter((one) => !isProcessor(one)).reverse()) device.reset();
  for (const device of parts.filter(isProcessor)) device.reset();
}
