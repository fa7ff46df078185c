/** Which records' flags can be observed: by a reader, by a fault, or after the block. */
import { RECORD } from '../decode/instruction.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import { SEMANTICS } from '../semantics/table.ts';

/** Sets all flags, whatever its operands are. */
const SETTERS =
  /^(add|sub|cmp|and|or|xor|test|adc|sbb|xadd|cmpxchg)\d+_r[ri]$|^neg\d+$|^(mul|imul)\d+_|^(bsf|bsr|popcnt)\d+$/;
const SHIFTS = /^(shl|shr|sar|shld|shrd)\d+_imm$/;
/** Needs the flags as they were (or keeps some of them). */
const READERS =
  /^(adc|sbb|inc|dec|rol|ror|rcl|rcr|bt|bts|btr|btc|set\d|cmov|jcc|loop|lahf|sahf|clc|stc|cmc)|_cl$/;
/** May leave the block, or run code that looks at the state. */
const OBSERVERS = /^(load|store|push|pop|leave|div|idiv|call|ret|helper|x87|sse|jmp32_r|jmp64_r|stale)/;

export type FlagEffect = 'sets' | 'partly' | 'reads' | 'observes' | 'none';

/** What the record at `record` does to the flags; `partly`: sets some and keeps others. */
export function flagEffect(cache: BlockCache, record: number): FlagEffect {
  const { name } = SEMANTICS[cache.kindAt(record)];
  if (OBSERVERS.test(name)) return 'observes';
  if (SHIFTS.test(name)) return cache.C[record + 3] === 0 ? 'none' : 'sets';
  if (/^(inc|dec)\d/.test(name)) return 'partly';
  if (READERS.test(name) && !/^(adc|sbb)/.test(name)) return 'reads';
  if (/^(adc|sbb)/.test(name)) return 'partly';
  return SETTERS.test(name) ? 'sets' : 'none';
}

/** For each record of a block: may its flags be left out? `liveAfter`: they are looked at after the block. */
export function deadFlags(cache: BlockCache, record: number, end: number, liveAfter: boolean): Set<number> {
  const dead = new Set<number>();
  let live = liveAfter;
  for (let at = end - RECORD; at >= record; at -= RECORD) {
    const effect = flagEffect(cache, at);
    if (effect === 'sets') {
      if (!live) dead.add(at);
      live = false;
    } else if (effect === 'partly') {
      // Its own carry in is read in any case.
      if (!live) dead.add(at);
      live = true;
    } else if (effect !== 'none') live = true;
  }
  return dead;
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
