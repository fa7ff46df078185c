/** Chips with an 8-bit data bus: the bus turns a wider access into byte cycles at rising addresses. */
import type { AccessSize, IoHandler } from '../core/device.ts';
import { OPEN_BUS } from '../core/open-bus.ts';

/** A chip that answers byte cycles only; a wider access may lead it beyond its last port. */
export interface BytePorts {
  readByte(offset: number): number;
  writeByte(offset: number, value: number): void;
}

/** Spec: ISA bus; QEMU: MemoryRegionOps with `impl.max_access_size = 1`. */
export function byteWide(chip: BytePorts, { unaligned = false } = {}): IoHandler {
  return {
    unaligned,
    widest: 1,
    read(offset: number, size: AccessSize): number {
      if (size === 1) return chip.readByte(offset);
      let value = 0;
      for (let at = 0; at < size; at++) value |= chip.readByte(offset + at) << (8 * at);
      return value >>> 0;
    },
    write(offset: number, size: AccessSize, value: number): void {
      if (size === 1) {
        chip.writeByte(offset, value & 0xff);
        return;
      }
      for (let at = 0; at < size; at++) chip.writeByte(offset + at, (value >>> (8 * at)) & 0xff);
    },
  };
}

/** Ports of a byte each, of which a word reaches two and a dword none. QEMU: a MemoryRegionPortio of bytes. */
export function bytePorts(chip: BytePorts): IoHandler {
  const wide = byteWide(chip);
  return {
    unaligned: true,
    read: (port, size) => (size === 4 ? OPEN_BUS[size] : wide.read(port, size)),
    write: (port, size, value) => size !== 4 && wide.write(port, size, value),
  };
}
