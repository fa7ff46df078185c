/** Answers the semantics table with locals: registers, flags and temporaries of a region live in JavaScript variables. */
import { OFFSET_MASK } from '../interp/position.ts';
import type { Emitter, Width } from '../semantics/emitter.ts';
import { doubleReadHit, doubleWriteHit, readHit, tlbTest, writeHit } from '../semantics/memory-text.ts';
import { BUDGET, EA_HI, EA_LO, F_AUX, F_HI, F_LO, FAULT, PAGE_HI, PAGE_LO, TEMP0, ZERO } from '../state.ts';
import { DoubleLocals } from './double-locals.ts';

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
  /** First record of a block. */
  recordOf(block: number): number;
  /** Offset in the page of each block: where a return or an indirect jump may land. */
  readonly offsets: readonly number[];
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
    recordOf: () => 0,
    offsets: [],
    liveAt: () => true,
    last: 2,
  };
  readonly doubles = new DoubleLocals();
  /** State words that have a local. */
  readonly locals = new Set<number>();
  readonly #C: Int32Array;
  readonly #reserve: number;
  #record = 0;

  constructor(C: Int32Array, reserve: number) {
    this.#C = C;
    this.#reserve = reserve;
  }

  at(record: number): void {
    this.#record = record;
  }

  field(n: number): string {
    return String(this.#C[this.#record + n]);
  }

  offset(): string {
    return String(this.#C[this.#record + 7] & OFFSET_MASK);
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

  bits(n: number, k: number): string {
    return `S[${this.#C[this.#record + n] + k}]`;
  }

  sync(n: number): string {
    return this.doubles.sync(this.#C[this.#record + n]);
  }

  refresh(n: number): string {
    return this.doubles.refresh(this.#C[this.#record + n]);
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

  recordCall(name: string): string {
    return `${name}(${this.#record})`;
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

  goAddress(): string {
    const budget = `S[${BUDGET}]`;
    const landings = this.ways.offsets.map((offset, block) => `case ${offset}:$b=${block};continue X;`);
    const [pageLo, pageHi] = [this.word(PAGE_LO), this.word(PAGE_HI)];
    return (
      `${budget}=${budget}-$n-${this.field(6)}|0;$n=0;` +
      `if(${budget}>=${this.#reserve}&&vh===${pageHi}&&((q=v-${pageLo}|0)&-4096)===0)switch(q){${landings.join('')}}` +
      '$p=jump(v,vh);break X;'
    );
  }

  condition(code: number): string | undefined {
    return this.fused?.condition(code);
  }

  follow(slot: 1 | 2): string {
    const { current, target, next, last, liveAt, recordOf } = this.ways;
    const to = slot === 1 ? target : next;
    const offset = this.field(slot + 2);
    const flags = this.fused?.text ?? '';
    const count = this.field(6);
    const budget = `S[${BUDGET}]`;
    if (to < 0) {
      const way = `${budget}<0?pause(${offset}):branch(${offset},${this.#record + slot})`;
      return `${flags}${budget}=${budget}-$n-${count}|0;$n=0;$p=${way};break X;`;
    }
    const carried = liveAt(to) ? flags : '';
    if (to > current) {
      // Forwards: the count is looked at later.
      const through = slot === last && to === current + 1;
      return `${carried}$n=$n+${count}|0;${through ? '' : `$b=${to};continue X;`}`;
    }
    // The interpreter does the rest of a slice, block by block.
    const end = `${carried === '' ? flags : ''}$n=0;$p=${budget}<0?pause(${offset}):${recordOf(to)};break X;`;
    return `${carried}if((${budget}=${budget}-$n-${count}|0)<${this.#reserve}){${end}}$n=0;$b=${to};continue X;`;
  }
}

/** Brings the budget up to date: what the region has run since it last did. */
export const COUNT = `S[${BUDGET}]=S[${BUDGET}]-$n|0;$n=0;`;
