/**
 * A vCPU's state: one ArrayBuffer, seen as Int32Array `S` (indices below), bytes, floats and doubles.
 *
 * | index | holds |
 * |---|---|
 * | 0–31 | RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8–R15: low word at 2n, high word at 2n+1 |
 * | 32–33 | ZERO: always 0, the "register" of an address without base or index |
 * | 34–63 | program counter, lazy flags, effective address, fault word, budget |
 * | 64–127 | segment registers ES CS SS DS FS GS LDTR TR, 8 words each |
 * | 128–191 | control registers, descriptor tables, MSRs |
 * | 192–255 | x87 control words, MXCSR, then x87/MMX registers, 4 words each |
 * | 256–319 | XMM0–15, 4 words each |
 * | 320–335 | operand temporaries of SSE, MMX and x87 instructions |
 * | 384–575 | MSRs that only store (MTRRs, machine check banks), 2 words each, see system/msr.ts |
 *
 * 64-bit quantities are a low and a high word (`X_LO`, `X_HI` = `X_LO + 1`).
 */
export const STATE_WORDS = 576;

export const RAX = 0;
export const RCX = 2;
export const RDX = 4;
export const RBX = 6;
export const RSP = 8;
export const RBP = 10;
export const RSI = 12;
export const RDI = 14;
export const ZERO = 32;

/** Address of the instruction being executed (IP/EIP/RIP, without CS base). Exact outside of a block and at every fault. */
export const RIP_LO = 34;
export const RIP_HI = 35;
/** Address of the next instruction; a control transfer of system code writes it. */
export const NEXT_LO = 36;
export const NEXT_HI = 37;
/** Linear address of the memory operand (segment base added). */
export const EA_LO = 38;
export const EA_HI = 39;
/**
 * Lazy arithmetic flags: the last result and what cannot be told from it.
 * ZF = (F_LO | F_HI) is 0. SF = bit 31 of F_HI, flipped by F_AUX bit 0. PF = even parity of the low byte of F_LO ^ (F_AUX >>> 8).
 * Results narrower than 64 bits are stored sign-extended to 32 bits in both F_LO and F_HI.
 */
export const F_LO = 40;
export const F_HI = 41;
/** CF = bit 31, OF = bit 31 ^ bit 30, AF = bit 4, SF flip = bit 0, PF flip = bits 8–15. */
export const F_AUX = 42;
/** EFLAGS without CF, PF, AF, ZF, SF, OF (which are lazy) and with bit 1 always set. */
export const EFLAGS = 43;
/** Instructions left in this slice; negative: leave at the next block end. */
export const BUDGET = 44;
/** 0: none. Else vector | FAULT_PRESENT (| FAULT_HAS_ERROR). Set by `raise`; the instruction then has no effect. */
export const FAULT = 45;
export const FAULT_ERROR = 46;
/** Second result of 64-bit loads: the high word. */
export const LD_HI = 47;
/** First word of the bank of this vCPU's TLB that accesses look into now: that of TLB_SYSTEM, or TLB_USER or TLB_ACCESS behind it. */
export const TLB_BASE = 48;
/** What the decoder must know: MODE_* bits. Kept by `updateMode`. */
export const MODE = 49;
/** Changes when cached translations of linear code addresses may be stale. */
export const CODE_GENERATION = 50;
/** The same for code in global pages, which survive a change of CR3. */
export const CODE_GENERATION_GLOBAL = 344;
/** Nonzero after STI or MOV SS/POP SS: interrupts wait for one more instruction. */
export const SHADOW = 51;
/** HALTED_HLT: HLT was executed, an interrupt ends it. HALTED_WAIT_SIPI: INIT came, only a startup IPI ends it. */
export const HALTED = 52;
export const HALTED_HLT = 1;
export const HALTED_WAIT_SIPI = 2;
/** Nonzero: an interrupt, NMI, INIT or SIPI may be pending; the run loop must look. */
export const ATTENTION = 53;
export const CPL = 54;
/** Address (IP/EIP/RIP) of the first byte of the page that the running block was decoded from. */
export const PAGE_LO = 55;
export const PAGE_HI = 56;
/** Budget taken away by `requestExit`, so that the count of retired instructions stays right. */
export const BUDGET_HELD = 57;
/** Exception word of the fault being delivered, for double faults: 0 or as FAULT. */
export const DELIVERING = 58;
/** Signals that wait for an instruction boundary: EVENT_* bits. */
export const EVENTS = 59;
export const EVENT_NMI = 1;
export const EVENT_INIT = 2;
/** A startup IPI with its vector in bits 8–15. */
export const EVENT_SIPI = 4;
/** An NMI handler runs: the next NMI waits for IRET. */
export const EVENT_NMI_BLOCKED = 8;
/** A machine check, which nothing blocks. */
export const EVENT_MCE = 16;
export const EVENT_SIPI_VECTOR_SHIFT = 8;

