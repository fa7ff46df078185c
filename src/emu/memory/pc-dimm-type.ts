/** The type of a DIMM: its properties, and how its memory is put before the guest. */
import { MonitorError } from '../core/monitor-error.ts';
import type { DeviceType, RealizedDevice, RealizeRequest } from '../qdev/device-type.ts';
import { link, linked } from '../qdev/links.ts';
import { INT32, number, readOnlyKind, UINT64 } from '../qdev/properties.ts';
import { DEVICE_MEMORY } from './device-memory.ts';
import { MEMORY_BACKEND, MemoryBackend, memdevMissingError } from './memory-backend.ts';

/** QEMU: the machine chooses the slot. */
export const UNASSIGNED_SLOT = -1;

export const PC_DIMM: DeviceType = {
  name: 'pc-dimm',
  category: 'Uncategorized',
  description: 'DIMM memory module',
  userCreatable: true,
  hotpluggable: true,
  properties: [
    { name: 'addr', kind: UINT64, default: '0' },
    number('node', 0),
    number('slot', UNASSIGNED_SLOT, INT32),
    { name: 'memdev', kind: link(MEMORY_BACKEND) },
  ],
  options: [{ name: 'size', kind: readOnlyKind('uint64') }],
  realize: realizePcDimm,
};

function realizePcDimm({ values, services }: RealizeRequest): RealizedDevice {
  const deviceMemory = services.get(DEVICE_MEMORY);
  const node = values.number('node');
  // QEMU: a machine without nodes has one in this text.
  const nodes = Math.max(1, deviceMemory.nodes);
  if (node >= nodes) {
    throw new MonitorError(
      `'DIMM property node has value ${node}' which exceeds the number of numa nodes: ${nodes}`,
    );
  }
  const backend = linked(values.text('memdev'), MEMORY_BACKEND, 'memdev', services);
  if (!(backend instanceof MemoryBackend)) throw memdevMissingError();
  // QEMU: slot and address have been checked before.
  if (backend.isMapped) throw new MonitorError(`can't use already busy memdev: ${backend.name}`);
  const hardware = deviceMemory.insert(backend, values.number('addr'));
  const liveProperties = [{ name: 'size', read: () => backend.sizeBytes }];
  return { hardware: { ...hardware, liveProperties } };
}
