/**
 * A device's registers as one table: it decodes accesses, names them in the trace, and docs/registers.md is made of it.
 *
 * A device keeps its own rules for sizes and alignment. It asks the table once it knows which register is meant: a register answers at its
 * first byte.
 */
import type { AccessSize } from '../core/device.ts';
import type { Trace } from '../core/trace.ts';

/** How a driver gets at a register of a device `D`. */
export interface RegisterAccess<D> {
  /** Absent: it cannot be read. */
  readonly read?: (device: D, size: AccessSize) => number;
  /** Absent: it cannot be written. */
  readonly write?: (device: D, value: number, size: AccessSize) => void;
  /** It is there only in this case; absent: always. */
  readonly when?: Condition<D>;
}

export interface Register<D> extends RegisterAccess<D> {
  /** In bytes, from the first of the block. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** As the datasheet writes it. */
  readonly name: string;
  /** What it holds or does, in one line. */
  readonly help: string;
}

/** One line of a table. */
export function register<D>(
  offset: number,
  sizeBytes: number,
  name: string,
  help: string,
  access: RegisterAccess<D>,
): Register<D> {
  return { offset, sizeBytes, name, help, ...access };
}

/** A state of the device in which a register is there, and how the documentation says it. */
export interface Condition<D> {
  readonly text: string;
  readonly holds: (device: D) => boolean;
}

/** What the documentation tells of a block of registers. */
export interface RegisterBlock {
  /** In the trace; QEMU's name of the memory region where it has one. */
  readonly name: string;
  readonly title: string;
  /** Where a driver finds it: ports, or a place in memory. */
  readonly place: string;
  /** The document that describes the registers. */
  readonly spec: string;
}

/** A table without its device, as the documentation reads it. */
export interface RegisterList {
  readonly block: RegisterBlock;
  readonly registers: readonly (Pick<Register<never>, 'offset' | 'sizeBytes' | 'name' | 'help'> & {
    readonly read?: unknown;
    readonly write?: unknown;
    readonly when?: { readonly text: string };
  })[];
}

type Readable<D> = Register<D> & Required<Pick<Register<D>, 'read'>>;
type Writable<D> = Register<D> & Required<Pick<Register<D>, 'write'>>;

function byOffset<D, R extends Register<D>>(registers: readonly R[]): readonly (readonly R[] | undefined)[] {
  const rows: R[][] = [];
  for (const register of registers) {
    const row = rows[register.offset];
    if (row === undefined) rows[register.offset] = [register];
    else row.push(register);
  }
  return rows;
}

function chosen<D, R extends Register<D>>(rows: readonly R[] | undefined, device: D): R | undefined {
  if (rows === undefined) return undefined;
  for (const row of rows) if (row.when === undefined || row.when.holds(device)) return row;
  return undefined;
}

export class RegisterTable<D> implements RegisterList {
  readonly block: RegisterBlock;
  readonly registers: readonly Register<D>[];
  readonly #readable: readonly (readonly Readable<D>[] | undefined)[];
  readonly #writable: readonly (readonly Writable<D>[] | undefined)[];

  /** @param registers of several at one offset the first counts whose condition holds */
  constructor(block: RegisterBlock, registers: readonly Register<D>[]) {
    this.block = block;
    this.registers = registers;
    this.#readable = byOffset<D, Readable<D>>(
      registers.filter((register): register is Readable<D> => register.read !== undefined),
    );
    this.#writable = byOffset<D, Writable<D>>(
      registers.filter((register): register is Writable<D> => register.write !== undefined),
    );
  }

  /** Whether a register begins there, be it one that can be read or written only. */
  has(offset: number): boolean {
    return this.#readable[offset] !== undefined || this.#writable[offset] !== undefined;
  }

  /** What `device` answers at `offset`; undefined: no register that can be read begins there. */
  read(device: D & object, trace: Trace, offset: number, size: AccessSize): number | undefined {
    const register = chosen(this.#readable[offset], device);
    if (register === undefined) return undefined;
    const value = register.read(device, size);
    if (trace.on) {
      trace.event('hotslot_register_read', this.block.name, device, register.name, offset, size, value);
    }
    return value;
  }

  /** False: no register that can be written begins at `offset`. */
  write(device: D & object, trace: Trace, offset: number, size: AccessSize, value: number): boolean {
    const register = chosen(this.#writable[offset], device);
    if (register === undefined) return false;
    if (trace.on) {
      trace.event('hotslot_register_write', this.block.name, device, register.name, offset, size, value);
    }
    register.write(device, value, size);
    return true;
  }
}
