/** Writes the interpreter's source from the semantics table: a switch over the hottest kinds of records, functions for the rest. */

import { type Emitter, SCRATCH, type Semantic, type Width } from '../semantics/emitter.ts';
import { condition } from '../semantics/flags.ts';
import { doubleReadHit, doubleWriteHit, readHit, tlbTest, writeHit } from '../semantics/memory-text.ts';
import { opNumber, SEMANTICS } from '../semantics/table.ts';
import { BUDGET, FAULT, JUMP_BASE, JUMP_TAG, JUMP_TAG_GLOBAL, PAGE_HI, PAGE_LO } from '../state.ts';
import { followers, isHot } from './hot.ts';
import { jumpIndexText } from './jump-cache.ts';
import { OFFSET_MASK } from './position.ts';

class InterpreterEmitter implements Emitter {
  readonly flagsLive = true;
  readonly #inSwitch: boolean;

  constructor(inSwitch: boolean) {
    this.#inSwitch = inSwitch;
  }

  field(n: number): string {
    return `C[p+${n}]`;
  }
  offset(): string {
    return `(C[p+7]&${OFFSET_MASK})`;
  }
  constant(): undefined {
    return undefined;
  }
  lo(n: number): string {
    return `S[C[p+${n}]]`;
  }
  hi(n: number): string {
    return `S[C[p+${n}]+1]`;
  }
  get8(n: number): string {
    return `SU8[C[p+${n}]]`;
  }
  set8(n: number, value: string): string {
    return `SU8[C[p+${n}]]=${value};`;
  }
  get16(n: number): string {
    return `SU16[C[p+${n}]]`;
  }
  set16(n: number, value: string): string {
    return `SU16[C[p+${n}]]=${value};`;
  }
  word(index: number): string {
    return `S[${index}]`;
  }
  vector(n: number, k: number): string {
    return `S[C[p+${n}]+${k}]`;
  }
  double(n: number, k: number): string {
    return `SD[(C[p+${n}]>>1)+${k}]`;
  }
  known(): string {
    return 'NaN';
  }
  checked(): boolean {
    return false;
  }
  single(n: number, k: number): string {
    return `SF[C[p+${n}]+${k}]`;
  }
  element(n: number, index: string): string {
    return `S[C[p+${n}]+(${index})]`;
  }
  loadDoubles(count: 1 | 2): string {
    return doubleReadHit(count);
  }
  storeDoubles(count: 1 | 2): string {
    return doubleWriteHit(count);
  }
  spill(): string {
    return '';
  }
  reload(): string {
    return '';
  }
  recordCall(name: string, ...more: readonly string[]): string {
    return `${name}(${['p', ...more].join(',')})`;
  }
  load(width: Width): string {
    const high = width === 64 ? 'vh=S[47];' : '';
    return `${tlbTest(width, 0)}${readHit(width)}else{v=load${width}(lo,hi)|0;${high}if(S[${FAULT}]!==0)${this.leave()}}`;
  }
  loadForWrite(width: Width): string {
    const high = width === 64 ? 'vh=S[47];' : '';
    return `${tlbTest(width, 1)}${readHit(width)}else{v=loadw${width}(lo,hi)|0;${high}if(S[${FAULT}]!==0)${this.leave()}}`;
  }
  store(width: Width, value: string, valueHi = ''): string {
    const slow = width === 64 ? `store64(lo,hi,${value},${valueHi})` : `store${width}(lo,hi,${value})`;
    return `${tlbTest(width, 1)}${writeHit(width, value, valueHi)}else{${slow};if(S[${FAULT}]!==0)${this.leave()}}`;
  }
  leave(): string {
    return this.#inSwitch ? 'break L;' : 'return leave(p);';
  }
  raise(vector: number, error = false): string {
    const call = error ? `raise(${vector},0)` : `raise(${vector})`;
    return this.#inSwitch ? `{${call};break L;}` : `{${call};return leave(p);}`;
  }
  goAddress(note = false): string {
    const budget = this.word(BUDGET);
    const noted = note ? `${this.field(1)}=v;${this.field(2)}=vh;` : '';
    const [tag, page, pageHi] = [JUMP_TAG, PAGE_LO, PAGE_HI].map((index) => this.word(index));
    return (
      `${noted}if((${budget}=${budget}-${this.field(6)}|0)>=0){j=${jumpIndexText('v', this.word(JUMP_BASE))};q=J[j+2];` +
      `if(J[j]===v&&J[j+1]===vh&&(q===${tag}||q===${this.word(JUMP_TAG_GLOBAL)})){` +
      `${page}=J[j+4];${pageHi}=J[j+5];${this.goto('J[j+3]')}}}${this.goto('jump(v,vh)')}`
    );
  }
  condition(): undefined {
    return undefined;
  }
  deferFlags(): undefined {
    return undefined;
  }
  either(condition: string): string {
    return condition;
  }
  inner(condition: string): string {
    return condition;
  }
  mostly(condition: string): string {
    return condition;
  }
  follow(slot: 1 | 2): string {
    const [offset, budget] = [this.field(slot + 2), this.word(BUDGET)];
    return (
      `if((${budget}=${budget}-${this.field(6)}|0)<0)${this.goto(`pause(${offset})`)}` +
      `q=${this.field(slot)};if(q!==0)${this.goto('q')}${this.goto(`branch(${offset},p+${slot})`)}`
    );
  }
  goto(next: string): string {
    if (!this.#inSwitch) return `return ${next};`;
    return next === '0' ? 'return;' : `{p=${next}|0;continue;}`;
  }
}

/**
 * A kind that no record has, far from the others: then V8 makes a search tree of the switch instead of a table of jumps. Processors
 * foresee its many branches better than one jump to a hundred places: printf took 1.4 s instead of 1.8.
 */
const GAP = 65_535;

/** A region may leave a record to the interpreter that is marked as the start of a region itself. */
const REGION_TEXT = 'p=region(p)|0;if(p<0)p=H[C[-p-2]](-p)|0;';

function handler(semantic: Semantic, number: number): string {
  if (semantic.name === 'region') return `function h${number}(p){${REGION_TEXT}return p;}`;
  const body = semantic.emit(new InterpreterEmitter(false));
  const used = SCRATCH.filter((name) => new RegExp(`\\b${name}\\b`).test(body));
  const declared = used.length > 0 ? `let ${used.map((name) => `${name}=0`).join(',')};` : '';
  return `/* ${semantic.name} */function h${number}(p){${declared}${body}${semantic.transfers === true ? '' : 'return p+8;'}}`;
}

function switchCase(semantic: Semantic, number: number): string {
  if (semantic.name === 'region') return `case ${number}:${REGION_TEXT}continue;`;
  const body = semantic.emit(new InterpreterEmitter(true));
  const label = `case ${number}:/* ${semantic.name} */`;
  if (semantic.transfers === true) return label + body;
  return `${label}${body}p=p+8|0;${followers(semantic.name).map(follower).join('')}continue;`;
}

/** `name` where it comes behind another kind: C[p] says whether it does. */
function follower(name: string): string {
  const number = opNumber(name);
  const semantic = SEMANTICS[number];
  const e = new InterpreterEmitter(true);
  if (!name.startsWith('jcc')) return `if(C[p]===${number}){${semantic.emit(e)}p=p+8|0;continue;}`;
  // Both ways in one text, which is shorter.
  const budget = e.word(BUDGET);
  return (
    `if(C[p]===${number}){n=${condition(e, Number(name.slice(3)))}?1:2;j=C[p+n+2];` +
    `if((${budget}=${budget}-${e.field(6)}|0)<0)${e.goto('pause(j)')}` +
    `q=C[p+n];if(q!==0)${e.goto('q')}${e.goto('branch(j,p+n)')}}`
  );
}

/** What the generated module needs of the engine, besides J: arrays first, then functions. */
export const ENVIRONMENT = [
  ...['S', 'SU8', 'SU16', 'SF', 'SD', 'C', 'T', 'M8', 'M16', 'M32', 'MD', 'X'],
  ...[
    'load8',
    'load16',
    'load32',
    'load64',
    'loadw8',
    'loadw16',
    'loadw32',
    'loadw64',
    'loadNumber',
    'storeNumber',
    'storeNumbers',
    'copyBits',
    'load128',
  ],
  ...[
    'store8',
    'store16',
    'store32',
    'store64',
    'raise',
    'leave',
    'pause',
    'branch',
    'jump',
    'stale',
    'region',
  ],
  ...[
    'helper',
    'helperRepeat',
    'helperEnd',
    'x87op',
    'fpuCheck',
    'fpuPush',
    'fpuOperand',
    'fpuBeginStore',
    'fpuEndStore',
    'fpuControl',
    'fpuStack',
    'fpuCompare',
    'fpuOrder',
    'fpuDuplicate',
    'fpuExchange',
    'fpuCopy',
    'fpuFunction',
    'sse',
    'sseNumber',
    'sseOrder',
    'sseCheck',
    'sseLoad',
    'sseStore',
    'arithFlags',
  ],
  ...[
    'mulhu',
    'mulhs',
    'mul128u',
    'mul128s',
    'div64u',
    'div64s',
    'div128u',
    'div128s',
    'popcount',
    'crc32c',
    'pdep32',
    'pext32',
    'pdep64',
    'pext64',
    'ordinary',
    'exactAdd',
    'exactMul',
  ],
] as const;

/** What the text of the interpreter needs to have names. */
export const INTERPRETER_MEMBERS: readonly string[] = [...ENVIRONMENT, 'J'];

/** Body of a function that returns the interpreter. */
export function interpreterBody(): string {
  const handlers = SEMANTICS.map(handler);
  const cases = SEMANTICS.flatMap((semantic, number) =>
    isHot(semantic.name) ? [switchCase(semantic, number)] : [],
  );
  return [
    ...handlers,
    `const H=[${SEMANTICS.map((_, number) => `h${number}`).join(',')}];`,
    'function run(first){',
    `let ${SCRATCH.map((name) => `${name}=0`).join(',')};`,
    'let p=first|0;',
    'for(;;){L:for(;;){switch(C[p]){',
    ...cases,
    `case ${GAP}:return;default:p=H[C[p]](p)|0;}}`,
    'p=leave(p)|0;}}',
    'return run;',
  ].join('\n');
}

/** The same as a module, for pages that forbid making code (plain JavaScript, for a `.js` file with a `.d.ts` beside it). */
export function interpreterModule(): string {
  return [
    '// Written by scripts/generate.ts from src/emu/cpu/semantics. Do not edit.',
    'export function createInterpreter(env) {',
    `const {${INTERPRETER_MEMBERS.join(',')}} = env;`,
    interpreterBody(),
    '}',
    '',
  ].join('\n');
}
