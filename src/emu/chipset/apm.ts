/** Advanced power management ports 0xb2 and 0xb3. Spec: Intel 82371AB datasheet §4.2.6 (APMC, APMS). */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import type { Device } from '../core/device.ts';

/** QEMU's SMI commands of the PIIX4: the FADT names them in ACPI_ENABLE and ACPI_DISABLE. */
export const APM_ACPI_ENABLE = 0xf1;
export const APM_ACPI_DISABLE = 0xf0;

export type ApmState = { readonly apmc: number; readonly apms: number };

export class Apm implements Device<ApmState> {
  readonly vmstate = { name: 'APM State', version: 1 };
  readonly #command: (value: number) => void;
  #s = { apmc: 0, apms: 0 };

  /** @param command told each byte written to APMC: APM_ACPI_ENABLE, APM_ACPI_DISABLE or a firmware's own */
  constructor(command: (value: number) => void) {
    this.#command = command;
  }

  attach(io: AddressSpace): void {
    io.map(0xb2, 2, byteWide(this));
  }

  reset(): void {
    this.#s = { apmc: 0, apms: 0 };
  }

  save(): ApmState {
    return { ...this.#s };
  }

  restore(state: ApmState): void {
    this.#s = { ...state };
  }

  readByte(port: number): number {
    return port === 0 ? this.#s.apmc : this.#s.apms;
  }

  writeByte(port: number, value: number): void {
    if (port === 0) {
      this.#s.apmc = value;
      this.#command(value);
    } else {
      this.#s.apms = value;
    }
  }
}
