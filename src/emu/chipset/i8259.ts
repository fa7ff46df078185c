/**
 * Pair of 8259A interrupt controllers, with the ELCR of the PIIX. Spec: Intel 8259A datasheet (231468-003);
 * Intel 82371AB datasheet §4.2.1 (ELCR1, ELCR2). QEMU: hw/intc/i8259.c of 7.2.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BOOLEAN, BYTE, integer, mask, record, tuple, WORD } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import type { TraceEventName } from '../core/trace-events.ts';
import { IrqStatistics } from './irq-statistics.ts';

const ICW1 = 0x10;
const ICW1_IC4 = 0x01;
const ICW1_SNGL = 0x02;
const ICW1_LTIM = 0x08;
const ICW4_AEOI = 0x02;
const ICW4_SFNM = 0x10;

const OCW3 = 0x08;
const OCW3_RIS = 0x01;
const OCW3_RR = 0x02;
const OCW3_POLL = 0x04;
const OCW3_SMM = 0x20;
const OCW3_ESMM = 0x40;
const OCW2_COMMAND_SHIFT = 5;

/** The commands of OCW2. Spec: 8259A figure 8. */
const ROTATE_AEOI_CLEAR = 0;
const EOI = 1;
const EOI_SPECIFIC = 3;
const ROTATE_AEOI_SET = 4;
const EOI_ROTATE = 5;
const SET_PRIORITY = 6;
const EOI_SPECIFIC_ROTATE = 7;

/** The line by which the slave reaches the master. */
const CASCADE = 2;
const SPURIOUS = 7;
const NOBODY = 8;
/** Lines that can be level triggered: not the timer, keyboard, cascade, RTC and FPU. */
const ELCR_MASKS = [0xf8, 0xde] as const;

/** What the next write to the odd port is. */
const EXPECT_OCW1 = 0;
const EXPECT_ICW2 = 1;
const EXPECT_ICW3 = 2;
const EXPECT_ICW4 = 3;

/** One 8259A; every field is in the words of `info pic`. */
export type PicChipState = ReturnType<typeof powerOn>;

function powerOn() {
  return {
    irr: 0,
    imr: 0,
    isr: 0,
    priorityAdd: 0,
    irqBase: 0,
    readIsr: false,
    poll: false,
    specialMask: false,
    expect: EXPECT_OCW1,
    icw4: false,
    single: false,
    autoEoi: false,
    rotateOnAutoEoi: false,
    specialFullyNested: false,
    elcr: 0,
  };
}

class Chip {
  static readonly registers = new RegisterTable<Chip>(
    {
      name: 'pic',
      title: 'Interrupt controllers',
      place: 'ports 0x20 and 0x21 (master), 0xa0 and 0xa1 (slave)',
      spec: 'Intel 8259A (231468-003)',
    },
    [
      register(0, 1, 'Poll', 'the interrupt that is most urgent, as if acknowledged', {
        when: { text: 'OCW3 asked for it', holds: ({ s }) => s.poll },
        read: (chip) => chip.#poll(),
      }),
      register(0, 1, 'ISR', 'interrupts in service', {
        when: { text: 'OCW3 chose it', holds: ({ s }) => s.readIsr },
        read: ({ s }) => s.isr,
      }),
      register(0, 1, 'IRR', 'interrupts that ask for service', { read: ({ s }) => s.irr }),
      register(
        0,
        1,
        'ICW1, OCW2, OCW3',
        'initialisation (bit 4); end of interrupt; which register is read (bit 3)',
        {
          write: (chip, value) => chip.#writeEven(value),
        },
      ),
      register(1, 1, 'Poll at IMR', 'the same as Poll', {
        when: { text: 'OCW3 asked for it', holds: ({ s }) => s.poll },
        read: (chip) => chip.#poll(),
      }),
      register(1, 1, 'ICW2, ICW3, ICW4', 'the rest of the initialisation', {
        when: { text: 'ICW1 was written', holds: ({ s }) => s.expect !== EXPECT_OCW1 },
        write: (chip, value) => chip.#writeOdd(value),
      }),
      register(1, 1, 'IMR', 'interrupts that are masked', {
        read: ({ s }) => s.imr,
        write: (chip, value) => chip.#writeOdd(value),
      }),
    ],
  );

