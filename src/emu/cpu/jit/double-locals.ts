/**
 * Which XMM registers have their low double in a JavaScript variable while a region runs: those that the region uses in no other way.
 * A variable holds zeros and normal numbers. With all others it is a NaN, and the state has the bits: what is in a variable needs no
 * look as an operand, and hosts may change the bits of a NaN that they move.
 */
import { XMM, XMM_TEMP } from '../state.ts';

const FIRST = XMM >> 1;
/** A memory operand counts as a register. */
const LAST = XMM_TEMP >> 1;

export class DoubleLocals {
  /** Numbers of doubles in the state. */
  readonly #used = new Set<number>();
  readonly #mixed = new Set<number>();
  #chosen: readonly number[] = [];

  /** The word `index` of the state is used as something else. */
  mixed(index: number): void {
    this.#mixed.add(index >> 1);
  }

  /** The double with this number, as text that may be assigned to. High halves are not worth a variable. */
  text(number: number): string {
    const isLow = number >= FIRST && number <= LAST && (number & 1) === 0;
    if (isLow) this.#used.add(number);
    return isLow && this.#chosen.includes(number) ? `d${number}` : `SD[${number}]`;
  }

  /** After all of a region's text was written once: chooses. False: there are none. */
  choose(): boolean {
    this.#chosen = [...this.#used].filter((number) => !this.#mixed.has(number)).sort((a, b) => a - b);
    return this.#chosen.length > 0;
  }

  /** Declarations, with the values of the state. */
  get declarations(): readonly string[] {
    return this.#chosen.map((number) => `d${number}=+ordinary(SD[${number}])`);
  }

  /** The register whose first word this is has a variable. */
  has(index: number): boolean {
    return this.#chosen.includes(index >> 1);
  }

  /** Text that brings the state up to date; of all. */
  sync(): string {
    return this.#chosen.map((number) => `if(d${number}===d${number})SD[${number}]=d${number};`).join('');
  }

  /** Text that takes over what the state has. */
  refresh(): string {
    return this.#chosen.map((number) => `d${number}=+ordinary(SD[${number}]);`).join('');
  }
}
