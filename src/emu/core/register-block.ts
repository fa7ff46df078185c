import type { AccessSize, IoHandler, Register } from './device.ts';
import type { Trace } from './trace.ts';

/** Reads of nothing float high, as on a real bus. */
export const OPEN_BUS: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffffffff };

/** Decodes accesses into a register map: the one place for size checks, guest errors and tracing. */
export class RegisterBlock<D> implements IoHandler {
  readonly name: string;
  readonly #byOffset = new Map<number, Register<D>>();
  readonly #device: D;
  readonly #trace: Trace;

  constructor(name: string, registers: readonly Register<D>[], device: D, trace: Trace) {
    this.name = name;
    this.#device = device;
    this.#trace = trace;
    for (const register of registers) {
      this.#byOffset.set(register.offset, register);
    }
  }

  read(offset: number, size: AccessSize): number {
    const register = this.#byOffset.get(offset);
    if (register?.read === undefined || register.size !== size) {
      this.#trace.guestError(`${this.name}: bad read, offset ${offset}, size ${size}`);
      return OPEN_BUS[size];
    }
    const value = register.read(this.#device) >>> 0;
    if (this.#trace.on) {
      this.#trace.event(`${this.name}_read`, register.name, value);
    }
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    const register = this.#byOffset.get(offset);
    if (register?.write === undefined || register.size !== size) {
      this.#trace.guestError(`${this.name}: bad write, offset ${offset}, size ${size}`);
      return;
    }
    if (this.#trace.on) {
      this.#trace.event(`${this.name}_write`, register.name, value);
    }
    register.write(this.#device, value >>> 0);
  }
}
