/** The type of pc-testdev. */
import type { DeviceType } from '../qdev/device-type.ts';
import { TRACE } from '../qdev/services.ts';
import { IsaHardware } from './isa-bus.ts';
import { PcTestdev } from './pc-testdev.ts';

export const PC_TESTDEV: DeviceType = {
  name: 'pc-testdev',
  category: 'Misc',
  busType: 'ISA',
  userCreatable: true,
  // QEMU: it is the ISA bus that takes nothing while the machine runs.
  hotpluggable: true,
  properties: [],
  realize: ({ services }) => {
    const device = new PcTestdev(services.get(TRACE));
    return { hardware: new IsaHardware({ sections: [device], plug: (slot) => device.attach(slot) }) };
  },
};
