/** QEMU's machine `none`: memory, if the user asks for some. It has no device, no bus but the system bus, and no processor. */
import { AddressSpace } from '../../bus/address-space.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { ObjectTree } from '../../qdev/objects.ts';
import { PcDeviceMemory } from './pc-device-memory.ts';

const NO_WINDOW = { base: 0, size: 0 };

export class NoneBoard {
  readonly ports = new AddressSpace('I/O');
  readonly physical = new AddressSpace('memory', 'zeros');
  readonly memory: GuestMemory;
  readonly deviceMemory: PcDeviceMemory;

  constructor(memory: GuestMemory, ramBytes: number, objects: ObjectTree) {
    this.memory = memory;
    this.deviceMemory = new PcDeviceMemory({
      ...{ memory, ramBytes, objects, roomBytes: 0, slots: 0, isEnabled: false, window: NO_WINDOW },
      boardMemory: 'ram',
      onSize: () => {},
    });
  }
}
