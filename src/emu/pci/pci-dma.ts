/** A PCI function's way to guest RAM: open while it is plugged and may master the bus, else nothing moves. */
import type { Gpa } from '../memory/addresses.ts';
import type { DmaAccess, DmaPort } from '../memory/dma-port.ts';

/**
 * Spec: PCI Local Bus 3.0 §6.2.2, COMMAND bit 2. QEMU: a transfer of a function without bus mastership reads zeros and writes nothing.
 * Made before the function, so that its parts can be built on it; the function opens and closes it.
 */
export class PciDma implements DmaPort {
  #port: DmaPort | undefined;

  /** Opens the way through `port`, or closes it. Called by the function. */
  follow(port: DmaPort | undefined): void {
    this.#port = port;
  }

  isRam(gpa: Gpa, length: number): boolean {
    return this.#port?.isRam(gpa, length) ?? false;
  }

  read(gpa: Gpa, target: Uint8Array): boolean {
    if (this.#port !== undefined) return this.#port.read(gpa, target);
    target.fill(0);
    return false;
  }

  write(gpa: Gpa, source: Uint8Array): boolean {
    return this.#port?.write(gpa, source) ?? false;
  }

  fill(gpa: Gpa, length: number, value: number): boolean {
    return this.#port?.fill(gpa, length, value) ?? false;
  }

  readU8(gpa: Gpa): number {
    return this.#port?.readU8(gpa) ?? 0;
  }

  readU16(gpa: Gpa): number {
    return this.#port?.readU16(gpa) ?? 0;
  }

  readU32(gpa: Gpa): number {
    return this.#port?.readU32(gpa) ?? 0;
  }

  readU64(gpa: Gpa): number {
    return this.#port?.readU64(gpa) ?? 0;
  }

  writeU8(gpa: Gpa, value: number): boolean {
    return this.#port?.writeU8(gpa, value) ?? false;
  }

  writeU16(gpa: Gpa, value: number): boolean {
    return this.#port?.writeU16(gpa, value) ?? false;
  }

  writeU32(gpa: Gpa, value: number): boolean {
    return this.#port?.writeU32(gpa, value) ?? false;
  }

  writeU64(gpa: Gpa, value: number): boolean {
    return this.#port?.writeU64(gpa, value) ?? false;
  }

  forEachPiece(gpa: Gpa, length: number, access: DmaAccess, use: (bytes: Uint8Array) => boolean): boolean {
    return this.#port?.forEachPiece(gpa, length, access, use) ?? false;
  }
}
