/** What the type `floppy` makes: a drive without a section of its own. QEMU: its state is its controller's. */
import type { Hardware } from '../qdev/hardware.ts';
import type { FloppyUnit } from './floppy-drive.ts';

export class FloppyHardware implements Hardware {
  readonly unit: FloppyUnit;
  readonly sections = [];
  readonly #release: () => void;

  constructor(unit: FloppyUnit, release: () => void) {
    this.unit = unit;
    this.#release = release;
  }

  buses(): readonly [] {
    return [];
  }

  release(): void {
    this.#release();
  }
}
