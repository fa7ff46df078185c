/** Interrupt wires and messages: what devices raise and controllers receive. */

/** A level-triggered interrupt wire. Setting the level it already has is free. */
export interface IrqLine {
  set(level: boolean): void;
}

/** A wire that leads nowhere. */
export const UNCONNECTED: IrqLine = { set() {} };

/** Gives every level to each of `lines` (a GSI reaches the 8259 and the IO-APIC). */
export function fanOut(...lines: readonly IrqLine[]): IrqLine {
  return {
    set(level) {
      for (const line of lines) line.set(level);
    },
  };
}

/** Joins several drivers onto one wire, which is high while any of them is high. */
export class WiredOr {
  #high = 0;
  readonly #target: IrqLine;

  constructor(target: IrqLine) {
    this.#target = target;
  }

  /** A new driver of the wire, low at first. */
  input(): IrqLine {
    let own = false;
    return {
      set: (level) => {
        if (level === own) return;
        own = level;
        this.#high += level ? 1 : -1;
        this.#target.set(this.#high > 0);
      },
    };
  }
}

/** Told of a wire by its number in its group. */
export type WireListener = (index: number, level: boolean) => void;

/** The wires of a chip that belong together, on which somebody may listen without the chip noticing it. QEMU: a list of GPIOs. */
export class IrqWires {
  readonly #lines: readonly IrqLine[];
  #listener: WireListener | undefined;

  /** @param ends where each wire leads */
  constructor(ends: readonly IrqLine[]) {
    this.#lines = ends.map((end, index) => ({
      set: (level) => {
        end.set(level);
        this.#listener?.(index, level);
      },
    }));
  }

  get count(): number {
    return this.#lines.length;
  }

  /** The end of a wire at which it is driven. */
  line(index: number): IrqLine {
    return this.#lines[index] ?? UNCONNECTED;
  }

  /** Told each level that a wire is set to, also when it had it before, after the chip at its other end. */
  listen(listener: WireListener): void {
    this.#listener = listener;
  }
}

/** Spec: Intel SDM vol. 3 §11.6.1, delivery modes of the interrupt command register. */
export const DELIVERY_FIXED = 0;
export const DELIVERY_LOWEST = 1;
export const DELIVERY_SMI = 2;
export const DELIVERY_NMI = 4;
export const DELIVERY_INIT = 5;
export const DELIVERY_STARTUP = 6;
export const DELIVERY_EXTINT = 7;

/** One interrupt message on the APIC bus. */
export interface ApicMessage {
  readonly dest: number;
  /** true: `dest` is a logical destination, false: an APIC id. */
  readonly logical: boolean;
  readonly delivery: number;
  readonly vector: number;
  /** true: level triggered, so that the receiver's EOI is broadcast to the IO-APIC. */
  readonly level: boolean;
}

/** Where the IO-APIC and MSI senders put interrupt messages; the local APICs listen. */
export interface ApicBus {
  deliver(message: ApicMessage): void;
}

/** Where a PCI function's MSI write goes. `address` is 64-bit as a number, `data` 32-bit. */
export interface MsiSink {
  send(address: number, data: number): void;
}
