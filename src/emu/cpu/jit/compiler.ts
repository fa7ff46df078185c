/** Turns a region into the text of one JavaScript function, from the same table as the interpreter. */
import { RECORD } from '../decode/instruction.ts';
import { helperNumber } from '../helpers/helpers.ts';
import type { BlockCache } from '../interp/block-cache.ts';
import { ENVIRONMENT } from '../interp/generate.ts';
import { SCRATCH, type Width } from '../semantics/emitter.ts';
import { flagsArith, flagsLogic } from '../semantics/flags.ts';
import { orderCondition, orderFlags } from '../semantics/order.ts';
import { SEMANTICS } from '../semantics/table.ts';
import { SSE_OPS } from '../sse/ops.ts';
import {
  BUDGET,
  EA_HI,
  EA_LO,
  MODE_CODE64,
  PAGE_HI,
  PAGE_LO,
  PRACTICE,
  PRACTICE_INNER_NOT_TAKEN,
  PRACTICE_INNER_TAKEN,
  PRACTICE_NOT_TAKEN,
  PRACTICE_TAKEN,
  REGION_STALE,
  TLB_BASE,
  ZERO,
} from '../state.ts';
import { flagEffect, flagNeeds, flagsLiveIn } from './flag-liveness.ts';
import { enterLandings } from './landings.ts';
import type { Region, RegionBlock } from './region.ts';
import {
  COUNT,
  type FusedFlags,
  isTransient,
  RELOAD,
  RegionEmitter,
  SPILL,
  sharedWays,
} from './region-emitter.ts';
import { Structure } from './structure.ts';

/** Largest text that V8 and Firefox still compile well. */
export const MAX_TEXT = 64_000;
const PAGE = 4096;
const RECORD_SHIFT = Math.log2(RECORD);

/** Conditions after CMP, SUB and logic, straight from the operands. */
function fuse(name: string, e: RegionEmitter): FusedFlags | undefined {
  if (/^sse_u?comis[sd]$|^x87_order$/.test(name)) {
    e.flagsLive = true;
    return { text: orderFlags(e), condition: (code) => orderCondition(e, code) };
  }
  const match = /^(cmp|sub|test|and|or|xor)(8|16|32|64)_r[ri]$/.exec(name);
  if (match === null) return undefined;
  const width = Number(match[2]) as Width;
  const logic = match[1] !== 'cmp' && match[1] !== 'sub';
  const top = width === 64 || width === 32 ? 0 : 32 - width;
  const extend = (word: string): string => (top === 0 ? word : `${word}<<${top}`);
  const [result, sign] = width === 64 ? ['(rl|rh)', 'rh'] : [extend('r'), extend('r')];
  const zero = `${result}===0`;
  const same = e.inner('ah===bh');
  const negative = `(${sign})<0`;
  const conditions: (string | undefined)[] = logic
    ? ['false', 'false', zero, zero, negative, undefined, negative, `(${e.inner(zero)}||${negative})`]
    : [
        undefined,
        width === 64 ? `(${same}?al>>>0<bl>>>0:ah>>>0<bh>>>0)` : `(${extend('a')})>>>0<(${extend('b')})>>>0`,
        width === 64 ? '(al^bl|ah^bh)===0' : zero,
        width === 64
          ? `(${same}?al>>>0<=bl>>>0:ah>>>0<bh>>>0)`
          : `(${extend('a')})>>>0<=(${extend('b')})>>>0`,
        negative,
        undefined,
        width === 64 ? `(${same}?al>>>0<bl>>>0:ah<bh)` : `(${extend('a')})<(${extend('b')})`,
        width === 64 ? `(${same}?al>>>0<=bl>>>0:ah<bh)` : `(${extend('a')})<=(${extend('b')})`,
      ];
  e.flagsLive = true;
  const text = logic ? flagsLogic(e, width) : flagsArith(e, width, 'sub');
  return {
    text,
    condition(code) {
      const base = conditions[code >> 1];
      if (base === undefined) return undefined;
      return (code & 1) === 0 ? base : `!(${base})`;
    },
  };
}

/** Condition codes that `fuse` cannot tell read the lazy flags: those must be there. */
function needsLazyFlags(fused: FusedFlags, name: string): boolean {
  const code = Number(/^jcc(\d+)$/.exec(name)?.[1] ?? -1);
  return code < 0 || fused.condition(code) === undefined;
}

class RegionText {
  readonly #cache: BlockCache;
  readonly #region: Region;
  readonly #number: number;
  readonly #D: Int32Array;
  readonly #structure: Structure;
  readonly #e: RegionEmitter;
  readonly #liveIn: readonly boolean[];
  /** Number of the block by the page's address and the offset in it. */
  readonly #byAddress: Map<number, number>;

