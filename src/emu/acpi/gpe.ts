/**
 * General-purpose event block 0 of the PIIX4: hotplug controllers raise a bit, the guest runs `\_GPE._E0x`.
 * Spec: ACPI 1.0b §4.7.4.3 (general-purpose event registers); FADT GPE0_BLK 0xafe0, GPE0_BLK_LEN 4.
 */
import type { AddressSpace, Mapping } from '../bus/address-space.ts';
import { type Register, RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { bytes, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';

export const GPE_BASE = 0xafe0;
export const GPE_SIZE = 4;

export const GPE_PCI_HOTPLUG_BIT = 1;
export const GPE_CPU_HOTPLUG_BIT = 2;
export const GPE_MEMORY_HOTPLUG_BIT = 3;

const EN_OFFSET = 2;

/** What a hotplug controller needs of the GPE block. */
export interface GpeEvents {
  /** Sets the status bit number `bit`; the guest is interrupted when it has enabled that event. */
  raise(bit: number): void;
}

/** `bytes` are STS low, STS high, EN low, EN high. */
export type GpeState = { readonly bytes: Uint8Array };

const GPE_STATE = record<GpeState>({ bytes: bytes(GPE_SIZE) });

/** One byte of the block. */
function byteOf(offset: number, name: string, help: string): Register<GpeBlock> {
  return register(offset, 1, name, help, {
    read: (block) => block.readByte(offset),
    write: (block, value) => block.writeByte(offset, value),
  });
}

export class GpeBlock implements Device<GpeState>, GpeEvents, IoHandler {
  static readonly registers = new RegisterTable<GpeBlock>(
    {
      name: 'acpi-gpe0',
      title: 'ACPI general-purpose events',
      place: 'ports from 0xafe0',
      spec: 'ACPI 1.0b §4.7.4.3; QEMU takes wider accesses byte by byte',
    },
    [
      byteOf(
        0,
        'GPE0_STS_0',
        'events 0 to 7 that happened: 1 PCI, 2 CPU, 3 memory hotplug; writing 1 clears',
      ),
      byteOf(1, 'GPE0_STS_1', 'events 8 to 15 that happened; writing 1 clears'),
      byteOf(2, 'GPE0_EN_0', 'which of the events 0 to 7 pull SCI'),
      byteOf(3, 'GPE0_EN_1', 'which of the events 8 to 15 pull SCI'),
    ],
  );

  readonly widest = 1;
  readonly vmstate = { name: 'gpe', version: 1, fields: GPE_STATE };

  readonly #sci: IrqLine;
  readonly #trace: Trace;

  readonly #s = { bytes: new Uint8Array(GPE_SIZE) };

  /** @param sci this block's driver of the SCI wire; PM1 has another one */
  constructor(sci: IrqLine, trace: Trace) {
    this.#sci = sci;
    this.#trace = trace;
  }

  attach(io: AddressSpace, base: number = GPE_BASE): Mapping {
    return io.map(base, GPE_SIZE, this, { name: 'acpi-gpe0' });
  }

  raise(bit: number): void {
    this.#s.bytes[bit >> 3] |= 1 << (bit & 7);
    this.#updateSci();
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let at = 0; at < size; at++) {
      value |= (GpeBlock.registers.read(this, this.#trace, offset + at, 1) ?? 0) << (at * 8);
    }
    return value >>> 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    for (let at = 0; at < size; at++) {
      GpeBlock.registers.write(this, this.#trace, offset + at, 1, (value >>> (at * 8)) & 0xff);
    }
  }

  readByte(offset: number): number {
    const byte = this.#s.bytes[offset];
    if (this.#trace.on) this.#trace.event('piix4_gpe_readb', offset, 1, byte);
    return byte;
  }

  writeByte(offset: number, value: number): void {
    if (this.#trace.on) this.#trace.event('piix4_gpe_writeb', offset, 1, value);
    if (offset < EN_OFFSET) this.#s.bytes[offset] &= ~value;
    else this.#s.bytes[offset] = value;
    this.#updateSci();
  }

  reset(): void {
    this.#s.bytes.fill(0);
    this.#updateSci();
  }

  save(): GpeState {
    return structuredClone(this.#s);
  }

  restore({ bytes }: GpeState): void {
    this.#s.bytes.set(bytes);
    this.#updateSci();
  }

  #updateSci(): void {
    const [low, high, enableLow, enableHigh] = this.#s.bytes;
    this.#sci.set(((low & enableLow) | (high & enableHigh)) !== 0);
  }
}
