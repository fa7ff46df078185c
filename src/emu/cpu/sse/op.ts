/** The shape of a row in the MMX/SSE table, and what all rows share. */
import type { Cpu } from '../cpu.ts';
import type { CpuFeature } from '../cpu-features.ts';
import { F_AUX, F_HI, F_LO, FAULT, FPU_EMPTY, FPU_SW } from '../state.ts';

/**
 * Operands, destination first. `m` after a register file: the operand is ModRM.rm and may be memory. `store_*`: the register is
 * ModRM.reg, the destination ModRM.rm. `shift_imm_*`: the destination is register ModRM.rm, the ModRM.reg is `SseOp.reg`.
 */
export type SseForm =
  | 'xmm_xmmm'
  | 'mm_mmm'
  | 'xmm_mmm'
  | 'mm_xmmm'
  | 'store_xmm'
  | 'store_mm'
  | 'gpr_xmmm'
  | 'gpr_mmm'
  | 'xmm_gprm'
  | 'mm_gprm'
  | 'gprm_xmm'
  | 'gprm_mm'
  | 'gprm_gpr'
  | 'shift_imm_xmm'
  | 'shift_imm_mm';

/**
 * Does the work of one instruction. `dst` and `src` are the indices in S of the operands' first words. Afterwards either S[FAULT] is set
 * and no register has changed, or all destinations are written (GPRs with both words).
 */
export type SseRun = (cpu: Cpu, dst: number, src: number, imm: number, wide: boolean) => void;

/** The opcode map: 0F, 0F 38 or 0F 3A. */
export type SseMap = 0x0f | 0x38 | 0x3a;

/** One instruction, for one mandatory prefix. */
export interface SseOp {
  readonly name: string;
  readonly map: SseMap;
  /** The last byte of the opcode. */
  readonly opcode: number;
  /** Without it the instruction is #UD. Absent: QEMU looks at CR4.OSFXSR alone, which needs SSE. */
  readonly feature?: CpuFeature;
  readonly prefix: 0 | 0x66 | 0xf2 | 0xf3;
  readonly form: SseForm;
  /** Size of the memory operand in bytes; 0 when there is none. */
  readonly memBytes: number;
  /** REX.W makes the memory operand 8 bytes. */
  readonly wideMem: boolean;
  /** A memory operand that is not 16-byte aligned is #GP. */
  readonly aligned: boolean;
  readonly imm8: boolean;
  /** ModRM.reg of a group's member. */
  readonly reg?: number;
  readonly regOnly: boolean;
  readonly memOnly: boolean;
  /** Reads or writes MMX registers: call `mmxEnter` before `run`. */
  readonly mmx: boolean;
  /** Reads or writes flags, general registers or XMM0, although its form does not say so. */
  readonly implicit: boolean;
  readonly run: SseRun;
}

/** What a row may say beyond its defaults. */
export type SseOptions = Partial<
  Pick<
    SseOp,
    | 'memBytes'
    | 'wideMem'
    | 'aligned'
    | 'imm8'
    | 'reg'
    | 'regOnly'
    | 'memOnly'
    | 'implicit'
    | 'map'
    | 'feature'
  >
> & {
  /** The first operand is not written. */
  readonly readsOnly?: boolean;
};

const WIDE_FORMS: readonly SseForm[] = ['xmm_gprm', 'mm_gprm', 'gprm_xmm', 'gprm_mm', 'gprm_gpr'];

/** Makes a row. Memory operands are 16 bytes and aligned for XMM, 8 bytes for MMX, 4 or 8 bytes for general registers. */
export function sse(
  name: string,
  prefix: SseOp['prefix'],
  opcode: number,
  form: SseForm,
  run: SseRun,
  options: SseOptions = {},
): SseOp {
  const mmx = /(^|_)mm/.test(form) && !(form === 'xmm_mmm' && options.memOnly);
  const wideForm = WIDE_FORMS.includes(form);
  const implied = form.startsWith('shift') ? 0 : wideForm ? 4 : /(^|_)mm/.test(form) ? 8 : 16;
  const memBytes = options.regOnly ? 0 : (options.memBytes ?? implied);
  return {
    name,
    map: options.map ?? 0x0f,
    opcode,
    ...(options.feature === undefined ? {} : { feature: options.feature }),
    prefix,
    form,
    memBytes,
    wideMem: options.wideMem ?? (wideForm && memBytes === 4),
    aligned: options.aligned ?? memBytes === 16,
    imm8: options.imm8 ?? form.startsWith('shift'),
    ...(options.reg === undefined ? {} : { reg: options.reg }),
    regOnly: options.regOnly ?? form.startsWith('shift'),
    memOnly: options.memOnly ?? false,
    mmx,
    implicit: options.implicit ?? false,
    run: WRITES_MMX.test(form) && !options.readsOnly ? markMmx(run) : run,
  };
}

const WRITES_MMX = /^(mm_|store_mm|shift_imm_mm)/;
const MMX_EXPONENT = 0xffff;

/** An MMX register that is written gets an exponent of all ones. */
function markMmx(run: SseRun): SseRun {
  return (cpu, dst, src, imm, wide) => {
    run(cpu, dst, src, imm, wide);
    if (cpu.S[FAULT] === 0) cpu.S[dst + 2] = MMX_EXPONENT;
  };
}

/** A lane operation on `n` words: 2 for MMX, 4 for XMM. */
export type Lanes = (cpu: Cpu, d: number, s: number, n: number) => void;

/** The MMX and the XMM instruction of one lane operation; `options` are of both, but for the size of a memory operand. */
export function both(name: string, opcode: number, lanes: Lanes, options: SseOptions = {}): SseOp[] {
  const { memBytes, ...shared } = options;
  return [
    sse(name, 0, opcode, 'mm_mmm', (cpu, d, s) => lanes(cpu, d, s, 2), options),
    sse(name, 0x66, opcode, 'xmm_xmmm', (cpu, d, s) => lanes(cpu, d, s, 4), shared),
  ];
}

/** What every MMX instruction but EMMS does to the x87 state: TOP = 0, all registers valid. */
export function mmxEnter(cpu: Cpu): void {
  cpu.S[FPU_SW] &= ~0x3800;
  cpu.S[FPU_EMPTY] = 0;
}

export const LESS = -1;
export const EQUAL = 0;
export const GREATER = 1;
export const UNORDERED = 2;

/** EFLAGS of COMISD, FCOMI and their kin: ZF, PF, CF from `relation`; OF, SF, AF clear. */
export function setCompareFlags(S: Int32Array, relation: number): void {
  S[F_LO] = relation === EQUAL || relation === UNORDERED ? 0 : 1;
  S[F_HI] = 0;
  S[F_AUX] = relation === EQUAL ? 0x100 : relation === GREATER ? 0 : 0xc0000000 | 0;
}
