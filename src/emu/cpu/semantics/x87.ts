/**
 * x87 instructions that 32- and 64-bit code uses much. Memory is accessed here, the work is done by fpu/operations.ts. Field 6 of each
 * record is the opcode as FPU_OPCODE has it; memory operands use the addressings of move.ts. All else is `x87` of misc.ts.
 */
import { FLOAT32, FLOAT64, INT16, INT32, INT64 } from '../fpu/memory.ts';
import {
  CR0,
  CR0_EM,
  CR0_TS,
  FPU_CS,
  FPU_CW,
  FPU_DP_HI,
  FPU_DP_LO,
  FPU_DS,
  FPU_IP_HI,
  FPU_IP_LO,
  FPU_OPCODE,
  FPU_SW,
  PAGE_HI,
  PAGE_LO,
  RAX,
  SEG_CS,
  SEG_DS,
  SEG_SELECTOR,
} from '../state.ts';
import type { Emitter, Semantic, Width } from './emitter.ts';
import { ADDRESSINGS, type Addressing, address } from './move.ts';
import { orderFlags } from './order.ts';

const SW_ES = 1 << 7;

/** #NM, and #MF of an earlier instruction. */
function check(e: Emitter): string {
  return `if((${e.word(CR0)}&${CR0_EM | CR0_TS}|${e.word(FPU_SW)}&${SW_ES})!==0&&fpuCheck()!==0)${e.leave()}`;
}

/** Control instructions are done with a pending exception too. */
function checkControl(e: Emitter): string {
  return `if((${e.word(CR0)}&${CR0_EM | CR0_TS})!==0&&fpuCheck()!==0)${e.leave()}`;
}

/** The instruction was completed: its opcode and address. */
function remember(e: Emitter): string {
  return (
    `${e.word(FPU_OPCODE)}=${e.field(6)};${e.word(FPU_IP_LO)}=${e.word(PAGE_LO)}+${e.offset()}|0;` +
    `${e.word(FPU_IP_HI)}=${e.word(PAGE_HI)};${e.word(FPU_CS)}=${e.word(SEG_CS + SEG_SELECTOR)};`
  );
}

/** Not modelled: the segment of the operand; the pointer is the linear address, with the selector of DS. */
function rememberOperand(e: Emitter): string {
  return (
    `${e.word(FPU_DP_LO)}=lo;${e.word(FPU_DP_HI)}=hi;` +
    `${e.word(FPU_DS)}=${e.word(SEG_DS + SEG_SELECTOR)};${remember(e)}`
  );
}

/** Suffix of a record kind, kind of fpu/memory.ts and width of each format. */
const FORMATS: readonly (readonly [suffix: string, kind: number, width: Width])[] = [
  ['m32', FLOAT32, 32],
  ['m64', FLOAT64, 64],
  ['i16', INT16, 16],
  ['i32', INT32, 32],
  ['i64', INT64, 64],
];

/** Loads lo:hi as `loadOperand` gives it into v, vh. */
function load(e: Emitter, kind: number, width: Width): string {
  const extended = kind === INT16 ? 'v=v<<16>>16;' : '';
  return `${e.load(width)}${extended}${width === 64 ? '' : 'vh=v>>31;'}`;
}

function memory(addressing: Addressing): readonly Semantic[] {
  const forms = FORMATS.flatMap(([suffix, kind, width]): Semantic[] => [
    {
      name: `x87_load_${suffix}_${addressing}`,
      emit: (e) =>
        `${check(e)}${address(e, addressing)}${load(e, kind, width)}fpuPush(${kind},v,vh);${rememberOperand(e)}`,
    },
    {
      // Field 1: bits 3–5 of the opcode.
      name: `x87_op_${suffix}_${addressing}`,
      emit: (e) =>
        `${check(e)}${address(e, addressing)}${load(e, kind, width)}` +
        `fpuOperand(${e.field(1)},${kind},v,vh);${rememberOperand(e)}`,
    },
    {
      // Field 1: bit 0 pops, bit 1 truncates.
      name: `x87_store_${suffix}_${addressing}`,
      emit: (e) =>
        `${check(e)}${address(e, addressing)}r=fpuBeginStore(${kind},${e.field(1)});` +
        `if(r!==0){v=X[0];${width === 64 ? 'vh=X[1];' : ''}${e.store(width, 'v', 'vh')}}` +
        `fpuEndStore(r,${e.field(1)});${rememberOperand(e)}`,
    },
  ]);
  return [
    ...forms,
    {
      name: `x87_load_cw_${addressing}`,
      emit: (e) => `${check(e)}${address(e, addressing)}${e.load(16)}fpuControl(v);`,
    },
    {
      name: `x87_store_cw_${addressing}`,
      emit: (e) => `${checkControl(e)}${address(e, addressing)}v=${e.word(FPU_CW)};${e.store(16, 'v')}`,
    },
  ];
}

function register(name: string, text: (e: Emitter) => string): Semantic {
  return { name, emit: (e) => `${check(e)}${text(e)}${remember(e)}` };
}

export const X87_SEMANTICS: readonly Semantic[] = [
  ...ADDRESSINGS.flatMap(memory),
  // Fields: 1 bits 3–5 of the opcode, 2 and 3 the registers, 4 pops.
  register('x87_stack', (e) => `fpuStack(${e.field(1)},${e.field(2)},${e.field(3)},${e.field(4)});`),
  // Fields: 1 the other register, 2 quiet, 3 how many pops.
  register('x87_compare', (e) => `fpuCompare(${e.field(1)},${e.field(2)},${e.field(3)});`),
  register(
    'x87_order',
    (e) => `r=fpuOrder(${e.field(1)},${e.field(2)},${e.field(3)});x=r===2?NaN:r;y=0;${orderFlags(e)}`,
  ),
  register('x87_duplicate', (e) => `fpuDuplicate(${e.field(1)});`),
  register('x87_exchange', (e) => `fpuExchange(${e.field(1)});`),
  // Field 2 pops.
  register('x87_copy', (e) => `fpuCopy(${e.field(1)},${e.field(2)});`),
  // D9 D0 to D9 FF: field 1 is ModRM.
  register('x87_function', (e) => `fpuFunction(${e.field(1)});`),
  {
    name: 'x87_status_ax',
    emit: (e) => `${checkControl(e)}${e.word(RAX)}=${e.word(RAX)}&-65536|${e.word(FPU_SW)}&65535;`,
  },
];
