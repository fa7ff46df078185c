/** The machine's reset line. */
import type { DeviceTree } from '../qdev/tree.ts';

/** Back to power-on; what was plugged stays, unless its unplug was on the way. Processors come last: what resets others may signal them. */
export function resetDevices(tree: DeviceTree): void {
  const parts = tree
    .devices()
    .flatMap((owner) => owner.hardware.sections.map((device) => ({ owner, device })));
  for (const last of [false, true]) {
    for (const { owner, device } of parts) {
      if (owner.parent !== undefined && (device.vmstate.stage === 'processor') === last) device.reset();
    }
  }
}
