/** What a device type on a PCI bus makes: one function, and perhaps buses. */
import { assert } from '../core/assert.ts';
import type { Device } from '../core/device.ts';
import type { Hardware, NewBus } from '../qdev/hardware.ts';
import type { Qdev } from '../qdev/tree.ts';
import type { PciDevice } from './pci-device.ts';

export interface PciHardwareParts {
  readonly buses?: readonly NewBus[];
  /** What it took from the machine is given back. */
  readonly release?: () => void;
  /** Blocks of registers that belong to the function and are saved apart. */
  readonly blocks?: readonly Device[];
}

export class PciHardware implements Hardware {
  readonly function: PciDevice;
  readonly sections: readonly Device[];
  readonly #parts: PciHardwareParts;

  constructor(pciFunction: PciDevice, parts: PciHardwareParts = {}) {
    this.function = pciFunction;
    this.sections = [pciFunction, ...(parts.blocks ?? [])];
    this.#parts = parts;
  }

  buses(): readonly NewBus[] {
    return this.#parts.buses ?? [];
  }

  release(): void {
    this.#parts.release?.();
  }
}

/** The function of a device that is on a PCI bus. */
export function pciFunctionOf({ hardware, path }: Qdev): PciDevice {
  assert(hardware instanceof PciHardware, `${path} is no PCI device`);
  return hardware.function;
}
