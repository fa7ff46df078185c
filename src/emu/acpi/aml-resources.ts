/** Resource descriptors, as `_CRS` and `_PRS` return them. Spec: ACPI 6.5 §6.4. */
import { type Aml, buffer, bytes, littleEndian, terms } from './aml.ts';

const END_TAG = 0x79;

/** An inclusive range of bus numbers, ports or addresses. */
export interface ResourceRange {
  readonly min: number;
  readonly max: number;
}

/** `ResourceTemplate () { … }`; the end tag's checksum is 0, which means none. */
export function resourceTemplate(...descriptors: readonly Aml[]): Aml {
  return buffer(terms(...descriptors, bytes(END_TAG, 0)));
}

/** `IO (Decode16, base, base, alignment, length)`. Spec: §6.4.2.5. */
export function io(base: number, length: number, alignment: number = 1): Aml {
  return terms(bytes(0x47, 0x01), littleEndian(base, 2), littleEndian(base, 2), bytes(alignment, length));
}

/** `IRQNoFlags () {irq}`. Spec: §6.4.2.1. */
export function irqNoFlags(irq: number): Aml {
  return terms(bytes(0x22), littleEndian(1 << irq, 2));
}

/** `DMA (Compatibility, NotBusMaster, Transfer8) {channel}`. Spec: §6.4.2.2. */
export function dma8(channel: number): Aml {
  return bytes(0x2a, 1 << channel, 0x00);
}

/** `Memory32Fixed (ReadOnly, base, length)`. Spec: §6.4.3.4. */
export function memory32FixedReadOnly(base: number, length: number): Aml {
  return terms(bytes(0x86, 9, 0, 0), littleEndian(base, 4), littleEndian(length, 4));
}

/** Where `createDWordField` finds the first interrupt of an `Interrupt` descriptor that starts a template. */
export const INTERRUPT_NUMBER_OFFSET = 5;

/** `Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { … }`. Spec: §6.4.3.6. */
export function interrupt(...irqs: readonly number[]): Aml {
  const CONSUMER_SHARED_LEVEL = 0x09;
  const numbers = terms(...irqs.map((irq) => littleEndian(irq, 4)));
  return terms(
    bytes(0x89),
    littleEndian(2 + numbers.length, 2),
    bytes(CONSUMER_SHARED_LEVEL, irqs.length),
    numbers,
  );
}

const TYPE_MEMORY = 0;
const TYPE_IO = 1;
const TYPE_BUS = 2;
/** Spec: §6.4.3.5: MinFixed, MaxFixed, positive decode, resource producer. */
const WINDOW_FLAGS = 0x0c;
const IO_ENTIRE_RANGE = 0x03;
const MEMORY_READ_WRITE = 0x01;
const MEMORY_CACHEABLE = 0x02;

/** An address space descriptor with 2-, 4- or 8-byte numbers. Spec: §6.4.3.5. */
function addressSpace(
  tag: number,
  width: number,
  type: number,
  typeFlags: number,
  range: ResourceRange,
): Aml {
  const numbers = [0, range.min, range.max, 0, range.max - range.min + 1];
  const body = terms(
    bytes(type, WINDOW_FLAGS, typeFlags),
    ...numbers.map((value) => littleEndian(value, width)),
  );
  return terms(bytes(tag), littleEndian(body.length, 2), body);
}

/** `WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, …)` */
export function wordBusNumber(range: ResourceRange): Aml {
  return addressSpace(0x88, 2, TYPE_BUS, 0, range);
}

/** `WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, …)` */
export function wordIo(range: ResourceRange): Aml {
  return addressSpace(0x88, 2, TYPE_IO, IO_ENTIRE_RANGE, range);
}

/** `DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, …, ReadWrite, …)` */
export function dwordMemory(range: ResourceRange, cacheable: boolean): Aml {
  return addressSpace(0x87, 4, TYPE_MEMORY, MEMORY_READ_WRITE | (cacheable ? MEMORY_CACHEABLE : 0), range);
}

/** `QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite, …)` */
export function qwordMemory(range: ResourceRange): Aml {
  return addressSpace(0x8a, 8, TYPE_MEMORY, MEMORY_READ_WRITE | MEMORY_CACHEABLE, range);
}
