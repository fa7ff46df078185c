/** A serial EEPROM of 64 words that can only be read. Spec: Microchip 93C46. QEMU: what writes it is taken, and does nothing. */
import { BOOLEAN, integer, oneOf, record, WORD } from '../core/state-fields.ts';

export const EEPROM_WORDS = 64;
const COMMAND_BITS = 8;
const OPERATION_MASK = 0xc0;
const OPERATION_READ = 0x80;
const ADDRESS_MASK = EEPROM_WORDS - 1;
const WORD_BITS = 16;
const TOP_BIT = 0x8000;

/** `start`: it waits for a start bit. */
type Mode = 'idle' | 'start' | 'command' | 'read';

export type Eeprom93c46State = {
  readonly mode: Mode;
  readonly clocks: number;
  readonly input: number;
  readonly output: number;
  readonly select: boolean;
  readonly clock: boolean;
  readonly dataOut: boolean;
};

export const EEPROM_93C46_STATE = record<Eeprom93c46State>({
  mode: oneOf('idle', 'start', 'command', 'read'),
  clocks: integer(0, WORD_BITS),
  input: WORD,
  output: WORD,
  select: BOOLEAN,
  clock: BOOLEAN,
  dataOut: BOOLEAN,
});

function atRest(): { -readonly [K in keyof Eeprom93c46State]: Eeprom93c46State[K] } {
  return {
    ...{ mode: 'idle', clocks: 0, input: 0, output: 0 },
    ...{ select: false, clock: false, dataOut: false },
  };
}

export class Eeprom93c46 {
  readonly #words: Uint16Array;
  readonly #s = atRest();

  constructor(words: Uint16Array) {
    this.#words = words;
  }

  /** The level of its output. */
  get dataOut(): boolean {
    return this.#s.select && this.#s.dataOut;
  }

  setWires(select: boolean, clock: boolean, dataIn: boolean): void {
    const s = this.#s;
    const isSelected = select && !s.select;
    const rises = clock && !s.clock;
    s.select = select;
    s.clock = clock;
    if (isSelected) Object.assign(s, { mode: 'start', clocks: 0, input: 0, output: 0 });
    if (select && rises) this.#shift(dataIn);
  }

  save(): Eeprom93c46State {
    return { ...this.#s };
  }

  restore(state: Eeprom93c46State): void {
    Object.assign(this.#s, state);
  }

  reset(): void {
    Object.assign(this.#s, atRest());
  }

  #shift(bit: boolean): void {
    const s = this.#s;
    if (s.mode === 'start') {
      if (bit) Object.assign(s, { mode: 'command', clocks: 0, input: 0 });
      return;
    }
    if (s.mode === 'idle') return;
    s.clocks++;
    if (s.mode === 'command') {
      s.input = ((s.input << 1) | (bit ? 1 : 0)) & 0xff;
      if (s.clocks === COMMAND_BITS) this.#decode();
      return;
    }
    s.dataOut = (s.output & TOP_BIT) !== 0;
    s.output = (s.output << 1) & 0xffff;
    // QEMU: another command may follow without a new selection.
    if (s.clocks === WORD_BITS) Object.assign(s, { mode: 'start', input: 0, clocks: 0 });
  }

  #decode(): void {
    const s = this.#s;
    const isRead = (s.input & OPERATION_MASK) === OPERATION_READ;
    if (!isRead) {
      Object.assign(s, { mode: 'idle', clocks: 0 });
      return;
    }
    s.output = this.#words[s.input & ADDRESS_MASK];
    Object.assign(s, { mode: 'read', clocks: 0, dataOut: false });
  }
}