export const FAULT_PRESENT = 0x100;
export const FAULT_HAS_ERROR = 0x200;
/** No exception: compiled code met an access to a device or a write to code, which the interpreter must do. */
export const FAULT_ABORT = 0x800;
/** No exception: a debugger watches what the instruction accesses, which is run again for it (debugger.ts). */
export const FAULT_DEBUG = 0x1000;
/** The machine must reset: a fault while delivering a double fault. */
export const FAULT_TRIPLE = 0x400;

/** Mode bits that change how bytes decode. */
export const MODE_CODE64 = 1;
/** Default operand and address size 32 (CS.D), outside 64-bit code. */
export const MODE_CODE32 = 2;
/** ES, CS, SS and DS have base 0 and limit 4 GiB and are usable for reading and writing as a flat model is. */
export const MODE_FLAT = 4;
/** SS.B: stack pointer is ESP; in 64-bit code RSP whatever this says. */
export const MODE_STACK32 = 8;
export const MODE_USER = 16;
/** CR0.PE is clear or EFLAGS.VM is set. */
export const MODE_REAL = 32;
/** EFLAGS.TF or a debug register is active: one instruction per block, trap after it. */
export const MODE_TRAP = 64;
/** EFER.LMA. */
export const MODE_LONG = 128;
/** SSE instructions may be executed: CR0.EM and CR0.TS are clear, CR4.OSFXSR is set. 256 is the block cache's own. */
export const MODE_SSE = 512;

/** Segment registers: word offset of each, and of the fields in it. */
export const SEG_ES = 64;
export const SEG_CS = 72;
export const SEG_SS = 80;
export const SEG_DS = 88;
export const SEG_FS = 96;
export const SEG_GS = 104;
export const SEG_LDTR = 112;
export const SEG_TR = 120;
export const SEG_SELECTOR = 0;
/** Bits 8–23 of the descriptor's high word as the descriptor has them (type, S, DPL, P, AVL, L, D/B, G). 0 = null. */
export const SEG_ATTR = 1;
/** Last valid offset, granularity applied. */
export const SEG_LIMIT = 2;
export const SEG_BASE_LO = 3;
export const SEG_BASE_HI = 4;

export const ATTR_ACCESSED = 1 << 8;
export const ATTR_WRITABLE = 1 << 9;
export const ATTR_READABLE = 1 << 9;
export const ATTR_EXPAND_DOWN = 1 << 10;
export const ATTR_CONFORMING = 1 << 10;
export const ATTR_CODE = 1 << 11;
export const ATTR_S = 1 << 12;
export const ATTR_DPL_SHIFT = 13;
export const ATTR_P = 1 << 15;
export const ATTR_L = 1 << 21;
export const ATTR_DB = 1 << 22;
export const ATTR_G = 1 << 23;

