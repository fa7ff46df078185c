/**
 * A serial EEPROM of 64 words that a card's own registers are wired to: a chip select, a clock, a line in and a line out.
 * Spec: Microchip 93C46, 16-bit organisation. QEMU: hw/nvram/eeprom93xx.c of 7.2.
 *
 * A command is a zero, a start bit, two bits of operation and six bits of address, most significant first, each taken with a rising clock.
 * QEMU: the zero must be there, and a word that was not erased before is written by AND.
 */
import { BOOLEAN, integer, record, typedArray, WORD } from '../core/state-fields.ts';

const WORDS = 64;
const ADDRESS_BITS = 6;
const WORD_BITS = 16;
const OPERATION_AT = 2;
const ADDRESS_AT = OPERATION_AT + 2;
const DATA_AT = ADDRESS_AT + ADDRESS_BITS;
const END = DATA_AT + WORD_BITS;

const OP_EXTENDED = 0;
const OP_WRITE = 1;
const OP_READ = 2;
const OP_ERASE = 3;
/** Two highest bits of the address, with an extended operation. */
const EXTENDED_DISABLE = 0;
const EXTENDED_WRITE_ALL = 1;
const EXTENDED_ERASE_ALL = 2;
const EXTENDED_ENABLE = 3;

export type EepromState = {
  readonly words: Uint16Array;
  readonly selected: boolean;
  readonly clock: boolean;
  readonly output: boolean;
  /** Bits of the command, and of its data, that came. */
  readonly bits: number;
  readonly operation: number;
  readonly address: number;
  readonly data: number;
  readonly writable: boolean;
};

export const EEPROM_STATE = record<EepromState>({
  words: typedArray(Uint16Array, WORDS),
  selected: BOOLEAN,
  clock: BOOLEAN,
  output: BOOLEAN,
  bits: integer(0, END),
  operation: integer(0, 3),
  address: integer(0, WORDS - 1),
  data: WORD,
  writable: BOOLEAN,
});

export class Eeprom93c46 {
  readonly words: Uint16Array;
  #s: { -readonly [K in keyof Omit<EepromState, 'words'>]: EepromState[K] } = {
    ...{ selected: false, clock: false, output: true, bits: 0, operation: 0, address: 0, data: 0 },
    writable: false,
  };

  /** @param words what is in it */
  constructor(words: Uint16Array) {
    this.words = words.slice(0, WORDS);
  }

  /** The line out. */
  get output(): boolean {
    return this.#s.output;
  }

  save(): EepromState {
    return { words: this.words.slice(), ...this.#s };
  }

  restore({ words, ...rest }: EepromState): void {
    this.words.set(words);
    this.#s = rest;
  }

  /** The lines as they are now. */
  drive(selected: boolean, clock: boolean, input: boolean): void {
    const s = this.#s;
    if (!s.selected && selected) Object.assign(s, { bits: 0, operation: 0, address: 0 });
    else if (s.selected && !selected) {
      if (s.writable) this.#carryOut();
      // Nothing drives the line.
      s.output = true;
    } else if (selected && clock && !s.clock) this.#clocked(input);
    s.selected = selected;
    s.clock = clock;
  }

  /** What was ordered is done when the select goes away. */
  #carryOut(): void {
    const { operation, address, data, bits } = this.#s;
    const extended = operation === OP_EXTENDED ? address >> (ADDRESS_BITS - 2) : undefined;
    if (extended === EXTENDED_ERASE_ALL) this.words.fill(0xffff);
    else if (operation === OP_ERASE) this.words[address] = 0xffff;
    else if (bits < END) return;
    else if (operation === OP_WRITE) this.words[address] &= data;
    else if (extended === EXTENDED_WRITE_ALL) for (const at of this.words.keys()) this.words[at] &= data;
  }

  #clocked(input: boolean): void {
    const s = this.#s;
    const bit = input ? 1 : 0;
    if (s.bits < OPERATION_AT) {
      if (s.bits === bit) s.bits++;
      return;
    }
    if (s.bits >= END) return;
    s.bits++;
    if (s.bits <= ADDRESS_AT) s.operation = ((s.operation << 1) | bit) & 3;
    else if (s.bits <= DATA_AT) {
      s.address = ((s.address << 1) | bit) & (WORDS - 1);
      if (s.bits === DATA_AT) this.#addressed();
    } else {
      if (s.operation === OP_READ) s.output = (s.data & 0x8000) !== 0;
      s.data = ((s.data << 1) | bit) & 0xffff;
    }
  }

  #addressed(): void {
    const s = this.#s;
    if (s.operation !== OP_EXTENDED) {
      s.data = this.words[s.address];
      // A zero goes before a word.
      s.output = false;
    } else if (s.address >> (ADDRESS_BITS - 2) === EXTENDED_ENABLE) s.writable = true;
    else if (s.address >> (ADDRESS_BITS - 2) === EXTENDED_DISABLE) s.writable = false;
  }
}
