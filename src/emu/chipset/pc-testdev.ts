/**
 * pc-testdev: registers without hardware behind them, by which test programs look how accesses reach a device, and raise interrupts.
 * Spec: as kvm-unit-tests use it; the values were read from QEMU 7.2 over qtest.
 */
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { bytes, DWORD, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { IsaSlot } from './isa-bus.ts';

const IOPORT = 0xe0;
const FLUSH_PAGE = 0xe4;
const IOPORT_BYTE = 0xe8;
const WORD_SIZE = 4;
const IRQ_LINE = 0x2000;
/** One port for each pin of the I/O APIC. */
const IRQ_LINES = 24;
const ISA_IRQS = 16;
const IOMEM = 0xff00_0000;
const IOMEM_SIZE = 0x1_0000;

export type PcTestdevState = {
  readonly data: number;
  readonly memory: Uint8Array;
  /** Level of each interrupt that it drives. */
  readonly lines: Uint8Array;
};

const PC_TESTDEV_STATE = record<PcTestdevState>({
  data: DWORD,
  memory: bytes(IOMEM_SIZE),
  lines: bytes(ISA_IRQS),
});

export class PcTestdev implements Device<PcTestdevState> {
  /** QEMU: it is not part of a snapshot. */
  readonly vmstate = { name: 'pc-testdev', version: 1, fields: PC_TESTDEV_STATE };
  readonly #trace: Trace;
  #irqs: readonly IrqLine[] = [];
  readonly #s = { data: 0, memory: new Uint8Array(IOMEM_SIZE), lines: new Uint8Array(ISA_IRQS) };

  /** One dword, which two ranges of ports show. */
  readonly word: IoHandler = {
    read: (offset, size) => ((this.#s.data >>> (8 * offset)) & maskOf(size)) >>> 0,
    write: (offset, size, value) => {
      const mask = (maskOf(size) << (8 * offset)) >>> 0;
      this.#s.data = ((this.#s.data & ~mask) | ((value << (8 * offset)) & mask)) >>> 0;
    },
  };

  /** 64 KiB that keep what is written. */
  readonly iomem: IoHandler = {
    read: (offset, size) => {
      let value = 0;
      for (let at = size - 1; at >= 0; at--) value = value * 256 + (this.#s.memory[offset + at] ?? 0);
      return value;
    },
    write: (offset, size, value) => {
      for (let at = 0; at < size && offset + at < IOMEM_SIZE; at++) {
        this.#s.memory[offset + at] = value >>> (8 * at);
      }
    },
  };

  /** A port for each interrupt: a write of anything but 0 raises it. Not modelled: IRQ 2, which joins the two 8259s. */
  readonly interrupts: IoHandler = {
    maxSize: 1,
    read: () => 0,
    write: (number, _size, value) => {
      if (number < ISA_IRQS) this.#setLine(number, value === 0 ? 0 : 1);
      // QEMU ends by an assertion.
      else this.#trace.guestError('pc-testdev: interrupt %d is not one of ISA', number);
    },
  };

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  attach({ io, memory, irq }: Pick<IsaSlot, 'io' | 'memory' | 'irq'>): void {
    this.#irqs = Array.from({ length: ISA_IRQS }, (_, number) => irq(number));
    io.map(IOPORT, WORD_SIZE, this.word, { name: 'pc-testdev-ioport' });
    io.map(FLUSH_PAGE, WORD_SIZE, FLUSH, { name: 'pc-testdev-flush-page' });
    io.map(IOPORT_BYTE, WORD_SIZE, this.word, { name: 'pc-testdev-ioport-byte' });
    io.map(IRQ_LINE, IRQ_LINES, this.interrupts, { name: 'pc-testdev-irq-line' });
    memory.map(IOMEM, IOMEM_SIZE, this.iomem, { name: 'pc-testdev-iomem' });
  }

  /** QEMU: keeps everything, its interrupts too. */
  reset(): void {}

  save(): PcTestdevState {
    const { data, memory, lines } = this.#s;
    return { data, memory: memory.slice(), lines: lines.slice() };
  }

  restore({ data, memory, lines }: PcTestdevState): void {
    this.#s.data = data;
    this.#s.memory.set(memory);
    for (const [number, level] of lines.entries()) this.#setLine(number, level);
  }

  #setLine(number: number, level: number): void {
    this.#s.lines[number] = level;
    this.#irqs[number]?.set(level !== 0);
  }
}

/** Not modelled: that QEMU takes a page from its guest and gives it back. The guest sees nothing of it. */
const FLUSH: IoHandler = { read: () => 0, write() {} };

function maskOf(size: AccessSize): number {
  return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
}
