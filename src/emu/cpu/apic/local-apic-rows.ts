/** Registers of the local APIC of which there are several: where they are, and their rows in its table. */
import { type Register, register } from '../../bus/register-table.ts';

/** Bytes from one register to the next. */
export const REGISTER_STEP = 16;

/** In service, level triggered, requested: 256 bits each, by vector. */
export const ISR = 0x100;
export const TMR = 0x180;
export const IRR = 0x200;
const NUMBERS_OF_WORDS = [0, 1, 2, 3, 4, 5, 6, 7];

/** Local vector table. */
export const LVT = 0x320;
export const LVT_NAMES = ['TIMER', 'THERMAL', 'PERFORMANCE', 'LINT0', 'LINT1', 'ERROR'];

/** Where the register begins that has this byte. */
export function startOf(offset: number): number {
  return offset & 0xff0;
}

/** 256 bits in words of 32, which can be read. */
export function vectorRows<D>(
  base: number,
  name: string,
  help: string,
  words: (apic: D) => ArrayLike<number>,
): readonly Register<D>[] {
  return NUMBERS_OF_WORDS.map((n) =>
    register<D>(base + n * REGISTER_STEP, 4, `${name}${n}`, `which of 32 vectors are ${help}`, {
      read: (apic) => words(apic)[n] ?? 0,
    }),
  );
}
