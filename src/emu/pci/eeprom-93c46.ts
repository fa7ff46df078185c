/**
 * A serial EEPROM of 64 words that a card's own registers are wired to: a chip select, a clock, a line in and a line out.
 * Spec: Microchip 93C46, 16-bit organisation. QEMU: hw/nvram/eeprom93xx.c of 7.2, and what the RTL8139 has in its place.
 *
 * A command is a start bit, two bits of operation and six bits of address, most significant first, each taken with a rising clock.
 * QEMU: a word that was not erased before is written by AND.
 */
import { BOOLEAN, integer, record, typedArray, WORD } from '../core/state-fields.ts';

export const EEPROM_WORDS = 64;
const ADDRESS_BITS = 6;
const WORD_BITS = 16;
const START_AT = 1;
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
  words: typedArray(Uint16Array, EEPROM_WORDS),
  selected: BOOLEAN,
  clock: BOOLEAN,
  output: BOOLEAN,
  bits: integer(0, END),
  operation: integer(0, 3),
  address: integer(0, EEPROM_WORDS - 1),
  data: WORD,
  writable: BOOLEAN,
});

/** In what the chips of QEMU's cards differ. */
export interface EepromKind {
  /** A zero must come before the start bit. */
  readonly zeroFirst: boolean;
  /** Commands that write are done. */
  readonly writes: boolean;
  /** The line out is high while nothing drives it. */
  readonly floatsHigh: boolean;
  /** After a word that was read, another command is taken without a new selection. */
  readonly chains: boolean;
}

type Volatile = { -readonly [K in keyof Omit<EepromState, 'words'>]: EepromState[K] };

export class Eeprom93c46 {
  readonly words: Uint16Array;
  readonly #kind: EepromKind;
  #s: Volatile;

  /** @param words what is in it */
  constructor(words: Uint16Array, kind: EepromKind) {
    this.words = words.slice(0, EEPROM_WORDS);
    this.#kind = kind;
    this.#s = this.#atRest();
  }

  /** The line out. */
  get output(): boolean {
    return this.#s.selected || this.#kind.floatsHigh ? this.#s.output : false;
  }

  /** Nothing was ordered yet; what is in it stays. */
  reset(): void {
    this.#s = this.#atRest();
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
    // Where a zero goes first, an edge that comes with the selection counts for nothing.
    const isListening = s.selected || !this.#kind.zeroFirst;
    if (!s.selected && selected) this.#await();
    else if (s.selected && !selected) {
      if (s.writable) this.#carryOut();
      if (this.#kind.floatsHigh) s.output = true;
    }
    if (isListening && selected && clock && !s.clock) this.#clocked(input);
    s.selected = selected;
    s.clock = clock;
  }

  #atRest(): Volatile {
    return {
      ...{ selected: false, clock: false, output: this.#kind.floatsHigh, bits: 0, operation: 0 },
      ...{ address: 0, data: 0, writable: false },
    };
  }

  /** A command comes. */
  #await(): void {
    Object.assign(this.#s, { bits: this.#kind.zeroFirst ? 0 : START_AT, operation: 0, address: 0 });
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
      s.address = ((s.address << 1) | bit) & (EEPROM_WORDS - 1);
      if (s.bits === DATA_AT) this.#addressed();
    } else {
      if (s.operation === OP_READ) s.output = (s.data & 0x8000) !== 0;
      s.data = ((s.data << 1) | bit) & 0xffff;
      if (s.bits === END && s.operation === OP_READ && this.#kind.chains) this.#await();
    }
  }

  #addressed(): void {
    const s = this.#s;
    if (!this.#kind.writes && s.operation !== OP_READ) return;
    if (s.operation !== OP_EXTENDED) {
      s.data = this.words[s.address];
      // A zero goes before a word.
      s.output = false;
    } else if (s.address >> (ADDRESS_BITS - 2) === EXTENDED_ENABLE) s.writable = true;
    else if (s.address >> (ADDRESS_BITS - 2) === EXTENDED_DISABLE) s.writable = false;
  }
}
