/** The memory that a machine has from the start. */
import type { GuestMemory } from '../memory/guest-memory.ts';
import { noneMemory, pcMemory } from '../memory/pc-ram.ts';
import type { PcWiring } from './boards/pc.ts';
import type { MachineConfig, MachineHost } from './machine-config.ts';
import type { MachineVersion } from './machine-versions.ts';

export { isBiosSize } from '../memory/pc-ram.ts';

/** With room for the DIMMs that may be added. */
export function machineMemory(
  { isEmpty }: MachineVersion,
  { memoryBytes, dimms, bios, hasFlash, memoryBackend }: MachineConfig,
  { makeBuffer }: MachineHost,
): GuestMemory {
  if (isEmpty) return noneMemory(memoryBytes, makeBuffer, memoryBackend);
  return pcMemory(memoryBytes, makeBuffer, dimms?.maxBytes, { bios, hasFlash });
}

/** Room for DIMMs, as the board has it. */
export function dimmSlots({ dimms }: MachineConfig): PcWiring['dimms'] {
  return dimms === undefined ? undefined : { slots: dimms.slots, maxSize: dimms.maxBytes };
}
