/** What devices find of the board. They are made on it, but its services are named before it is there. */
import { CPU_SOCKETS } from '../cpu/cpu-type.ts';
import { DEVICE_MEMORY } from '../memory/device-memory.ts';
import { GUEST_RAM } from '../memory/guest-ram.ts';
import type { Services } from '../qdev/services.ts';
import type { PcBoard } from './boards/pc.ts';

/** @param board called when a device asks, which is after the board was made */
export function provideBoard(services: Services, board: () => PcBoard): void {
  services
    .provide(CPU_SOCKETS, {
      insert: (apicId) => board().cpus.insert(apicId),
      get warnings() {
        return board().cpus.warnings;
      },
    })
    .provide(DEVICE_MEMORY, {
      insert: (backend, gpa) => board().deviceMemory.insert(backend, gpa),
      grown: () => board().deviceMemory.grown(),
    })
    .provide(GUEST_RAM, {
      get memory() {
        return board().deviceMemory.memory;
      },
      get sizeBytes() {
        return board().deviceMemory.sizeBytes;
      },
    });
}
