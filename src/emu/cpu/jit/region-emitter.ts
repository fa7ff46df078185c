/** Answers the semantics table with locals: registers, flags and temporaries of a region live in JavaScript variables. */
import { BLOCK_MASK, STALE } from '../interp/block-cache.ts';
import { jumpIndexText } from '../interp/jump-cache.ts';
import { OFFSET_MASK } from '../interp/position.ts';
import type { Emitter, Width } from '../semantics/emitter.ts';
import { flagsArith } from '../semantics/flags.ts';
import { doubleReadHit, doubleWriteHit, readHit, tlbTest, writeHit } from '../semantics/memory-text.ts';
import {
  BUDGET,
  EA_HI,
  EA_LO,
  F_AUX,
  F_HI,
  F_LO,
  FAULT,
  JUMP_BASE,
  JUMP_TAG,
  JUMP_TAG_GLOBAL,
  PAGE_HI,
  PAGE_LO,
  PRACTICE_HI,
  PRACTICE_LO,
  TEMP0,
  ZERO,
} from '../state.ts';
import { DoubleLocals } from './double-locals.ts';
import { Structure } from './structure.ts';

const PAGE = 4096;
const TEMP_WORDS = 4;
/** Put where all locals are written to the state, or read again, once it is known which there are. */
export const SPILL = '/*spill*/';
export const RELOAD = '/*reload*/';

/** Flags of the record before a branch, worked out only where somebody may look at them. */
export interface FusedFlags {
  /** Text that sets the lazy flags from the scratch names that the record left. */
  readonly text: string;
  condition(code: number): string | undefined;
}

/** Where the two ways of a block lead: the number of a block of the region, or -1. */
export interface Ways {
  readonly current: number;
  readonly target: number;
  readonly next: number;
  readonly structure: Structure;
  /** See Region. */
  readonly reserve: number;
  /** First record of a block. */
  recordOf(block: number): number;
  /** Flags can be observed in the block that the way leads to. */
  liveAt(block: number): boolean;
  /** The way that may fall through into the next block of the text. */
  readonly last: 1 | 2;
}

export class RegionEmitter implements Emitter {
  flagsLive = true;
  fused: FusedFlags | undefined = undefined;
  ways: Ways = {
    current: 0,
    target: -1,
    next: -1,
    structure: new Structure(0, []),
    reserve: 0,
    recordOf: () => 0,
    liveAt: () => true,
    last: 2,
  };
  readonly doubles = new DoubleLocals();
  /** State words that have a local. */
  readonly locals = new Set<number>();
  /** Texts that set the flags on the way out, by number less 1. */
  readonly flagTexts: string[] = [];
  readonly #C: Int32Array;
  /** The flags of this record may be set when the region is left. */
  isLate = false;
  #record = 0;
  #isCounted = false;
  /** Number of the text that sets the flags of the block so far, 0 when they are set. */
  #late = 0;

  constructor(C: Int32Array) {
    this.#C = C;
  }

  at(record: number): void {
    this.#record = record;
    this.#isCounted = false;
  }

