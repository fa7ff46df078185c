/** Where the pc board's interrupt wires end: the 8259 pair and the I/O APIC share the 16 of the ISA bus. */
import { I8259Pair } from '../../chipset/i8259.ts';
import { IoApic } from '../../chipset/ioapic.ts';
import { type ApicBus, fanOut, type IrqLine, UNCONNECTED, WiredOr } from '../../core/irq.ts';
import type { Trace } from '../../core/trace.ts';

const ISA_IRQS = 16;
const CASCADE_IRQ = 2;

export class PcInterrupts {
  readonly pic: I8259Pair;
  readonly ioApic: IoApic;
  readonly #isa: readonly (WiredOr | undefined)[];

  /** @param intr the pair's wire to the processors */
  constructor(intr: IrqLine, apics: ApicBus, trace: Trace) {
    const pic = new I8259Pair(intr, trace);
    const ioApic = new IoApic(apics, () => pic.acknowledge(), trace);
    this.pic = pic;
    this.ioApic = ioApic;
    this.#isa = Array.from({ length: ISA_IRQS }, (_, irq) =>
      irq === CASCADE_IRQ ? undefined : new WiredOr(fanOut(pic.line(irq), ioApic.line(irq))),
    );
  }

  /** One more driver of an ISA interrupt. */
  isa(irq: number): IrqLine {
    return this.#isa[irq]?.input() ?? UNCONNECTED;
  }

  /** One more driver of each ISA interrupt. */
  allIsa(): readonly IrqLine[] {
    return this.#isa.map((_, irq) => this.isa(irq));
  }

  /** One more driver of a global system interrupt. */
  gsi(line: number): IrqLine {
    return line < ISA_IRQS ? this.isa(line) : this.ioApic.line(line);
  }
}
