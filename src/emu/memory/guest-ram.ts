/** Guest memory as the host has it, for devices by which a guest gives it back. */
import { ServiceName } from '../qdev/services.ts';
import type { GuestMemory } from './guest-memory.ts';

export interface GuestRam {
  readonly memory: GuestMemory;
  /** RAM and DIMMs, in bytes. */
  readonly sizeBytes: number;
}

export const GUEST_RAM = new ServiceName<GuestRam>('guest-ram');