  constructor(cache: BlockCache, D: Int32Array, region: Region, number: number) {
    this.#D = D;
    this.#cache = cache;
    this.#number = number;
    this.#region = region;
    this.#e = new RegionEmitter(cache.C);
    this.#liveIn = region.blocks.map(({ record, end }) => flagsLiveIn(cache, record, end));
    this.#byAddress = new Map(region.blocks.map(({ page, offset }, index) => [page + offset, index]));
    const back = region.blocks.flatMap(({ page, target, next }, from) =>
      [target, next].flatMap((way) => {
        const to = this.#blockAt(page, way);
        return to >= 0 && to <= from ? [[from, to] as const] : [];
      }),
    );
    this.#structure = new Structure(region.blocks.length, back);
  }

  /** Body of the function `($b) => record`: `$b` is the block to start at. */
  write(): string | undefined {
    const { doubles } = this.#e;
    let cases = this.#cases();
    if (doubles.choose()) cases = this.#cases();
    const { mode, reserve, blocks } = this.#region;
    const isOnePage = blocks.every(({ page }) => page === blocks[0].page);
    const keys = blocks.map(({ record, offset }) => (isOnePage ? offset : record >>> RECORD_SHIFT));
    const landing = enterLandings(this.#D, this.#number, keys);
    if (landing === undefined) return undefined;
    const { K, Y, Z, H, X } = sharedWays(
      (mode & MODE_CODE64) !== 0,
      reserve,
      this.#e.flagTexts,
      (key) => landing(isOnePage ? key : `(${key}>>>${RECORD_SHIFT})`),
      isOnePage,
    );
    for (const word of [PAGE_LO, PAGE_HI]) this.#e.word(word);
    const words = [...this.#e.locals].sort((x, y) => x - y);
    let text = this.#structure.text(cases);
    const isPage = (word: number): boolean => word === PAGE_LO || word === PAGE_HI;
    const shared = K + Y + H + X;
    // What is only read is in the state already.
    const changed = words.filter(
      (word) => !isPage(word) && new RegExp(`\\bs${word}=[^=]`).test(text + shared),
    );
    const spill = changed.map((word) => `S[${word}]=s${word};`).concat(doubles.sync());
    const reload = words
      .filter((word) => !isPage(word))
      .map((word) => `s${word}=S[${word}];`)
      .concat(doubles.refresh(), `$n=S[${BUDGET}];`);
    text = text.replaceAll(SPILL, COUNT + spill.join('')).replaceAll(RELOAD, reload.join(''));
    const scratch = SCRATCH.map((name) => `${name}=0`).join(',');
    const locals = words.map((word) => (isTransient(word) ? `s${word}=0` : `s${word}=S[${word}]`));
    const own = [
      '$p=0',
      `$n=S[${BUDGET}]`,
      '$bl=0,$bh=0,$rl=0,$rh=0',
      '$q=0',
      '$r=0',
      '$f=0',
      '$i=0',
      `$u=S[${TLB_BASE}]`,
      `$z=S[${PRACTICE}]`,
      `$w=($z&${PRACTICE_TAKEN})-($z&${PRACTICE_NOT_TAKEN})`,
      `$y=($z&${PRACTICE_INNER_TAKEN})-($z&${PRACTICE_INNER_NOT_TAKEN})`,
    ];
    return (
      // See practice.ts.
      'while($b<0)$b=$b+1|0;' +
      `let ${[...own, scratch, ...locals, ...doubles.declarations].join(',')};` +
      `X:for(;;){H:{Z:{Y:{K:{${text}}\n${K}}\n${Y}}\n${Z}}\n${H}}\n` +
      `${X}${spill.join('')}return $p<0?decline(-$p):$p;`
    );
  }

  #cases(): string[] {
    return this.#region.blocks.map((block, index) => this.#block(block, index));
  }

  /** The block at an offset from the start of a block's page; -1: it is not in the region. */
  #blockAt(page: number, offset: number): number {
    return offset >= 0 && offset < PAGE ? (this.#byAddress.get(page + offset) ?? -1) : -1;
  }

  #block({ record, end, page, target, next }: RegionBlock, index: number): string {
    const e = this.#e;
    const last = end - RECORD;
    const lastName = this.#nameAt(last);
    const fusedAt = last - RECORD;
    e.fused = undefined;
    e.at(fusedAt);
    const candidate = fusedAt >= record ? fuse(this.#nameAt(fusedAt), e) : undefined;
    const fused = candidate !== undefined && !needsLazyFlags(candidate, lastName) ? candidate : undefined;
    const after = fused !== undefined ? 0 : /^(call|ret|jmp(32|64)_r)/.test(lastName) ? 1 : 2;
    const { dead, late } = flagNeeds(this.#cache, record, fused === undefined ? end : fusedAt, after);
    e.settled();
    e.ways = {
      current: index,
      target: this.#blockAt(page, target),
      next: this.#blockAt(page, next),
      structure: this.#structure,
      reserve: this.#region.reserve,
      recordOf: (block) => this.#region.blocks[block].record,
      liveAt: (block) => this.#liveIn[block],
      last: lastName === 'jmp' || lastName.startsWith('call') ? 1 : 2,
    };
    let text = '';
    for (let at = record; at < end; at += RECORD) {
      e.at(at);
      e.flagsLive = at === fusedAt && fused !== undefined ? false : !dead.has(at);
      e.fused = at === last ? fused : undefined;
      e.isLate = late.has(at) && /^(add|sub|cmp)\d+_r[ri]$/.test(this.#nameAt(at));
      const isDeferred = e.isLate;
      text += `${this.#record(at)}\n`;
      const effect = flagEffect(this.#cache, at);
      if ((effect === 'sets' || effect === 'partly') && e.flagsLive && !isDeferred) {
        text += '$f=0;';
        e.settled();
      }
    }
    return text;
  }

  /** Only the address goes through the state. A store may write code: then, or when a device was reached, the interpreter goes on. */
  #sseMemory(at: number, name: 'sse_load' | 'sse_store'): string {
    const e = this.#e;
    const address = `S[${EA_LO}]=${e.word(EA_LO)};S[${EA_HI}]=${e.word(EA_HI)};`;
    const call = name === 'sse_load' ? 'sseLoad' : 'sseStore';
    e.doubles.mixed(this.#cache.C[at + 1]);
    return `${address}${COUNT}if(${call}(${at})!==0)${e.leave()}$n=S[${BUDGET}];if(${LEAVES}){$p=${at + RECORD};break X;}`;
  }

  /** Vector to vector touches no local; what reads or writes general registers or flags says so by its form, or is `implicit`. */
  #sse(at: number): string {
    const e = this.#e;
    const { C } = this.#cache;
    const op = SSE_OPS[C[at + 1]];
    const call = `if(sse(${at})!==0)${e.leave()}`;
    if (op.implicit) {
      return `${SPILL}if(sse(${at})!==0)return leave(${at});if(${LEAVES})return ${at + RECORD};${RELOAD}`;
    }
    const pair = (index: number, toState: boolean): string => {
      if (index >= ZERO) return '';
      const [lo, hi] = [e.word(index), e.word(index + 1)];
      return toState
        ? `S[${index}]=${lo};S[${index + 1}]=${hi};`
        : `${lo}=S[${index}];${hi}=S[${index + 1}];`;
    };
    const [dst, src] = [C[at + 2], C[at + 3]];
    e.doubles.mixed(dst);
    e.doubles.mixed(src);
    return `${pair(src, true)}${pair(dst, true)}${call}${pair(dst, false)}`;
  }

  #nameAt(at: number): string {
    return SEMANTICS[this.#cache.kindAt(at)].name;
  }

  #record(at: number): string {
    const semantic = SEMANTICS[this.#cache.kindAt(at)];
    const { name } = semantic;
    if (/^(jmp|jcc\d+|(loop|loope|loopne|jcxz)\d+)$/.test(name)) {
      return this.#e.counted() + semantic.emit(this.#e);
    }
    if (name === 'helper_end') return `${SPILL}return helperEnd(${at});`;
    if (name === 'sse_load' || name === 'sse_store') return this.#sseMemory(at, name);
    if (name === 'sse') return this.#sse(at);
    const call = CALLS[name];
    if (call !== undefined) {
      const bank = name === 'helper' && BANK_CHANGERS.has(this.#cache.C[at + 1]) ? `$u=S[${TLB_BASE}];` : '';
      return `${SPILL}if(${call}(${at})!==0)return leave(${at});if(${LEAVES})return ${at + RECORD};${RELOAD}${bank}`;
    }
    // It reads the flags in the state.
    if (name === 'lahf') return SPILL + semantic.emit(this.#e);
    return semantic.emit(this.#e);
  }
}

/** Code was written, or a device wants the block's end to be looked at: the interpreter goes on. */
const LEAVES = `S[${REGION_STALE}]!==0||S[${BUDGET}]<0`;

/** Helpers after which accesses look into another bank of the TLB. */
const BANK_CHANGERS = new Set(['clac', 'stac'].map(helperNumber));

const CALLS: Readonly<Record<string, string>> = {
  helper: 'helper',
  helper_repeat: 'helperRepeat',
  x87: 'x87op',
};

/** Names of the parameters of the text that `regionSource` gives. */
export const REGION_PARAMETERS: readonly string[] = [...ENVIRONMENT, 'J', 'D', 'over', 'hop', 'decline'];

/** The source of a function that runs region `number` from block `$b` and answers the next record; undefined: too large. `D`: see landings.ts. */
export function regionSource(
  cache: BlockCache,
  D: Int32Array,
  region: Region,
  number: number,
): string | undefined {
  const body = new RegionText(cache, D, region, number).write();
  if (body === undefined || body.length > MAX_TEXT) return undefined;
  return `"use strict";return function region($b){${body}}`;
}