export const CR0 = 128;
export const CR2_LO = 129;
export const CR2_HI = 130;
export const CR3_LO = 131;
export const CR3_HI = 132;
export const CR4 = 133;
export const EFER = 134;
export const GDTR_LIMIT = 136;
export const GDTR_LO = 137;
export const GDTR_HI = 138;
export const IDTR_LIMIT = 139;
export const IDTR_LO = 140;
export const IDTR_HI = 141;
export const STAR_LO = 142;
export const STAR_HI = 143;
export const LSTAR_LO = 144;
export const LSTAR_HI = 145;
export const CSTAR_LO = 146;
export const CSTAR_HI = 147;
export const SFMASK = 148;
export const KERNEL_GS_LO = 150;
export const KERNEL_GS_HI = 151;
export const SYSENTER_CS = 152;
export const SYSENTER_ESP_LO = 153;
export const SYSENTER_ESP_HI = 154;
export const SYSENTER_EIP_LO = 155;
export const SYSENTER_EIP_HI = 156;
export const PAT_LO = 157;
export const PAT_HI = 158;
export const TSC_AUX = 159;
export const APIC_BASE_LO = 160;
export const APIC_BASE_HI = 161;
/** DR0–DR3, DR6, DR7: low and high words. */
export const DR0_LO = 162;
export const DR6 = 170;
export const DR7 = 172;
export const MISC_ENABLE_LO = 174;
export const MISC_ENABLE_HI = 175;
/** The four page-directory-pointer entries of PAE paging, as the last CR3 load read them: entry n at PDPTR + 2n. */
export const PDPTR = 176;
/** Time-stamp counter less the clock's nanoseconds. */
export const TSC_OFFSET_LO = 184;
export const TSC_OFFSET_HI = 185;
/** MSRs without a home above; 2 words each. */
export const MSRS = 384;

/** x87: control word, status word with TOP in bits 11–13, tags (bit n set: physical register n is empty), last opcode. */
export const FPU_CW = 192;
export const FPU_SW = 193;
export const FPU_EMPTY = 194;
export const FPU_OPCODE = 195;
export const FPU_IP_LO = 196;
export const FPU_IP_HI = 197;
export const FPU_CS = 198;
export const FPU_DP_LO = 199;
export const FPU_DP_HI = 200;
export const FPU_DS = 201;
export const MXCSR = 202;
/** Physical x87 register n at FPU_REGS + 4n: mantissa low, mantissa high, sign (bit 15) and exponent. MMn is the mantissa of physical register n. */
export const FPU_REGS = 208;
export const XMM = 256;
/** A memory operand of an SSE or MMX instruction is loaded here. */
export const XMM_TEMP = 320;
export const XMM_TEMP2 = 324;
/** A memory operand of an x87 instruction, in the form of a register. */
export const FPU_OPERAND = 328;
/** Registers of the engine's own: memory operands between the records of one instruction. */
export const TEMP0 = 60;
export const TEMP1 = 62;
/** The record at which the interpreter left because of a fault; 0: it left with S[RIP_*] set. */
export const EXIT_RECORD = 340;
/** Which entries of the jump cache are valid: CODE_GENERATION and MODE in one word; and for code in global pages. */
export const JUMP_TAG = 341;
export const JUMP_TAG_GLOBAL = 343;
/** Nonzero: decoded code was dropped since the running region was entered. */
export const REGION_STALE = 345;
/** First words of this vCPU's parts of the TLB and of the jump cache: see `tlbPart`, and jump-cache.ts. */
export const TLB_SYSTEM = 348;
export const JUMP_BASE = 349;
/** What makes the running instruction end in a #DB trap, as bits of DR6 (system/debug.ts); 0 between instructions. */
export const DEBUG_PENDING = 347;
/** Compiled code runs for practice (jit/practice.ts): PRACTICE_* bits, or 0. */
export const PRACTICE = 346;
export const PRACTICE_ON = 1;
/** Branches are taken. */
export const PRACTICE_TAKEN = 2;
/** No page is found in the TLB. */
export const PRACTICE_COLD = 4;
/** Accesses that do not find their page fault. */
export const PRACTICE_FAULT = 8;
/** Branches are not taken. */
export const PRACTICE_NOT_TAKEN = 16;
/** Parts of conditions hold, or do not. */
export const PRACTICE_INNER_TAKEN = 32;
export const PRACTICE_INNER_NOT_TAKEN = 64;
/**
 * An address, and a number that is ordinary as a float and as a double, as their product is. Neither word is among the small integers that engines treat in
 * another way: Chromium's have 31 bits.
 */
export const PRACTICE_LO = -0x4ff7f400;
export const PRACTICE_HI = -0x4ff80000;
/** Number of the running instruction in its block, while system code runs. */
export const BLOCK_INDEX = 342;

