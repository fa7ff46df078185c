/** Where the pc board's interrupt wires end: the 8259 pair and the I/O APIC share the 16 of the ISA bus. */
import { I8259Pair } from '../../chipset/i8259.ts';
import { IOAPIC_PINS, IoApic } from '../../chipset/ioapic.ts';
import { type ApicBus, fanOut, type IrqLine, IrqWires, UNCONNECTED, WiredOr } from '../../core/irq.ts';
import type { Trace } from '../../core/trace.ts';

const ISA_IRQS = 16;
const CASCADE_IRQ = 2;
/** Inputs of one 8259. */
const PIC_INPUTS = 8;

function wiresOf(count: number, end: (index: number) => IrqLine): IrqWires {
  return new IrqWires(Array.from({ length: count }, (_, index) => end(index)));
}

/** The 8259's wire to the processors. */
function picWire(intr: IrqLine, trace: Trace): IrqLine {
  return {
    set: (level) => {
      if (trace.on) trace.event('x86_pic_interrupt', 0, level ? 1 : 0);
      intr.set(level);
    },
  };
}

/** A global system interrupt that has both controllers at its end. */
function gsiWire(gsi: number, trace: Trace, ...ends: readonly IrqLine[]): IrqLine {
  const wire = fanOut(...ends);
  return {
    set: (level) => {
      if (trace.on) trace.event('x86_gsi_interrupt', gsi, level ? 1 : 0);
      wire.set(level);
    },
  };
}

export class PcInterrupts {
  readonly pic: I8259Pair;
  readonly ioApic: IoApic;
  /** Inputs of the I/O APIC; QEMU: by global system interrupt, of which 0 is at pin 2. */
  readonly ioApicWires: IrqWires;
  /** Inputs of both 8259s, the master first. */
  readonly picWires: readonly [IrqWires, IrqWires];
  readonly #isa: readonly (WiredOr | undefined)[];

  /** @param intr the pair's wire to the processors */
  constructor(intr: IrqLine, apics: ApicBus, trace: Trace) {
    const pic = new I8259Pair(picWire(intr, trace), trace);
    const ioApic = new IoApic(apics, () => pic.acknowledge(), trace);
    this.pic = pic;
    this.ioApic = ioApic;
    this.ioApicWires = wiresOf(IOAPIC_PINS, (gsi) => ioApic.line(gsi));
    this.picWires = [
      wiresOf(PIC_INPUTS, (line) => pic.line(line)),
      wiresOf(PIC_INPUTS, (line) => pic.line(PIC_INPUTS + line)),
    ];
    this.#isa = Array.from({ length: ISA_IRQS }, (_, irq) =>
      irq === CASCADE_IRQ
        ? undefined
        : new WiredOr(gsiWire(irq, trace, this.#picLine(irq), this.ioApicWires.line(irq))),
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
    return line < ISA_IRQS ? this.isa(line) : this.ioApicWires.line(line);
  }

  #picLine(irq: number): IrqLine {
    const [master, slave] = this.picWires;
    return irq < PIC_INPUTS ? master.line(irq) : slave.line(irq - PIC_INPUTS);
  }
}