  s = powerOn();
  /** Levels of the eight inputs as far as devices have told them since the chip was initialised. QEMU: last_irr. */
  lines = 0;
  readonly elcrMask: number;
  readonly #master: boolean;
  readonly #out: IrqLine;
  readonly #trace: Trace;
  readonly #statistics: IrqStatistics;

  constructor(master: boolean, out: IrqLine, trace: Trace, statistics: IrqStatistics) {
    this.#statistics = statistics;
    this.#master = master;
    this.elcrMask = ELCR_MASKS[master ? 0 : 1];
    this.#out = out;
    this.#trace = trace;
  }

  /** Highest priority of the set bits of `mask`, 0 (highest) to 7, or NOBODY. */
  #priority(mask: number): number {
    if (mask === 0) return NOBODY;
    let priority = 0;
    while ((mask & (1 << ((priority + this.s.priorityAdd) & 7))) === 0) priority++;
    return priority;
  }

  #lineOf(priority: number): number {
    return (priority + this.s.priorityAdd) & 7;
  }

  /** The line whose request the CPU should see, or -1. */
  pending(): number {
    const { irr, imr, isr, specialMask, specialFullyNested } = this.s;
    const requested = this.#priority(irr & ~imr);
    if (requested === NOBODY) return -1;
    let inService = specialMask ? isr & ~imr : isr;
    if (specialFullyNested && this.#master) inService &= ~(1 << CASCADE);
    return requested < this.#priority(inService) ? this.#lineOf(requested) : -1;
  }

  update(): void {
    const isPending = this.pending() >= 0;
    if (isPending && this.#trace.on) {
      const { imr, irr, priorityAdd } = this.s;
      this.#trace.event('pic_update_irq', this.#master ? 1 : 0, imr, irr, priorityAdd);
    }
    this.#out.set(isPending);
  }

  setLine(line: number, level: boolean): void {
    const s = this.s;
    const mask = 1 << line;
    const rises = level && (this.lines & mask) === 0;
    const isLevelTriggered = (s.elcr & mask) !== 0;
    this.lines = level ? this.lines | mask : this.lines & ~mask;
    if (rises) this.#statistics.raised(this.#master ? line : line + 8);
    if (rises || (level && isLevelTriggered)) s.irr |= mask;
    else if (!level && isLevelTriggered) s.irr &= ~mask;
    // QEMU: also where nothing has changed, so that a slave tells a master that has forgotten it.
    this.update();
  }

  acknowledge(line: number): void {
    const s = this.s;
    if (!s.autoEoi) s.isr |= 1 << line;
    else if (s.rotateOnAutoEoi) s.priorityAdd = (line + 1) & 7;
    if (!(s.elcr & (1 << line))) s.irr &= ~(1 << line);
    this.update();
  }

  /** QEMU: ICW1 keeps requests of level-triggered lines and the ELCR. A line that is high is an edge again when its device next says so. */
  initialise(): void {
    const { elcr, irr } = this.s;
    this.s = { ...powerOn(), elcr, irr: irr & elcr };
    this.lines &= elcr;
    this.update();
  }

  reset(): void {
    this.s = powerOn();
    this.lines = 0;
    this.update();
  }

  read(port: number): number {
    return Chip.registers.read(this, this.#trace, Math.min(port, 1), 1) ?? 0;
  }

  write(port: number, value: number): void {
    Chip.registers.write(this, this.#trace, Math.min(port, 1), 1, value);
  }

  #poll(): number {
    this.s.poll = false;
    const line = this.pending();
    if (line < 0) return 0;
    this.acknowledge(line);
    return line | 0x80;
  }

  #writeEven(value: number): void {
    if (value & ICW1) this.#writeIcw1(value);
    else if (value & OCW3) this.#writeOcw3(value);
    else this.#writeOcw2(value >>> OCW2_COMMAND_SHIFT, value & 7);
  }

  #writeIcw1(value: number): void {
    // Not modelled: LTIM; QEMU 7.2 leaves triggering to the ELCR.
    if (value & ICW1_LTIM) this.#trace.unimplemented('i8259: level sensitive irq not supported');
    this.initialise();
    this.s.expect = EXPECT_ICW2;
    this.s.icw4 = (value & ICW1_IC4) !== 0;
    this.s.single = (value & ICW1_SNGL) !== 0;
  }

  #writeOcw3(value: number): void {
    const s = this.s;
    if (value & OCW3_POLL) s.poll = true;
    if (value & OCW3_RR) s.readIsr = (value & OCW3_RIS) !== 0;
    // QEMU: what it lets through is looked at with the next event.
    if (value & OCW3_ESMM) s.specialMask = (value & OCW3_SMM) !== 0;
  }

  #writeOcw2(command: number, line: number): void {
    const s = this.s;
    switch (command) {
      case ROTATE_AEOI_CLEAR:
      case ROTATE_AEOI_SET:
        s.rotateOnAutoEoi = command === ROTATE_AEOI_SET;
        return;
      case EOI:
      case EOI_ROTATE: {
        const priority = this.#priority(s.isr);
        if (priority === NOBODY) return;
        const served = this.#lineOf(priority);
        s.isr &= ~(1 << served);
        if (command === EOI_ROTATE) s.priorityAdd = (served + 1) & 7;
        break;
      }
      case EOI_SPECIFIC:
        s.isr &= ~(1 << line);
        break;
      case SET_PRIORITY:
        s.priorityAdd = (line + 1) & 7;
        break;
      case EOI_SPECIFIC_ROTATE:
        s.isr &= ~(1 << line);
        s.priorityAdd = (line + 1) & 7;
        break;
      default:
        return;
    }
    this.update();
  }

  #writeOdd(value: number): void {
    const s = this.s;
    switch (s.expect) {
      case EXPECT_ICW2:
        s.irqBase = value & 0xf8;
        if (!s.single) s.expect = EXPECT_ICW3;
        else s.expect = s.icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
      case EXPECT_ICW3:
        s.expect = s.icw4 ? EXPECT_ICW4 : EXPECT_OCW1;
        break;
      case EXPECT_ICW4:
        s.specialFullyNested = (value & ICW4_SFNM) !== 0;
        s.autoEoi = (value & ICW4_AEOI) !== 0;
        s.expect = EXPECT_OCW1;
        break;
      default:
        s.imr = value;
        this.update();
    }
  }
}