  field(n: number): string {
    return String(this.#C[this.#record + n]);
  }

  offset(): string {
    return String(this.#C[this.#record + 7] & OFFSET_MASK);
  }
  constant(n: number): number {
    return this.#C[this.#record + n];
  }

  lo(n: number): string {
    return this.word(this.#C[this.#record + n]);
  }

  hi(n: number): string {
    return this.word(this.#C[this.#record + n] + 1);
  }

  get8(n: number): string {
    const index = this.#C[this.#record + n];
    const word = this.word(index >> 2);
    return (index & 3) === 0 ? `(${word}&255)` : `(${word}>>>${8 * (index & 3)}&255)`;
  }

  set8(n: number, value: string): string {
    const index = this.#C[this.#record + n];
    const word = this.word(index >> 2);
    if ((index & 3) === 0) return `${word}=${word}&-256|(${value})&255;`;
    return `${word}=${word}&-65281|((${value})&255)<<8;`;
  }

  get16(n: number): string {
    return `(${this.word(this.#C[this.#record + n] >> 1)}&65535)`;
  }

  set16(n: number, value: string): string {
    const word = this.word(this.#C[this.#record + n] >> 1);
    return `${word}=${word}&-65536|(${value})&65535;`;
  }

  word(index: number): string {
    if (index === ZERO || index === ZERO + 1) return '0';
    const isLocal =
      index < ZERO ||
      index === F_LO ||
      index === F_HI ||
      index === F_AUX ||
      index === EA_LO ||
      index === EA_HI ||
      index === PAGE_LO ||
      index === PAGE_HI ||
      (index >= TEMP0 && index < TEMP0 + TEMP_WORDS);
    if (!isLocal) return `S[${index}]`;
    this.locals.add(index);
    return `s${index}`;
  }

  vector(n: number, k: number): string {
    const index = this.#C[this.#record + n] + k;
    this.doubles.mixed(index);
    return `S[${index}]`;
  }

  double(n: number, k: number): string {
    return this.doubles.text((this.#C[this.#record + n] >> 1) + k);
  }

  checked(n: number): boolean {
    return this.doubles.has(this.#C[this.#record + n]);
  }

  known(n: number): string {
    return this.checked(n) ? this.double(n, 0) : 'NaN';
  }

  single(n: number, k: number): string {
    const index = this.#C[this.#record + n] + k;
    this.doubles.mixed(index);
    return `SF[${index}]`;
  }

  element(n: number, index: string): string {
    this.doubles.mixed(this.#C[this.#record + n]);
    return `S[${this.#C[this.#record + n]}+(${index})]`;
  }

  loadDoubles(count: 1 | 2): string {
    return doubleReadHit(count, '$u');
  }

  storeDoubles(count: 1 | 2): string {
    return doubleWriteHit(count, '$u');
  }

  spill(): string {
    return SPILL;
  }

  reload(): string {
    return RELOAD;
  }

  recordCall(name: string, ...more: readonly string[]): string {
    return `${name}(${[this.#record, ...more].join(',')})`;
  }

  load(width: Width): string {
    return this.#access(width, 0, readHit(width), `v=load${width}(lo,hi)|0;`);
  }

  loadForWrite(width: Width): string {
    return this.#access(width, 1, readHit(width), `v=loadw${width}(lo,hi)|0;`);
  }

  #access(width: Width, tag: number, hit: string, slow: string): string {
    const high = width === 64 ? 'vh=S[47];' : '';
    return `${tlbTest(width, tag, '$u')}${hit}else{${slow}${high}if(S[${FAULT}]!==0)${this.leave()}}`;
  }

  store(width: Width, value: string, valueHi = ''): string {
    const slow = width === 64 ? `store64(lo,hi,${value},${valueHi})` : `store${width}(lo,hi,${value})`;
    return `${tlbTest(width, 1, '$u')}${writeHit(width, value, valueHi)}else{${slow};if(S[${FAULT}]!==0)${this.leave()}}`;
  }

  leave(): string {
    return `{$p=${-this.#record};break X;}`;
  }

  raise(vector: number, error = false): string {
    return `{raise(${vector}${error ? ',0' : ''});$p=${-this.#record};break X;}`;
  }

  goto(next: string): string {
    return `{${COUNT}$p=${next.replace(/\bp\b/g, String(this.#record))};break X;}`;
  }

  goAddress(note = false): string {
    return `${this.#count()}$f=${this.#late};$r=${note ? this.#record : 0};break H;`;
  }

  /** The block is done. A branch comes with this before its condition. */
  #count(): string {
    return `$n=$n-${this.field(6)}|0;`;
  }

  either(condition: string): string {
    return `($w===0?${condition}:$w>0)`;
  }

  inner(condition: string): string {
    return `($y===0?${condition}:$y>0)`;
  }

  mostly(condition: string): string {
    return `${condition}||$z!==0`;
  }

  /** What comes before the last record of a block when that only branches. */
  counted(): string {
    this.#isCounted = true;
    return this.#count();
  }

  condition(code: number): string | undefined {
    return this.fused?.condition(code);
  }

  follow(slot: 1 | 2): string {
    const { current, target, next, last, structure, reserve, liveAt, recordOf } = this.ways;
    const to = slot === 1 ? target : next;
    const offset = this.#C[this.#record + slot + 2];
    const counted = this.#isCounted ? '' : this.#count();
    const flags = this.fused?.text ?? this.flagTexts[this.#late - 1] ?? '';
    const pending = `${counted}$f=${flags === '' ? 0 : this.#numberOf(flags)};`;
    if (to < 0) {
      if (offset < 0 || offset >= PAGE) return `${pending}$q=${offset};break Z;`;
      return `${pending}$q=${offset};$r=${this.#record + slot};break Y;`;
    }
    const carried = liveAt(to) && flags !== '' ? `${flags}$f=0;` : '';
    if (to > current) {
      // Forwards: the count is looked at later.
      const through = slot === last && to === current + 1;
      return `${counted}${carried}${through ? '' : structure.forwards(current, to)}`;
    }
    const back = `if($n>=${reserve})${structure.backwards(to)}$q=${recordOf(to)};break K;`;
    return `${carried}${carried === '' ? pending : counted}${back}`;
  }

  /** The number of a text that sets flags on the way out. */
  #numberOf(text: string): number {
    const known = this.flagTexts.indexOf(text);
    return known >= 0 ? known + 1 : this.flagTexts.push(text);
  }

  deferFlags(width: Width, kind: 'add' | 'sub'): string | undefined {
    if (!this.isLate) return undefined;
    this.isLate = false;
    const [there, back] = kind === 'add' ? ['+', '-'] : ['-', '+'];
    const carry = kind === 'add' ? 'rl>>>0<bl>>>0' : 'al>>>0<rl>>>0';
    const operands =
      width === 64
        ? `bl=$bl;bh=$bh;rl=$rl;rh=$rh;al=rl${back}bl|0;ah=rh${back}bh${back}(${carry}|0)|0;`
        : `b=$bl;r=$rl;a=r${back}b|0;`;
    this.#late = this.#numberOf(operands + flagsArith(this, width, there === '+' ? 'add' : 'sub'));
    return `$f=${this.#late};${width === 64 ? '$bl=bl;$bh=bh;$rl=rl;$rh=rh;' : '$bl=b;$rl=r;'}`;
  }

  /** A block begins, or the flags were set: none are to be set later. */
  settled(): void {
    this.isLate = false;
    this.#late = 0;
  }
}

/** Words of the state that hold what is not needed from one instruction to the next. */
export function isTransient(word: number): boolean {
  return word === EA_LO || word === EA_HI || word >= TEMP0;
}

/**
 * The ways that many blocks share. They stand apart so that the way itself has constants only: an engine that has not
 * seen it yet then has nothing to guess there.
 *
 * K: the budget does not cover a way from record $q: the interpreter does the rest of the slice.
 * Y: to the offset $q in the page, where the region has no block; $r is the word for the link.
 * Z: to the offset $q from the page's start, in another page. H: to address v, vh, as the interpreter's `jump` takes it;
 * $r is the record that keeps the address, or 0. X: the end. $f: the flags that are still to be set, 0 for none. `landing`: the block at an
 * offset in the page, when the region lies in one page, else at a record that the jump cache has for the address.
 */
export function sharedWays(
  code64: boolean,
  reserve: number,
  flagTexts: readonly string[],
  landing: (key: string) => string,
  isOnePage: boolean,
): { readonly K: string; readonly Y: string; readonly Z: string; readonly H: string; readonly X: string } {
  const [pageLo, pageHi] = [`s${PAGE_LO}`, `s${PAGE_HI}`];
  const found = `J[j]===v&&J[j+1]===vh&&(J[j+2]===S[${JUMP_TAG}]||J[j+2]===S[${JUMP_TAG_GLOBAL}])`;
  const settings = flagTexts.map((text, index) => `case ${index + 1}:${text}break;`);
  const all = settings.length;
  // Practice sees all of them.
  const flags = all === 0 ? '' : `if($z)$f=${all};while($f){switch($f){${settings.join('')}}$f=$z?$f-1|0:0;}`;
  return {
    K: `${COUNT}$p=over($q);break X;`,
    Y: `${COUNT}$p=$n<0?pause($q):branch($q,$r);break X;`,
    Z: `v=${pageLo}+$q|0;vh=${code64 ? `${pageHi}+($q>>31)+(v>>>0<$q>>>0|0)|0` : '0'};$r=0;`,
    H:
      // In practice it is an address that the jump cache has.
      `if($z!==0){v=${PRACTICE_LO};vh=${PRACTICE_HI};}` +
      (isOnePage
        ? `if($n>=${reserve}&&vh===${pageHi}&&(($q=v-${pageLo}|0)&-4096)===0){$b=${landing('$q')};` +
          // In practice it is found, and not.
          `if(($b&${~BLOCK_MASK})===0||$w>0){if($w>0)$b=0;${flags}continue X;}}`
        : `if($n>=${reserve}){j=${jumpIndexText('v', `S[${JUMP_BASE}]`)};if(${found}){` +
          `$p=J[j+3];if(C[$p]!==${STALE}){$b=${landing('$p')};` +
          `if(($b&${~BLOCK_MASK})===0){S[${PAGE_LO}]=${pageLo}=J[j+4];S[${PAGE_HI}]=${pageHi}=J[j+5];${flags}continue X;}}}}`) +
      `${COUNT}$p=hop($r,v,vh);break X;`,
    X: `${flags}${COUNT}`,
  };
}

/** Brings the budget in the state up to date. */
export const COUNT = `S[${BUDGET}]=$n;`;
