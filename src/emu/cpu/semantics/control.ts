/**
 * Transfers of control inside the code segment. Fields of a block's last record: 1 the link to the target's record
 * (0: not known yet), 2 the link to the next instruction's, 3 the target as an offset from the start of the page,
 * 4 the offset of the next instruction, 6 the number of instructions in the block. Indirect jumps and calls keep the address that
 * they last went to in 1 and 2.
 */
import { PAGE_HI, PAGE_LO, RCX } from '../state.ts';
import type { Emitter, Semantic } from './emitter.ts';
import { condition } from './flags.ts';
import { push, release, top } from './move.ts';

const conditional: readonly Semantic[] = Array.from({ length: 16 }, (_, code) => ({
  name: `jcc${code}`,
  transfers: true,
  emit: (e: Emitter) => `if(${e.either(condition(e, code))}){${e.follow(1)}}${e.follow(2)}`,
}));

/** LOOPNE, LOOPE, LOOP, JrCXZ (E0–E3) with a count register of `width` bits. */
const loops: readonly Semantic[] = ([16, 32, 64] as const).flatMap((width) => {
  const [lo, hi] = [RCX, RCX + 1];
  const decrement = (e: Emitter): string => {
    const [cl, ch] = [e.word(lo), e.word(hi)];
    if (width === 64) return `if(${cl}===0)${ch}=${ch}-1|0;${cl}=${cl}-1|0;`;
    if (width === 32) return `${cl}=${cl}-1|0;${ch}=0;`;
    return `${cl}=${cl}&-65536|${cl}-1&65535;`;
  };
  const nonzero = (e: Emitter): string =>
    width === 64
      ? `(${e.word(lo)}|${e.word(hi)})!==0`
      : width === 32
        ? `${e.word(lo)}!==0`
        : `(${e.word(lo)}&65535)!==0`;
  return [
    {
      name: `loopne${width}`,
      transfers: true,
      emit: (e: Emitter) =>
        `${decrement(e)}if(${e.either(`${nonzero(e)}&&${condition(e, 5)}`)}){${e.follow(1)}}${e.follow(2)}`,
    },
    {
      name: `loope${width}`,
      transfers: true,
      emit: (e: Emitter) =>
        `${decrement(e)}if(${e.either(`${nonzero(e)}&&${condition(e, 4)}`)}){${e.follow(1)}}${e.follow(2)}`,
    },
    {
      name: `loop${width}`,
      transfers: true,
      emit: (e: Emitter) => `${decrement(e)}if(${e.either(nonzero(e))}){${e.follow(1)}}${e.follow(2)}`,
    },
    {
      name: `jcxz${width}`,
      transfers: true,
      emit: (e: Emitter) => `if(${e.either(`!(${nonzero(e)})`)}){${e.follow(1)}}${e.follow(2)}`,
    },
  ];
});

/** v, vh = the address that field 4 gives as an offset in the page. */
function returnAddress(e: Emitter, width: 32 | 64): string {
  const low = `j=${e.field(4)};v=${e.word(PAGE_LO)}+j|0;`;
  return width === 64 ? `${low}vh=${e.word(PAGE_HI)}+(v>>>0<j>>>0|0)|0;` : `${low}vh=0;`;
}

const near: readonly Semantic[] = ([32, 64] as const).flatMap((width) => [
  {
    name: `call${width}_rel`,
    transfers: true,
    emit: (e: Emitter) => `${returnAddress(e, width)}${push(e, width)}${e.follow(1)}`,
  },
  {
    // The target is read before the push, so that CALL RSP works.
    name: `call${width}_r`,
    transfers: true,
    emit: (e: Emitter) =>
      `al=${e.lo(5)};ah=${width === 64 ? e.hi(5) : '0'};${returnAddress(e, width)}${push(e, width)}v=al;vh=ah;${e.goAddress(true)}`,
  },
  {
    name: `jmp${width}_r`,
    transfers: true,
    emit: (e: Emitter) => `v=${e.lo(5)};vh=${width === 64 ? e.hi(5) : '0'};${e.goAddress(true)}`,
  },
  {
    name: `ret${width}`,
    transfers: true,
    emit: (e: Emitter) =>
      `${top(e, width)}${width === 32 ? 'vh=0;' : ''}${release(e, width, e.field(3))}${e.goAddress()}`,
  },
]);

export const CONTROL_SEMANTICS: readonly Semantic[] = [
  // Index 0 of the record array holds this: the way out of the interpreter.
  { name: 'exit', transfers: true, emit: (e) => e.goto('0') },
  // A record of a block that was dropped because its page was written: look its address up again.
  { name: 'stale', transfers: true, emit: (e) => e.goto('stale(p)') },
  // The first record of a block that was compiled (block-cache.ts).
  { name: 'region', transfers: true, emit: (e) => e.goto('region(p)') },
  { name: 'jmp', transfers: true, emit: (e) => e.follow(1) },
  ...conditional,
  ...loops,
  ...near,
  // Calls HELPERS[field 1](cpu, …): field 2 size, 3 reg, 4 rm, 5 and 6 immediates.
  { name: 'helper', emit: (e) => `if(helper(p)!==0)${e.leave()}` },
  // A repeated string instruction: leaves to run again when it is not finished.
  { name: 'helper_repeat', emit: (e) => `if(helperRepeat(p)!==0)${e.leave()}` },
  // The same as the last record of a block; the count is the instruction's own number in the block.
  { name: 'helper_end', transfers: true, emit: (e) => e.goto('helperEnd(p)') },
];
