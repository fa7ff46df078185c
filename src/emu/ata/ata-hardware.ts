/** What the types of ATA devices make: a device without a section of its own. QEMU: its state is its controller's. */
import type { Hardware } from '../qdev/hardware.ts';
import type { AtaDevice } from './ata-device.ts';

export class AtaHardware implements Hardware {
  readonly device: AtaDevice;
  readonly sections = [];
  readonly #release: () => void;

  constructor(device: AtaDevice, release: () => void) {
    this.device = device;
    this.#release = release;
  }

  buses(): readonly [] {
    return [];
  }

  release(): void {
    this.#release();
  }
}
