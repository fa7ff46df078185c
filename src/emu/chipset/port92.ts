/** System control port A: fast A20 gate and CPU reset. Spec: IBM PS/2 Hardware Interface Technical Reference; QEMU: port92. */
import type { AddressSpace } from '../bus/address-space.ts';
import { byteWide } from '../bus/byte-wide.ts';
import { RegisterTable, register } from '../bus/register-table.ts';
import type { Device } from '../core/device.ts';
import type { IrqLine } from '../core/irq.ts';
import { BYTE, record } from '../core/state-fields.ts';
import type { Trace } from '../core/trace.ts';

const FAST_RESET = 0x01;
const A20 = 0x02;

export type Port92State = { readonly outport: number };

const PORT92_STATE = record<Port92State>({ outport: BYTE });

export class Port92 implements Device<Port92State> {
  static readonly registers = new RegisterTable<Port92>(
    {
      name: 'port92',
      title: 'System control port A',
      place: 'port 0x92',
      spec: 'IBM PS/2 Hardware Interface Technical Reference',
    },
    [
      register(0, 1, 'Port A', '0 resets the processor, 1 opens the A20 gate', {
        read: (port) => port.#read(),
        write: (port, value) => port.#write(value),
      }),
    ],
  );

  readonly vmstate = { name: 'port92', version: 1, fields: PORT92_STATE };
  readonly #a20: IrqLine;
  readonly #reset: () => void;
  readonly #trace: Trace;
  #outport = 0;

  /** @param reset asks for a reset of the machine */
  constructor(a20: IrqLine, reset: () => void, trace: Trace) {
    this.#a20 = a20;
    this.#reset = reset;
    this.#trace = trace;
  }

  attach(io: AddressSpace): void {
    io.map(0x92, 1, byteWide(this), { name: 'port92' });
  }

  /** QEMU: a reset clears the reset bit only. */
  reset(): void {
    this.#outport &= ~FAST_RESET;
  }

  save(): Port92State {
    return { outport: this.#outport };
  }

  restore({ outport }: Port92State): void {
    this.#outport = outport;
  }

  readByte(): number {
    return Port92.registers.read(this, this.#trace, 0, 1) ?? 0;
  }

  writeByte(_port: number, value: number): void {
    Port92.registers.write(this, this.#trace, 0, 1, value);
  }

  #read(): number {
    if (this.#trace.on) this.#trace.event('port92_read', this.#outport);
    return this.#outport;
  }

  #write(value: number): void {
    if (this.#trace.on) this.#trace.event('port92_write', value);
    const rising = value & ~this.#outport & FAST_RESET;
    this.#outport = value;
    this.#a20.set((value & A20) !== 0);
    if (rising) this.#reset();
  }
}
