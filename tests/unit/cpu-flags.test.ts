import { describe, expect, it } from 'vitest';
import { F_AUX, F_HI, F_LO, FLAGS_ARITH, STATE_WORDS } from '../../src/emu/cpu/state.ts';
import {
  arithmeticFlags,
  readFlags,
  setArithmeticFlags,
  writeFlags,
} from '../../src/emu/cpu/system/flags.ts';

describe('lazy flags', () => {
  it('survive a round trip in every combination', () => {
    const S = new Int32Array(STATE_WORDS);
    for (let combination = 0; combination < 64; combination++) {
      const bits = [0, 2, 4, 6, 7, 11];
      const value = bits.reduce((flags, bit, i) => flags | (((combination >> i) & 1) << bit), 0);
      setArithmeticFlags(S, value | ~FLAGS_ARITH);
      expect(arithmeticFlags(S)).toBe(value);
    }
  });

  it('are what the layout says for results of 8 to 64 bits', () => {
    const S = new Int32Array(STATE_WORDS);
    S[F_LO] = S[F_HI] = (0x80 << 24) >> 24;
    S[F_AUX] = (1 << 31) | (1 << 4);
    expect(arithmeticFlags(S)).toBe(0x891);
    S[F_LO] = 0;
    S[F_HI] = 1;
    S[F_AUX] = 0;
    expect(arithmeticFlags(S)).toBe(0x4);
    S[F_HI] = 0;
    expect(arithmeticFlags(S)).toBe(0x44);
    S[F_AUX] = 1 << 30;
    expect(arithmeticFlags(S)).toBe(0x844);
  });

  it('keep the other bits in EFLAGS, and bit 1 set', () => {
    const S = new Int32Array(STATE_WORDS);
    writeFlags(S, 0x200ad5);
    expect(readFlags(S)).toBe(0x200ad7);
  });
});
