/** QEMU's machine `none`: memory and a processor, if the user asks for some. It has no other device, and no bus but the system bus. */
import { AddressSpace } from '../../bus/address-space.ts';
import type { CpuDescription } from '../../cpu/models/cpu-option.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { DeviceManager } from '../../qdev/plug.ts';
import type { Qdev } from '../../qdev/tree.ts';
import { type CpuObject, cpuHardware } from '../cpu-object.ts';
import type { Processors } from '../processors.ts';
import { BoardBuilder } from './board.ts';
import { PcDeviceMemory } from './pc-device-memory.ts';

const NO_WINDOW = { base: 0, size: 0 };
const PLACE = ['apic-id', 'socket-id', 'die-id', 'core-id', 'thread-id', 'node-id'];

export interface NoneWiring {
  readonly memory: GuestMemory;
  readonly ramBytes: number;
  /** The id of the user's object that is its memory. */
  readonly memoryBackend: string | undefined;
  readonly devices: DeviceManager;
}

/** A processor that the user asks for. No board gives it a place: it has the ids that the user gives. */
export interface NoneCpu {
  readonly processors: Processors;
  readonly object: CpuObject;
  readonly given: CpuDescription['given'];
}

export class NoneBoard {
  readonly ports = new AddressSpace('I/O');
  readonly physical = new AddressSpace('memory', 'zeros');
  readonly memory: GuestMemory;
  readonly deviceMemory: PcDeviceMemory;
  readonly cpu: Qdev | undefined;

  constructor({ memory, ramBytes, memoryBackend, devices }: NoneWiring, cpu: NoneCpu | undefined) {
    const { objects } = devices.tree;
    this.memory = memory;
    this.deviceMemory = new PcDeviceMemory({
      ...{ memory, ramBytes, objects, roomBytes: 0, slots: 0, isEnabled: false, window: NO_WINDOW },
      boardMemory: 'ram',
      hasOwnRam: memoryBackend !== undefined,
      onSize: () => {},
    });
    this.cpu = cpu && addCpu(devices, cpu);
  }
}

function addCpu(devices: DeviceManager, { processors, object, given }: NoneCpu): Qdev {
  const board = new BoardBuilder(devices);
  const { boot } = processors;
  const ids = PLACE.filter((name) => given.has(name)).map((name) => [name, Number(given.get(name))]);
  const type = board.type(boot.cpu.identity.type);
  return board.add(cpuHardware(boot, processors, object), type, { values: Object.fromEntries(ids) });
}
