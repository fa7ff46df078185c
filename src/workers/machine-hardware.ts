/** Processors and memory of the machine, and the names for what its user may do with them next. */
import type { Machine } from '../emu/index.ts';
import { firstFree } from './machine-ids.ts';
import type { MachineHardware, MemoryNames, ProcessorPlace } from './protocol.ts';

const PROCESSOR_STEM = 'cpu';
const DIMM_STEM = 'dimm';
const BACKEND_STEM = 'mem';
const PC_DIMM = 'pc-dimm';

/** As much of a machine as has processors and memory. */
type Hardware = Pick<Machine, 'drives' | 'devices' | 'inspect' | 'objects'>;
type Place = ReturnType<Machine['inspect']['hotpluggableCpus']>[number];

export function machineHardware(machine: Hardware): MachineHardware {
  const places = machine.inspect.hotpluggableCpus();
  const { slots, sizes } = machine.inspect.memory;
  const dimms = machine.inspect.memory.devices().filter(({ kind }) => kind === 'dimm').length;
  return {
    processors: places.filter(({ qomPath }) => qomPath !== undefined).length,
    processorsMax: places.length,
    memoryBytes: sizes.base + sizes.plugged,
    nextProcessor: nextProcessor(machine, places),
    lastProcessor: lastProcessor(machine, places),
    nextMemory: {
      dimm: firstFree(DIMM_STEM, deviceIds(machine)),
      backend: firstFree(BACKEND_STEM, new Set(machine.objects.ids())),
    },
    memorySlots: slots,
    freeMemorySlots: slots - dimms,
    lastDimm: lastDimm(machine),
    unusedBackend: machine.inspect.memory.backends().find(({ name, isMapped }) => {
      return !isMapped && machine.objects.ids().includes(name);
    })?.name,
  };
}

function nextProcessor(machine: Hardware, places: readonly Place[]): ProcessorPlace | undefined {
  const index = places.findIndex(({ qomPath }) => qomPath === undefined);
  const place = places[index];
  if (place === undefined) return undefined;
  // The number of the place, as long as nothing else has that name.
  return named(place, firstFree(PROCESSOR_STEM, deviceIds(machine), index), index);
}

function lastProcessor(machine: Hardware, places: readonly Place[]): ProcessorPlace | undefined {
  const indexOf = (path: string): number => places.findIndex(({ qomPath }) => qomPath === path);
  const device = machine.devices.tree
    .peripherals()
    .findLast(({ id, path }) => id !== '' && indexOf(path) >= 0);
  if (device === undefined) return undefined;
  const index = indexOf(device.path);
  const place = places[index];
  return place && named(place, device.id, index);
}

function named({ type, place, hasDies }: Place, id: string, index: number): ProcessorPlace {
  const { socket, die, core, thread } = place;
  const dies = hasDies ? `,die-id=${die}` : '';
  const device = `${type},id=${id},socket-id=${socket}${dies},core-id=${core},thread-id=${thread}`;
  return { device, id, index };
}

function lastDimm({ devices, inspect }: Hardware): MemoryNames | undefined {
  const dimm = devices.tree.peripherals().findLast(({ id, type }) => id !== '' && type.name === PC_DIMM);
  const memdev = inspect.memory.devices().find(({ id }) => id === dimm?.id)?.memdev;
  if (dimm === undefined || memdev === undefined) return undefined;
  return { dimm: dimm.id, backend: memdev.slice(memdev.lastIndexOf('/') + 1) };
}

function deviceIds({ devices, drives }: Hardware): ReadonlySet<string> {
  return new Set([...drives.list().map(({ id }) => id), ...devices.tree.peripherals().map(({ id }) => id)]);
}
