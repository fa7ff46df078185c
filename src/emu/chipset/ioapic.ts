/**
 * I/O APIC. Spec: Intel 82093AA datasheet (290566-001). QEMU: hw/intc/ioapic.c of 7.2, version 0x20:
 * it has the EOI register, and an access to the window that is not 32 bits wide reads 0.
 */
import type { AddressSpace } from '../bus/address-space.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { AccessSize, Device, IoHandler } from '../core/device.ts';
import type { ApicBus, IrqLine } from '../core/irq.ts';
import { DELIVERY_EXTINT } from '../core/irq.ts';
import { BYTE, mask, record, typedArray } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';
import { IrqStatistics } from './irq-statistics.ts';

export const IOAPIC_BASE = 0xfec00000;
export const IOAPIC_SIZE = 0x1000;
export const IOAPIC_PINS = 24;

const IOREGSEL = 0x00;

const IOAPICID = 0x00;
const IOAPICVER = 0x01;
const IOAPICARB = 0x02;
const IOREDTBL = 0x10;

const VERSION = 0x20;
const ID_SHIFT = 24;
const ID_MASK = 0x0f;

/** Low half of a redirection entry. */
const VECTOR_MASK = 0xff;
const DELIVERY_SHIFT = 8;
const DELIVERY_MASK = 7;
const DEST_LOGICAL = 1 << 11;
const DELIVERY_STATUS = 1 << 12;
const REMOTE_IRR = 1 << 14;
const TRIGGER_LEVEL = 1 << 15;
const MASKED = 1 << 16;
const READ_ONLY = DELIVERY_STATUS | REMOTE_IRR;
/** High half. */
const DEST_SHIFT = 24;

/** QEMU: ISA interrupt 0 is wired to pin 2. */
const ISA_TIMER_PIN = 2;

/** `low` and `high` are the halves of the redirection entries; `lines` the levels of the pins. */
export type IoApicState = {
  readonly id: number;
  readonly select: number;
  readonly irr: number;
  readonly lines: number;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
};

const ALL_PINS = (1 << IOAPIC_PINS) - 1;

const IOAPIC_STATE = record<IoApicState>({
  id: mask(ID_MASK),
  select: BYTE,
  irr: mask(ALL_PINS),
  lines: mask(ALL_PINS),
  low: typedArray(Uint32Array, IOAPIC_PINS),
  high: typedArray(Uint32Array, IOAPIC_PINS),
});

/** One pin as `info pic` shows it. */
export interface RedirectionEntry {
  readonly low: number;
  readonly high: number;
}

export class IoApic implements Device<IoApicState>, IoHandler {
  static readonly registers = new RegisterTable<IoApic>(
    {
      name: 'ioapic',
      title: 'I/O APIC',
      place: 'memory from 0xfec00000',
      spec: 'Intel 82093AA (290566-001)',
    },
    [
      register(
        IOREGSEL,
        4,
        'IOREGSEL',
        'which register IOWIN shows: 0 id, 1 version, 2 arbitration, from 0x10 two for each pin',
        {
          read: (apic) => apic.#s.select,
          write: (apic, value) => {
            apic.#s.select = value & 0xff;
          },
        },
      ),
      register(0x10, 4, 'IOWIN', 'the register that IOREGSEL names', {
        read: (apic, size) => (size === 4 ? apic.#readWindow(apic.#s.select) : 0),
        write: (apic, value) => apic.#writeWindow(apic.#s.select, value),
      }),
      register(0x40, 4, 'EOI', 'a vector whose level triggered interrupts may come again', {
        write: (apic, value) => apic.eoi(value & VECTOR_MASK),
      }),
    ],
  );

  readonly vmstate = {
    name: 'ioapic',
    version: 3,
    fields: IOAPIC_STATE,
    stage: 'interrupt-controller',
  } as const;

  // Fixed wiring.
  readonly #bus: ApicBus;
  readonly #acknowledgePic: () => number;
  readonly #trace: Trace;

  /** By global system interrupt. */
  readonly statistics = new IrqStatistics(IOAPIC_PINS);

  // Volatile state.
  readonly #s = {
    id: 0,
    select: 0,
    irr: 0,
    lines: 0,
    low: new Uint32Array(IOAPIC_PINS).fill(MASKED),
    high: new Uint32Array(IOAPIC_PINS),
  };

  /** @param acknowledgePic the 8259's vector, for pins in ExtINT mode */
  constructor(bus: ApicBus, acknowledgePic: () => number, trace: Trace) {
    this.#bus = bus;
    this.#acknowledgePic = acknowledgePic;
    this.#trace = trace;
  }

  attachMemory(memory: AddressSpace): void {
    memory.map(IOAPIC_BASE, IOAPIC_SIZE, this, { name: 'ioapic' });
  }

