/** The type of a processor: its properties, and how it is put into one of the machine's places. */
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import type { Hardware } from '../qdev/hardware.ts';
import { INT32, number, UINT32 } from '../qdev/properties.ts';
import { ServiceName } from '../qdev/services.ts';
import { cpuTypeOf, MODEL_NAMES } from './models/cpu-models.ts';

/** QEMU: no APIC id was given. */
export const UNASSIGNED_APIC_ID = 0xffff_ffff;

/** QEMU: no NUMA node was given. */
export const UNSET_NODE = -1;

/** The places for processors. */
export interface CpuSockets {
  /** Puts a processor into the free place with this APIC id. */
  insert(apicId: number): Hardware;
  /** What QEMU says of each processor. */
  readonly warnings: readonly string[];
}

export const CPU_SOCKETS = new ServiceName<CpuSockets>('cpu-sockets');

const PROPERTIES = [
  number('node-id', UNSET_NODE, INT32),
  number('apic-id', UNASSIGNED_APIC_ID, UINT32),
  number('thread-id', -1, INT32),
  number('core-id', -1, INT32),
  number('die-id', -1, INT32),
  number('socket-id', -1, INT32),
];

/** One for each model; a machine takes those of its own. */
export const CPU_TYPES: readonly DeviceType[] = MODEL_NAMES.map((model) => ({
  name: cpuTypeOf(model),
  category: 'CPU',
  userCreatable: true,
  hotpluggable: true,
  properties: PROPERTIES,
  realize: realizeCpu,
}));

function realizeCpu({ values, services, warn }: RealizeRequest): RealizedDevice {
  const sockets = services.get(CPU_SOCKETS);
  for (const text of sockets.warnings) warn(text);
  return { hardware: sockets.insert(values.number('apic-id')) };
}