/** Master first, slave second; `lines` are the levels of the 16 inputs as far as they were told since the last initialisation. */
export type I8259State = { readonly chips: readonly [PicChipState, PicChipState]; readonly lines: number };

const CHIP_STATE = record<PicChipState>({
  irr: BYTE,
  imr: BYTE,
  isr: BYTE,
  priorityAdd: integer(0, 7),
  irqBase: mask(0xf8),
  readIsr: BOOLEAN,
  poll: BOOLEAN,
  specialMask: BOOLEAN,
  expect: integer(EXPECT_OCW1, EXPECT_ICW4),
  icw4: BOOLEAN,
  single: BOOLEAN,
  autoEoi: BOOLEAN,
  rotateOnAutoEoi: BOOLEAN,
  specialFullyNested: BOOLEAN,
  elcr: BYTE,
});

const I8259_STATE = record<I8259State>({ chips: tuple(CHIP_STATE, CHIP_STATE), lines: WORD });

/** The PC's 15 ISA interrupts. */
export class I8259Pair implements Device<I8259State> {
  /** Of either chip. */
  static readonly registers = Chip.registers;
  static readonly elcrRegisters = new RegisterTable<Chip>(
    {
      name: 'elcr',
      title: 'Edge or level triggering of interrupts',
      place: 'ports 0x4d0 (ELCR1, of the master) and 0x4d1 (ELCR2, of the slave)',
      spec: 'Intel 82371SB (PIIX3)',
    },
    [
      register(0, 1, 'ELCR', 'which interrupts are level triggered', {
        read: ({ s }) => s.elcr,
        write: (chip, value) => {
          chip.s.elcr = value & chip.elcrMask;
        },
      }),
    ],
  );

