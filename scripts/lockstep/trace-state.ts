/**
 * A vCPU's registers as one line block of QEMU's `-d cpu` says them: an Int32Array of TRACE_WORDS words.
 *
 * | index | holds |
 * |---|---|
 * | 0–31 | RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8–R15: low word at 2n, high word at 2n+1 |
 * | 32–38 | RIP (2 words), flags, interrupt shadow, halted, privilege level, 1 when 64-bit registers were said |
 * | 40–79 | ES CS SS DS FS GS LDTR TR: selector, base (2 words), limit, flags |
 * | 80–85 | GDTR, IDTR: base (2 words), limit |
 * | 86–92 | CR0, CR2 (2 words), CR3 (2 words), CR4, EFER |
 */
export const TRACE_WORDS = 96;
export const AT_RCX = 2;
export const AT_RIP = 32;
export const AT_FLAGS = 34;
export const AT_SHADOW = 35;
export const AT_HALTED = 36;
export const AT_CPL = 37;
export const AT_LONG = 38;
export const AT_SEGMENTS = 40;
export const SEGMENT_WORDS = 5;
export const AT_GDTR = 80;
export const AT_IDTR = 83;
export const AT_CR0 = 86;
export const AT_CR2 = 87;
export const AT_CR3 = 89;
export const AT_CR4 = 91;
export const AT_EFER = 92;

export const GPR_NAMES = [
  ...['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'],
  ...['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'],
] as const;
export const SEGMENT_NAMES = ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const;
