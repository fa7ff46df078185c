/** `/fmt` of `x`, `xp`, `print`, `i` and `o`: how many, which notation, of how many bytes. */
import { ArgumentError } from './argument-error.ts';
import { isSpace, shownByte } from './line-reader.ts';

export interface MemoryFormat {
  readonly count: number;
  /** x, d, u, o, c or i. */
  readonly notation: string;
  /** Bytes; -1 for instructions of which nobody said how wide they are. */
  readonly size: number;
}

const SIZES: Readonly<Record<string, number>> = { b: 1, h: 2, w: 4, g: 8, L: 8 };
const NO_SIZE = -1;

const OF_MACHINES = new WeakMap<object, FormatMemory>();

/** QEMU: what was not said is as it was the last time, in whichever monitor of the machine. */
export class FormatMemory {
  static of(machine: object): FormatMemory {
    const known = OF_MACHINES.get(machine) ?? new FormatMemory();
    OF_MACHINES.set(machine, known);
    return known;
  }

  #notation = 'x';
  #size = 4;

  /** Reads what stands behind the slash of `text`, which begins with one; its length, too. Throws `ArgumentError`. */
  read(text: string): { readonly format: MemoryFormat; readonly length: number } {
    const [whole = '', digits = '', letters = ''] = /^\/(\d*)([oduxicbhwgL]*)/.exec(text) ?? [];
    if (whole.length < text.length && !isSpace(text[whole.length]))
      throw new ArgumentError(`invalid char in format: '${shownByte(text, whole.length)}'`);
    const last = (among: RegExp): string | undefined => letters.match(among)?.at(-1);
    this.#notation = last(/[oduxic]/g) ?? this.#notation;
    const size = SIZES[last(/[bhwgL]/g) ?? ''];
    const count = digits === '' ? 1 : Number(BigInt.asIntN(32, BigInt(digits)));
    if (this.#notation === 'i') return { format: this.#format(count, size ?? NO_SIZE), length: whole.length };
    this.#size = size ?? this.#size;
    return { format: this.#format(count, this.#size), length: whole.length };
  }

  /** Nothing was said. */
  get usual(): MemoryFormat {
    return this.#format(1, this.#notation === 'i' ? NO_SIZE : this.#size);
  }

  #format(count: number, size: number): MemoryFormat {
    return { count, notation: this.#notation, size };
  }
}
