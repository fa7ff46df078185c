/** What of a vCPU's state a guest can see. The engine's own words depend on when code was compiled. */
import type { Engine } from '../../src/emu/cpu/engine.ts';
import {
  BLOCK_INDEX,
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  CPL,
  DELIVERING,
  EVENTS,
  EXIT_RECORD,
  HALTED,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  REGION_STALE,
  RIP_LO,
  SEG_ES,
  SHADOW,
  STATE_WORDS,
} from '../../src/emu/cpu/state.ts';

const REGISTER_WORDS = 32;
/** Where it found code, and how often it had to look. */
const OWN: ReadonlySet<number> = new Set([
  BLOCK_INDEX,
  CODE_GENERATION,
  CODE_GENERATION_GLOBAL,
  EXIT_RECORD,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  REGION_STALE,
]);

/** What an instruction or an interrupt does next depends on them. */
const STATUS: ReadonlySet<number> = new Set([RIP_LO, RIP_LO + 1, SHADOW, HALTED, CPL, DELIVERING, EVENTS]);

/** Registers, flags and control registers, one line for a word. */
export function visibleWords({ cpu }: Engine): string[] {
  const { S } = cpu;
  const isSeen = (word: number): boolean => word < REGISTER_WORDS || STATUS.has(word) || word >= SEG_ES;
  const words = Array.from({ length: STATE_WORDS }, (_, word) => word)
    .filter((word) => isSeen(word) && !OWN.has(word))
    .map((word) => `S[${word}] ${((S[word] ?? 0) >>> 0).toString(16)}`);
  return [...words, `flags ${cpu.readFlags().toString(16)}`];
}
