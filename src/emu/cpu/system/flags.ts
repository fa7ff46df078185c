/** EFLAGS out of and into the lazy words of state.ts. */
import {
  EFLAGS,
  F_AUX,
  F_HI,
  F_LO,
  FLAG_1,
  FLAG_AF,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
  FLAGS_ARITH,
} from '../state.ts';

/** Bit n: byte n of 0–15 has even parity. */
const EVEN_PARITY_NIBBLES = 0x9669;
const AUX_OF_XOR_CF_BIT = 30;
const AUX_CF_BIT = 31;
const AUX_AF = 1 << 4;
const AUX_PF_SHIFT = 8;

/** The six arithmetic flags, in their EFLAGS places. */
export function arithmeticFlags(S: Int32Array): number {
  const aux = S[F_AUX];
  const low = S[F_LO] ^ (aux >>> AUX_PF_SHIFT);
  let flags = (aux >>> AUX_CF_BIT) | (aux & AUX_AF);
  flags |= ((EVEN_PARITY_NIBBLES >> ((low ^ (low >>> 4)) & 15)) & 1) << 2;
  if ((S[F_LO] | S[F_HI]) === 0) flags |= FLAG_ZF;
  if (S[F_HI] >>> 31 !== (aux & 1)) flags |= FLAG_SF;
  if (((aux ^ (aux << 1)) & (1 << AUX_CF_BIT)) !== 0) flags |= FLAG_OF;
  return flags;
}

/** EFLAGS with the lazy flags worked out. */
export function readFlags(S: Int32Array): number {
  return (S[EFLAGS] & ~FLAGS_ARITH) | FLAG_1 | arithmeticFlags(S);
}

/** Sets the six arithmetic flags from their EFLAGS places; other bits of `value` are ignored. */
export function setArithmeticFlags(S: Int32Array, value: number): void {
  const zf = (value & FLAG_ZF) !== 0 ? 1 : 0;
  const pf = (value & FLAG_PF) !== 0 ? 1 : 0;
  const cf = (value & FLAG_CF) !== 0 ? 1 : 0;
  const of = (value & FLAG_OF) !== 0 ? 1 : 0;
  const sf = (value & FLAG_SF) !== 0 ? 1 : 0;
  S[F_LO] = zf ^ 1;
  S[F_HI] = 0;
  S[F_AUX] =
    (cf << AUX_CF_BIT) |
    ((cf ^ of) << AUX_OF_XOR_CF_BIT) |
    (value & FLAG_AF) |
    sf |
    ((pf ^ zf) << AUX_PF_SHIFT);
}

/** Sets all of EFLAGS. */
export function writeFlags(S: Int32Array, value: number): void {
  S[EFLAGS] = (value & ~FLAGS_ARITH) | FLAG_1;
  setArithmeticFlags(S, value);
}
