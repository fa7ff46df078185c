/** -machine memory-backend=: an object of the user's is the RAM of the machine. */
import { MonitorError } from '../core/monitor-error.ts';
import { MEMORY_BACKEND, MemoryBackend } from '../memory/memory-backend.ts';
import { PcDeviceMemory } from './boards/pc-device-memory.ts';
import type { Machine } from './machine.ts';

/**
 * The machine was made with `memoryBackend` and as much memory. Throws QEMU's MonitorError.
 * @param askedBytes what -m says; undefined: nothing
 */
export function useMemoryBackend(
  { config, devices, inspect }: Machine,
  askedBytes: number | undefined,
): void {
  const { memoryBackend: name = '' } = config;
  const backend = devices.tree.objects.resolve(name, MEMORY_BACKEND, 'memory-backend');
  if (!(backend instanceof MemoryBackend)) throw new MonitorError(`Memory backend '${name}' not found`);
  if (askedBytes !== undefined && askedBytes !== backend.sizeBytes) {
    throw new MonitorError('Machine memory size does not match the size of the memory backend');
  }
  if (inspect.memory instanceof PcDeviceMemory) inspect.memory.useForRam(backend);
}