  /** Global system interrupt 0 to 23; 0 is the timer, which arrives at pin 2. */
  line(gsi: number): IrqLine {
    const pin = gsi === 0 ? ISA_TIMER_PIN : gsi;
    return { set: (level) => this.#setPin(pin, level) };
  }

  /** A local APIC ended `vector`, or the guest wrote the EOI register: level pins may fire again. */
  eoi(vector: number): void {
    if (this.#trace.on) this.#trace.event('ioapic_eoi_broadcast', vector);
    const { low, irr } = this.#s;
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const entry = low[pin] ?? 0;
      if ((entry & VECTOR_MASK) !== vector || !(entry & TRIGGER_LEVEL) || !(entry & REMOTE_IRR)) continue;
      low[pin] = entry & ~REMOTE_IRR;
      // Not modelled: QEMU's pause after 10,000 interrupts that nobody served.
      if (!(entry & MASKED) && irr & (1 << pin)) this.#service();
    }
  }

  /** The pins' entries, their requests and ids, for `info pic`. */
  inspect(): { id: number; select: number; irr: number; entries: readonly RedirectionEntry[] } {
    const { id, select, irr, low, high } = this.#s;
    return {
      id,
      select,
      irr,
      entries: Array.from(low, (half, pin) => ({ low: half, high: high[pin] ?? 0 })),
    };
  }

  /** The pins keep their levels: those are the devices'. */
  reset(): void {
    this.#s.id = 0;
    this.#s.select = 0;
    this.#s.irr = 0;
    this.#s.low.fill(MASKED);
    this.#s.high.fill(0);
  }

  save(): IoApicState {
    return structuredClone(this.#s);
  }

  restore({ id, select, irr, lines, low, high }: IoApicState): void {
    this.#s.id = id;
    this.#s.select = select;
    this.#s.irr = irr;
    this.#s.lines = lines;
    this.#s.low.set(low);
    this.#s.high.set(high);
  }

  read(offset: number, size: AccessSize): number {
    const at = offset & 0xff;
    const value = IoApic.registers.read(this, this.#trace, at, size) ?? 0;
    if (this.#trace.on) this.#trace.event('ioapic_mem_read', at, this.#s.select, size, value);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    const at = offset & 0xff;
    if (this.#trace.on) this.#trace.event('ioapic_mem_write', at, this.#s.select, size, value);
    if (at !== IOREGSEL && size !== 4) this.#trace.guestError('ioapic: write of %d bytes at %d', size, at);
    else IoApic.registers.write(this, this.#trace, at, size, value);
  }

  #readWindow(select: number): number {
    if (select === IOAPICID || select === IOAPICARB) return this.#s.id << ID_SHIFT;
    if (select === IOAPICVER) return VERSION | ((IOAPIC_PINS - 1) << 16);
    const pin = (select - IOREDTBL) >> 1;
    if (pin < 0 || pin >= IOAPIC_PINS) return 0;
    return (select & 1 ? this.#s.high[pin] : this.#s.low[pin]) ?? 0;
  }

  #writeWindow(select: number, value: number): void {
    if (select === IOAPICID) this.#s.id = (value >>> ID_SHIFT) & ID_MASK;
    const pin = (select - IOREDTBL) >> 1;
    if (pin < 0 || pin >= IOAPIC_PINS) return;
    if (select & 1) {
      this.#s.high[pin] = value;
    } else {
      const entry = (value & ~READ_ONLY) | ((this.#s.low[pin] ?? 0) & READ_ONLY);
      // An edge pin has no remote IRR: switching the mode forgets an EOI that never came.
      this.#s.low[pin] = entry & TRIGGER_LEVEL ? entry : entry & ~REMOTE_IRR;
    }
    this.#service();
  }

  #setPin(pin: number, level: boolean): void {
    const s = this.#s;
    const mask = 1 << pin;
    if (level === ((s.lines & mask) !== 0)) return;
    s.lines ^= mask;
    const gsi = pin === ISA_TIMER_PIN ? 0 : pin;
    if (level) this.statistics.raised(gsi);
    const entry = s.low[pin] ?? 0;
    if (this.#trace.on) this.#trace.event('ioapic_set_irq', gsi, level ? 1 : 0);
    if (entry & TRIGGER_LEVEL) {
      if (!level) {
        s.irr &= ~mask;
        return;
      }
      s.irr |= mask;
      if (!(entry & REMOTE_IRR)) this.#service();
    } else if (level && !(entry & MASKED)) {
      // Spec: 82093AA §3.2.4: an edge on a masked pin is lost.
      s.irr |= mask;
      this.#service();
    }
  }

  #service(): void {
    const s = this.#s;
    for (let pin = 0; pin < IOAPIC_PINS; pin++) {
      const mask = 1 << pin;
      if (!(s.irr & mask)) continue;
      const entry = s.low[pin] ?? 0;
      if (entry & MASKED) continue;
      if (!(entry & TRIGGER_LEVEL)) s.irr &= ~mask;
      else if (entry & REMOTE_IRR) continue;
      else s.low[pin] = entry | REMOTE_IRR;
      const delivery = (entry >>> DELIVERY_SHIFT) & DELIVERY_MASK;
      this.#bus.deliver({
        dest: (s.high[pin] ?? 0) >>> DEST_SHIFT,
        logical: (entry & DEST_LOGICAL) !== 0,
        delivery,
        vector: delivery === DELIVERY_EXTINT ? this.#acknowledgePic() : entry & VECTOR_MASK,
        level: (entry & TRIGGER_LEVEL) !== 0,
      });
    }
  }
}