  readonly vmstate = {
    name: 'i8259',
    version: 1,
    fields: I8259_STATE,
    stage: 'interrupt-controller',
  } as const;
  readonly #master: Chip;
  readonly #slave: Chip;
  readonly #trace: Trace;
  /** By ISA interrupt; 2 is the slave's. */
  readonly statistics = new IrqStatistics(16);

  /** @param out INTR, high while `acknowledge` would give a real vector */
  constructor(out: IrqLine, trace: Trace) {
    this.#trace = trace;
    this.#master = new Chip(true, out, trace, this.statistics);
    this.#slave = new Chip(
      false,
      { set: (level) => this.#master.setLine(CASCADE, level) },
      trace,
      this.statistics,
    );
  }

  attach(io: AddressSpace): void {
    for (const [base, chip] of [[0x20, this.#master] as const, [0xa0, this.#slave] as const]) {
      const ports = byteWide({
        readByte: (port) => this.#traced('pic_ioport_read', chip, port, chip.read(port)),
        writeByte: (port, value) => chip.write(port, this.#traced('pic_ioport_write', chip, port, value)),
      });
      io.map(base, 2, ports, { name: 'pic' });
    }
    for (const index of [0, 1]) {
      const chip = this.#chip(index);
      const elcr = byteWide({
        readByte: () => I8259Pair.elcrRegisters.read(chip, this.#trace, 0, 1) ?? 0,
        writeByte: (_, value) => {
          I8259Pair.elcrRegisters.write(chip, this.#trace, 0, 1, value);
        },
      });
      io.map(0x4d0 + index, 1, elcr, { name: 'elcr' });
    }
  }

  /** ISA interrupt 0 to 15; 2 is the cascade and leads nowhere. */
  line(n: number): IrqLine {
    const chip = this.#chip(n >>> 3);
    if (n === CASCADE) return { set() {} };
    return {
      set: (level) => {
        if (this.#trace.on) this.#trace.event('pic_set_irq', n < 8 ? 1 : 0, n & 7, level ? 1 : 0);
        chip.setLine(n & 7, level);
      },
    };
  }

  /** The CPU's interrupt acknowledge cycle: the vector to take. Without a request it is the spurious line 7. */
  acknowledge(): number {
    const line = this.#master.pending();
    if (line < 0) return this.#master.s.irqBase + SPURIOUS;
    let vector = this.#master.s.irqBase + line;
    if (line === CASCADE) {
      const slaveLine = this.#slave.pending();
      if (slaveLine >= 0) this.#slave.acknowledge(slaveLine);
      vector = this.#slave.s.irqBase + (slaveLine >= 0 ? slaveLine : SPURIOUS);
    }
    this.#master.acknowledge(line);
    return vector;
  }

  /** True while INTR is high. */
  hasRequest(): boolean {
    return this.#master.pending() >= 0;
  }

  reset(): void {
    this.#slave.reset();
    this.#master.reset();
  }

  save(): I8259State {
    const lines = (this.#master.lines & ~(1 << CASCADE)) | (this.#slave.lines << 8);
    return structuredClone({ chips: [this.#master.s, this.#slave.s] as const, lines });
  }

  restore(state: I8259State): void {
    const [master, slave] = structuredClone(state).chips;
    this.#master.s = master;
    this.#slave.s = slave;
    this.#slave.lines = state.lines >>> 8;
    // The cascade's level follows from the slave; it is no new edge.
    this.#master.lines = (state.lines & 0xff) | (this.#slave.pending() >= 0 ? 1 << CASCADE : 0);
    this.#slave.update();
    this.#master.update();
  }

  #chip(index: number): Chip {
    return index === 0 ? this.#master : this.#slave;
  }

  #traced(event: TraceEventName, chip: Chip, port: number, value: number): number {
    if (this.#trace.on) this.#trace.event(event, chip === this.#master ? 1 : 0, port, value);
    return value;
  }
}
