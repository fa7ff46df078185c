/** The EEPROM of the 8254x family: what is in it, and its wires in EECD. Spec: 8254x SDM chapter 5; Microchip 93C46. */
import { BOOLEAN, integer, mask, record } from '../core/state-fields.ts';
import * as r from './e1000-registers.ts';

export const EEPROM_WORDS = 64;
const CHECKSUM_WORD = EEPROM_WORDS - 1;
/** The sum of all words. */
const CHECKSUM = 0xbaba;
const DEVICE_ID_WORDS = [0x0b, 0x0d] as const;

/** A start bit, two bits of operation and six of an address. */
const COMMAND_BITS = 9;
const OPERATION_SHIFT = 6;
const OPERATION_MASK = 7;
const OPERATION_READ = 6;
const WORD_BITS = 16;
const WIRES = r.EECD_SK | r.EECD_CS | r.EECD_DI | r.EECD_FWE | r.EECD_REQ;

/** @param template all words but the address, the device's number and the checksum */
export function eepromOf(mac: Uint8Array, deviceId: number, template: readonly number[]): Uint16Array {
  const words = new Uint16Array(EEPROM_WORDS);
  words.set(template);
  for (let n = 0; n < 3; n++) words[n] = mac[2 * n] | (mac[2 * n + 1] << 8);
  for (const at of DEVICE_ID_WORDS) words[at] = deviceId;
  const sum = words.subarray(0, CHECKSUM_WORD).reduce((all, word) => all + word, 0);
  words[CHECKSUM_WORD] = CHECKSUM - sum;
  return words;
}

export type MicrowireState = {
  /** As the driver left them. */
  readonly wires: number;
  /** The bits of a command, the last one lowest, and how many of them there were. */
  readonly command: number;
  readonly bitsIn: number;
  /** Which bit of the contents is shown: 16 times the word, and the bits before it. */
  readonly bitsOut: number;
  readonly reading: boolean;
};

const BITS_OUT_MAX = EEPROM_WORDS * WORD_BITS - 1;
const BITS_IN_MAX = 0xffff;

export const MICROWIRE_STATE = record<MicrowireState>({
  wires: mask(WIRES),
  command: integer(0, (1 << COMMAND_BITS) - 1),
  bitsIn: integer(0, BITS_IN_MAX),
  bitsOut: integer(0, BITS_OUT_MAX),
  reading: BOOLEAN,
});

function atRest(): { -readonly [K in keyof MicrowireState]: MicrowireState[K] } {
  return { wires: 0, command: 0, bitsIn: 0, bitsOut: 0, reading: false };
}

/** QEMU: reading is the one command that it knows; words follow each other without another. */
export class Microwire {
  readonly #words: Uint16Array;
  readonly #s = atRest();

  constructor(words: Uint16Array) {
    this.#words = words;
  }

  /** EECD. The chip pulls its output up while it has nothing to say. */
  get eecd(): number {
    const { wires, reading, bitsOut } = this.#s;
    const word = this.#words[bitsOut >> 4];
    const bit = (word >> (WORD_BITS - 1 - (bitsOut & (WORD_BITS - 1)))) & 1;
    return r.EECD_PRES | r.EECD_GNT | wires | (!reading || bit === 1 ? r.EECD_DO : 0);
  }

  writeEecd(value: number): void {
    const s = this.#s;
    const changed = value ^ s.wires;
    s.wires = value & WIRES;
    if ((value & r.EECD_CS) === 0) return;
    if ((changed & r.EECD_CS) !== 0) Object.assign(s, { ...atRest(), wires: s.wires });
    if ((changed & r.EECD_SK) === 0) return;
    if ((value & r.EECD_SK) === 0) {
      s.bitsOut = (s.bitsOut + 1) & BITS_OUT_MAX;
      return;
    }
    s.command = ((s.command << 1) | ((value & r.EECD_DI) === 0 ? 0 : 1)) & ((1 << COMMAND_BITS) - 1);
    s.bitsIn = Math.min(s.bitsIn + 1, BITS_IN_MAX);
    if (s.bitsIn !== COMMAND_BITS || s.reading) return;
    // The falling edge that follows leads to the word's first bit.
    s.bitsOut = ((s.command & (EEPROM_WORDS - 1)) * WORD_BITS - 1) & BITS_OUT_MAX;
    s.reading = ((s.command >> OPERATION_SHIFT) & OPERATION_MASK) === OPERATION_READ;
  }

  reset(): void {
    Object.assign(this.#s, atRest());
  }

  save(): MicrowireState {
    return { ...this.#s };
  }

  restore(state: MicrowireState): void {
    Object.assign(this.#s, state);
  }
}

/** What EERD tells of the word that was asked for. */
export function readEerd(eerd: number, words: Uint16Array): number {
  const asked = (eerd & ~r.EERD_START) >>> 0;
  if ((eerd & r.EERD_START) === 0) return asked;
  const word = words[asked >>> r.EERD_ADDRESS_SHIFT] ?? 0;
  return ((word << r.EERD_DATA_SHIFT) | r.EERD_DONE | asked) >>> 0;
}