export const CR0_PE = 1 << 0;
export const CR0_MP = 1 << 1;
export const CR0_EM = 1 << 2;
export const CR0_TS = 1 << 3;
export const CR0_ET = 1 << 4;
export const CR0_NE = 1 << 5;
export const CR0_WP = 1 << 16;
export const CR0_AM = 1 << 18;
export const CR0_NW = 1 << 29;
export const CR0_CD = 1 << 30;
export const CR0_PG = 1 << 31;
export const CR4_VME = 1 << 0;
export const CR4_PVI = 1 << 1;
export const CR4_TSD = 1 << 2;
export const CR4_DE = 1 << 3;
export const CR4_PSE = 1 << 4;
export const CR4_PAE = 1 << 5;
export const CR4_MCE = 1 << 6;
export const CR4_PGE = 1 << 7;
export const CR4_PCE = 1 << 8;
export const CR4_OSFXSR = 1 << 9;
export const CR4_OSXMMEXCPT = 1 << 10;
export const CR4_UMIP = 1 << 11;
export const CR4_FSGSBASE = 1 << 16;
export const CR4_SMEP = 1 << 20;
export const CR4_SMAP = 1 << 21;
export const EFER_SCE = 1 << 0;
export const EFER_LME = 1 << 8;
export const EFER_LMA = 1 << 10;
export const EFER_NXE = 1 << 11;
export const EFER_SVME = 1 << 12;
export const EFER_FFXSR = 1 << 14;

export const FLAG_CF = 1 << 0;
export const FLAG_1 = 1 << 1;
export const FLAG_PF = 1 << 2;
export const FLAG_AF = 1 << 4;
export const FLAG_ZF = 1 << 6;
export const FLAG_SF = 1 << 7;
export const FLAG_TF = 1 << 8;
export const FLAG_IF = 1 << 9;
export const FLAG_DF = 1 << 10;
export const FLAG_OF = 1 << 11;
export const FLAG_IOPL = 3 << 12;
export const FLAG_IOPL_SHIFT = 12;
export const FLAG_NT = 1 << 14;
export const FLAG_RF = 1 << 16;
export const FLAG_VM = 1 << 17;
export const FLAG_AC = 1 << 18;
export const FLAG_VIF = 1 << 19;
export const FLAG_VIP = 1 << 20;
export const FLAG_ID = 1 << 21;
export const FLAGS_ARITH = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

export const VEC_DE = 0;
export const VEC_DB = 1;
export const VEC_NMI = 2;
export const VEC_BP = 3;
export const VEC_OF = 4;
export const VEC_BR = 5;
export const VEC_UD = 6;
export const VEC_NM = 7;
export const VEC_DF = 8;
export const VEC_TS = 10;
export const VEC_NP = 11;
export const VEC_SS = 12;
export const VEC_GP = 13;
export const VEC_PF = 14;
export const VEC_MF = 16;
export const VEC_AC = 17;
export const VEC_MC = 18;
export const VEC_XM = 19;

/**
 * Software TLB, in three banks: supervisor accesses, user accesses, and supervisor accesses that may reach user pages although SMAP is
 * on (EFLAGS.AC). Each has 4096 entries of 4 words, indexed by bits 12–23 of the linear address. An access of `size` bytes at lo:hi hits when `T[j] === (lo & (0xfffff000 | (size - 1)))` (for 8 bytes: with
 * lo + 4 and size 4) and `T[j + 2] === hi`; then the byte is at RAM offset `lo + T[j + 3] | 0`.
 */
export const TLB_ENTRIES = 4096;
export const TLB_WORDS = TLB_ENTRIES * 4;
/** Where the second and the third bank are, from the first one on, and how many there are. */
export const TLB_USER = TLB_WORDS;
export const TLB_ACCESS = 2 * TLB_WORDS;
export const TLB_BANKS = 3;
/** First word of one more bank behind those of the first vCPU, for compiled code that runs for practice. */
export const TLB_PRACTICE = TLB_BANKS * TLB_WORDS;
export const TLB_READ = 0;
/** Never set for pages that hold decoded code, for MMIO, or while the page's D bit is clear. */
export const TLB_WRITE = 1;
export const TLB_HI = 2;
export const TLB_ADDEND = 3;
/** A tag that no address matches. */
export const TLB_NONE = 0x800;
