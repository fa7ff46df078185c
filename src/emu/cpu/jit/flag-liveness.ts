/** Which records' flags can be observed: by a reader, by a fault, or after the block. */
import { RECORD } from '../decode/instruction.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import type { FlagEffect } from '../semantics/emitter.ts';
import { SEMANTICS } from '../semantics/table.ts';

/** Sets all flags, whatever its operands are. */
const SETTERS =
  /^(add|sub|cmp|and|or|xor|test|adc|sbb|xadd|cmpxchg)\d+_r[ri]$|^neg\d+$|^(mul|imul)\d+_|^(bsf|bsr|popcnt)\d+$/;
const SHIFTS = /^(shl|shr|sar|shld|shrd)\d+_imm$/;
/** Needs the flags as they were (or keeps some of them). */
const READERS =
  /^(adc|sbb|inc|dec|rol|ror|rcl|rcr|bt|bts|btr|btc|set\d|cmov|jcc|loop|lahf|sahf|clc|stc|cmc)|_cl$/;
/** May leave the region, which then sets flags that were put off. */
const LEAVERS = /^(load|store|ea_segment32|push|pop|leave|div|idiv|call|ret|jmp32_r|jmp64_r)/;
/** Runs code that looks at the state. */
const OBSERVERS = /^(helper|x87|sse|stale)/;

/** What the record at `record` does to the flags. */
export function flagEffect(cache: BlockCache, record: number): FlagEffect {
  const { name, flags } = SEMANTICS[cache.kindAt(record)];
  if (flags !== undefined) return flags;
  if (LEAVERS.test(name)) return 'leaves';
  if (OBSERVERS.test(name)) return 'observes';
  if (SHIFTS.test(name)) return cache.C[record + 3] === 0 ? 'none' : 'sets';
  if (/^(inc|dec)\d/.test(name)) return 'partly';
  if (READERS.test(name) && !/^(adc|sbb)/.test(name)) return 'reads';
  if (/^(adc|sbb)/.test(name)) return 'partly';
  return SETTERS.test(name) ? 'sets' : 'none';
}

export interface FlagNeeds {
  /** Records whose flags nobody can see. */
  readonly dead: ReadonlySet<number>;
  /** Records whose flags are seen only where the region is left. */
  readonly late: ReadonlySet<number>;
}

/** Who sees the flags: 0 nobody, 1 whoever comes after the region was left, 2 its own code. */
type Need = 0 | 1 | 2;

/** For each record of a block that sets flags: who sees them? `after`: who does after the block. */
export function flagNeeds(cache: BlockCache, record: number, end: number, after: Need): FlagNeeds {
  const dead = new Set<number>();
  const late = new Set<number>();
  let need = after;
  for (let at = end - RECORD; at >= record; at -= RECORD) {
    const effect = flagEffect(cache, at);
    if (effect === 'sets') {
      if (need === 0) dead.add(at);
      else if (need === 1) late.add(at);
      need = 0;
    } else if (effect === 'partly') {
      // Its own carry in is read in any case.
      if (need === 0) dead.add(at);
      need = 2;
    } else if (effect === 'leaves') need = need === 2 ? 2 : 1;
    else if (effect !== 'none') need = 2;
  }
  return { dead, late };
}

/** Can the flags that a block finds be observed before it sets them itself? */
export function flagsLiveIn(cache: BlockCache, record: number, end: number): boolean {
  for (let at = record; at < end; at += RECORD) {
    const effect = flagEffect(cache, at);
    if (effect === 'sets') return false;
    if (effect !== 'none') return true;
  }
  return true;
}
