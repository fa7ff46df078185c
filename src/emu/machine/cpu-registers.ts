/** A vCPU's registers as plain data, for `info registers` and the page. */
import * as state from '../cpu/state.ts';
import { readFlags } from '../cpu/system/flags.ts';

export interface SegmentRegister {
  readonly selector: number;
  readonly base: bigint;
  readonly limit: number;
  /** Bits 8–23 of the descriptor's high word. */
  readonly attributes: number;
}

export interface CpuRegisters {
  readonly index: number;
  /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8–R15. */
  readonly general: readonly bigint[];
  readonly rip: bigint;
  readonly flags: number;
  readonly cpl: number;
  readonly interruptShadow: boolean;
  readonly a20: boolean;
  readonly smm: boolean;
  readonly halted: boolean;
  readonly longMode: boolean;
  readonly code64: boolean;
  /** ES, CS, SS, DS, FS, GS, LDT, TR. */
  readonly segments: readonly SegmentRegister[];
  readonly gdt: { readonly base: bigint; readonly limit: number };
  readonly idt: { readonly base: bigint; readonly limit: number };
  readonly cr0: number;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: number;
  /** DR0–DR3, DR6, DR7. */
  readonly debug: readonly bigint[];
  readonly efer: number;
  readonly kernelGs: bigint;
  readonly fpuControl: number;
  readonly fpuStatus: number;
  /** Bit n: physical register n holds a value. */
  readonly fpuTags: number;
  readonly mxcsr: number;
  /** Physical registers. */
  readonly fpu: readonly { readonly mantissa: bigint; readonly exponent: number }[];
  readonly xmm: readonly { readonly high: bigint; readonly low: bigint }[];
}

/** Spec: SDM vol. 3 §3.4.5: D, the size of operands in the segment. */
const CODE_32 = 1 << 22;
const SEGMENT_CS = 1;

/** The size of the code that a processor runs. */
export function codeSizeOf({ code64, segments }: CpuRegisters): 16 | 32 | 64 {
  if (code64) return 64;
  return ((segments[SEGMENT_CS]?.attributes ?? 0) & CODE_32) === 0 ? 16 : 32;
}

const SEGMENTS = 8;
const ATTR_G = 1 << 23;
const SEGMENT_WORDS = 8;
const FPU_WORDS = 4;

/** Bits 16 to 19 of a descriptor's high word. QEMU: SYSCALL and SYSENTER, which read no descriptor, leave them 0. */
function limitBits(attributes: number, limit: number): number {
  return ((attributes & ATTR_G) !== 0 ? limit >>> 12 : limit) & 0x000f_0000;
}

/** Reads the registers; all lazy flags are worked out. */
export function readCpuRegisters(S: Int32Array, index: number): CpuRegisters {
  const pair = (at: number): bigint => (BigInt(S[at + 1] >>> 0) << 32n) | BigInt(S[at] >>> 0);
  const segment = (n: number): SegmentRegister => {
    const at = state.SEG_ES + SEGMENT_WORDS * n;
    const limit = S[at + state.SEG_LIMIT] >>> 0;
    return {
      selector: S[at + state.SEG_SELECTOR] & 0xffff,
      base: pair(at + state.SEG_BASE_LO),
      limit,
      attributes: (S[at + state.SEG_ATTR] & 0x00f0_ff00) | limitBits(S[at + state.SEG_ATTR], limit),
    };
  };
  const list = <T>(length: number, item: (n: number) => T): T[] => Array.from({ length }, (_, n) => item(n));
  return {
    index,
    general: list(16, (n) => pair(2 * n)),
    rip: pair(state.RIP_LO),
    flags: readFlags(S) >>> 0,
    cpl: S[state.CPL],
    interruptShadow: S[state.SHADOW] !== 0,
    a20: true,
    smm: false,
    halted: S[state.HALTED] !== 0,
    longMode: (S[state.EFER] & state.EFER_LMA) !== 0,
    code64: (S[state.MODE] & state.MODE_CODE64) !== 0,
    segments: list(SEGMENTS, segment),
    gdt: { base: pair(state.GDTR_LO), limit: S[state.GDTR_LIMIT] >>> 0 },
    idt: { base: pair(state.IDTR_LO), limit: S[state.IDTR_LIMIT] >>> 0 },
    cr0: S[state.CR0] >>> 0,
    cr2: pair(state.CR2_LO),
    cr3: pair(state.CR3_LO),
    cr4: S[state.CR4] >>> 0,
    debug: [0, 2, 4, 6].map((offset) => pair(state.DR0_LO + offset)).concat(pair(state.DR6), pair(state.DR7)),
    efer: S[state.EFER] >>> 0,
    kernelGs: pair(state.KERNEL_GS_LO),
    fpuControl: S[state.FPU_CW] & 0xffff,
    fpuStatus: S[state.FPU_SW] & 0xffff,
    fpuTags: ~S[state.FPU_EMPTY] & 0xff,
    mxcsr: S[state.MXCSR] >>> 0,
    fpu: list(8, (n) => {
      const at = state.FPU_REGS + FPU_WORDS * n;
      return { mantissa: pair(at), exponent: S[at + 2] & 0xffff };
    }),
    xmm: list(16, (n) => ({ high: pair(state.XMM + 4 * n + 2), low: pair(state.XMM + 4 * n) })),
  };
}
