/** The NVM of an 82574L: what is in it, and the registers that read and write it word by word. Spec: 82574 datasheet chapter 6 and §10.2.2. */
import * as r from './e1000e-registers.ts';

export const NVM_WORDS = 64;
const CHECKSUM_WORD = NVM_WORDS - 1;
/** The sum of all words. */
const CHECKSUM = 0xbaba;
const DEVICE_ID_WORDS = [0x0b, 0x0d] as const;

/** QEMU: all words but the address, the device's number and the checksum. */
const TEMPLATE: readonly number[] = [
  ...[0x0000, 0x0000, 0x0000, 0x0420, 0xf746, 0x2010, 0xffff, 0xffff],
  ...[0x0000, 0x0000, 0x026b, 0x0000, 0x8086, 0x0000, 0x0000, 0x8058],
  ...[0x0000, 0x2001, 0x7e7c, 0xffff, 0x1000, 0x00c8, 0x0000, 0x2704],
  ...[0x6cc9, 0x3150, 0x070e, 0x460b, 0x2d84, 0x0100, 0xf000, 0x0706],
  ...[0x6000, 0x0080, 0x0f04, 0x7fff, 0x4f01, 0xc600, 0x0000, 0x20ff],
  ...[0x0028, 0x0003, 0x0000, 0x0000, 0x0000, 0x0003, 0x0000, 0xffff],
  ...[0x0100, 0xc000, 0x121c, 0xc007, 0xffff, 0xffff, 0xffff, 0xffff],
  ...[0xffff, 0xffff, 0xffff, 0xffff, 0x0000, 0x0120, 0xffff, 0x0000],
];

const WORD_DONE = 0x2;
const WORD_START = 0x1;
const ADDRESS_SHIFT = 2;
const ADDRESS_MASK = 0x3fff;
const DATA_SHIFT = 16;
/** Of EECD: there is an NVM, it was loaded, and how large it is. */
const EECD_FIXED = 0x7b00;

export function nvmOf(mac: Uint8Array, deviceId: number): Uint16Array {
  const words = Uint16Array.from(TEMPLATE);
  for (let n = 0; n < 3; n++) words[n] = mac[2 * n] | (mac[2 * n + 1] << 8);
  for (const at of DEVICE_ID_WORDS) words[at] = deviceId;
  const sum = words.subarray(0, CHECKSUM_WORD).reduce((all, word) => all + word, 0);
  words[CHECKSUM_WORD] = CHECKSUM - sum;
  return words;
}

export class E1000eNvm {
  readonly words: Uint16Array;
  readonly #mac: r.MacRegisters;

  constructor(words: Uint16Array, mac: r.MacRegisters) {
    this.words = words;
    this.#mac = mac;
  }

  /** Not modelled: the wires themselves; a driver of this card has no need of them, and QEMU has none. */
  writeEecd(value: number): void {
    this.#mac[r.EECD >> 2] = (this.#mac[r.EECD >> 2] & EECD_FIXED) | (value & ~EECD_FIXED);
  }

  writeEerd(value: number): void {
    this.#access(value, 0, (at) => this.words[at]);
  }

  /** QEMU: EERD tells that it was done, with what was written. */
  writeEewr(value: number): void {
    const data = value >>> DATA_SHIFT;
    this.#access(value, data, (at) => {
      this.words[at] = data;
      return data;
    });
  }

  /** @param otherwise the data that EERD tells of where nothing was done */
  #access(value: number, otherwise: number, word: (at: number) => number): void {
    const at = (value >>> ADDRESS_SHIFT) & ADDRESS_MASK;
    const isDone = at < NVM_WORDS && (value & WORD_START) !== 0;
    const data = isDone ? word(at) : otherwise;
    this.#mac[r.EERD >> 2] = (data << DATA_SHIFT) | (at << ADDRESS_SHIFT) | (isDone ? WORD_DONE : 0);
  }
}
