/** Random programs of 64-bit code, as lists of small numbers that fast-check can shrink, and their machine code. */
import fc from 'fast-check';

/** [form, width, register, register or memory, value]: see FORMS. */
export type Op = readonly [form: number, width: number, reg: number, rm: number, value: number];

export const CODE = 0x400000;
/** Where the program begins in the code page: its first instructions set the pointers. */
export const ENTRY = CODE + 0x100;
/** The same page again. */
export const CODE_ALIAS = 0x402000;
export const DATA = 0x500000;
export const READ_ONLY = 0x502000;
/** 0x503000 is not mapped. */
export const DEVICE = 0x504000;
/** Neither accessed nor dirty at first. */
export const FRESH = 0x505000;
export const STACK = 0x600000;
export const STACK_TOP = STACK + 0xf00;

const [RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI] = [0, 1, 2, 3, 4, 5, 6, 7];
const GENERAL = [RAX, RCX, RDX, 8, 9, 10, 11];
/** Registers that memory operands start from, and what they point to in wild programs and in tame ones. */
const POINTERS: readonly (readonly [register: number, wild: number, tame: number])[] = [
  [RSP, STACK_TOP, STACK_TOP - 0x400],
  [RBX, DATA + 0x800, DATA + 0x800],
  [RSI, DATA + 0xffc, DATA + 0xffc],
  [RBP, READ_ONLY - 4, DATA + 0x900],
  [RDI, ENTRY + 0x60, DATA + 0x1400],
  [12, CODE_ALIAS + 0x180, DATA + 0x404],
  [13, FRESH + 0x40, FRESH + 0x40],
  [14, READ_ONLY + 0xffc, READ_ONLY - 0x40],
  [15, DEVICE + 0x40, DEVICE + 0x40],
];
const OPERANDS = [RBX, RBX, RBX, RBX, RSI, RSI, RBP, RBP, 13, 13, 15, RDI, 12, 14, RBX, RSI];
const WIDTHS = [32, 64, 8, 64, 16, 32, 64, 64] as const;
const PAGE = 4096;
/** Ends a block for good: what comes after it is looked up. */
const STI = 0xfb;

/** Bytes of one instruction: prefixes, opcode and operands. */
class Code {
  readonly bytes: number[] = [];

  byte(...values: readonly number[]): void {
    for (const value of values) this.bytes.push(value & 0xff);
  }

  word(value: number): void {
    this.byte(value, value >> 8, value >> 16, value >> 24);
  }

  immediate(width: number, value: number): void {
    if (width === 8) this.byte(value);
    else if (width === 16) this.byte(value, value >> 8);
    else this.word(value);
  }

  /** `rm` below 16 is a register, else a pointer with a displacement taken from `value`. `opcode` may have 0F and a prefix before it. */
  modrm(width: number, opcode: readonly number[], reg: number, rm: number, value = 0): void {
    const memory = rm >= 16;
    const base = memory ? OPERANDS[rm & 15] : rm;
    if (width === 16) this.byte(0x66);
    const [first = 0] = opcode;
    const prefixed = first === 0x66 || first === 0xf2 || first === 0xf3;
    if (prefixed) this.byte(first);
    const rex = (width === 64 ? 8 : 0) | ((reg >> 3) << 2) | (base >> 3);
    if (rex !== 0) this.byte(0x40 | rex);
    this.byte(...(prefixed ? opcode.slice(1) : opcode));
    const low = ((reg & 7) << 3) | (base & 7);
    if (!memory) this.byte(0xc0 | low);
    else if ((base & 7) === 4) this.byte(0x40 | low, 0x24, value >> 3);
    else this.byte(0x40 | low, value >> 3);
  }
}

/** A register for results; 8-bit ones may be AH, CH and DH. */
function general(width: number, n: number): number {
  return width === 8 && n % 11 >= 7 ? 4 + (n % 3) : GENERAL[n % GENERAL.length];
}

function target(width: number, rm: number): number {
  return rm >= 16 ? rm : general(width, rm);
}

type Form = (
  code: Code,
  width: 8 | 16 | 32 | 64,
  reg: number,
  rm: number,
  value: number,
  jump: number,
) => void;

/** Operand sizes of 8 bits have the opcode before. */
function sized(opcode: number, width: number): number {
  return width === 8 ? opcode : opcode + 1;
}

function wide(width: number): 16 | 32 | 64 {
  return width === 8 ? 32 : (width as 16 | 32 | 64);
}

const alu: Form = (code, width, reg, rm, value) => {
  const toRegister = (value & 4) !== 0 ? 2 : 0;
  code.modrm(
    width,
    [sized((value & 7) * 8 + toRegister, width)],
    general(width, reg),
    target(width, rm),
    value,
  );
};
const aluImmediate: Form = (code, width, reg, rm, value) => {
  code.modrm(width, [width === 8 ? 0x80 : 0x81], reg & 7, target(width, rm), value);
  code.immediate(width, value);
};
const compareAndBranch: Form = (code, width, reg, rm, value, jump) => {
  const opcode = (value & 1) === 0 ? 0x38 : 0x84;
  code.modrm(width, [sized(opcode, width)], general(width, reg), target(width, rm), value);
  branch(code, value >> 1, jump);
};

function branch(code: Code, condition: number, jump: number): void {
  const { length } = code.bytes;
  code.byte(0x0f, 0x80 | (condition & 15));
  code.word(jump - 6 - length);
}

/** A register must equal itself after it went through memory. */
const throughMemory: Form = (code, width, reg, _rm, value, jump) => {
  const register = general(width, reg);
  code.modrm(width, [sized(0x88, width)], register, 16, value);
  code.modrm(width, [sized(0x3a, width)], register, 16, value);
  branch(code, value >> 3, jump);
};

/** What programs without faults are made of. Index 0 is the simplest: programs shrink to it. */
const TAME: readonly Form[] = [
  (code) => code.byte(0x90),
  alu,
  alu,
  alu,
  aluImmediate,
  aluImmediate,
  (code, _width, reg, _rm, _value, jump) => branch(code, reg, jump),
  (code, _width, reg, _rm, _value, jump) => branch(code, reg, jump),
  compareAndBranch,
  compareAndBranch,
  compareAndBranch,
  // DEC and a branch back or forth.
  (code, width, reg, _rm, value, jump) => {
    code.modrm(width, [sized(0xfe, width)], value & 1, general(width, reg));
    branch(code, 5, jump);
  },
  throughMemory,
  throughMemory,
  throughMemory,
  // MOV both ways, and of an immediate.
  (code, width, reg, rm, value) => {
    code.modrm(width, [sized(0x88 | (value & 2), width)], general(width, reg), target(width, rm), value);
  },
  (code, width, _reg, rm, value) => {
    code.modrm(width, [sized(0xc6, width)], 0, target(width, rm), value);
    code.immediate(width, value);
  },
  // INC, DEC; NOT, NEG, MUL, IMUL.
  (code, width, reg, rm, value) => code.modrm(width, [sized(0xfe, width)], reg & 1, target(width, rm), value),
  (code, width, reg, rm, value) => {
    code.modrm(width, [sized(0xf6, width)], 2 + (reg & 3), target(width, rm), value);
  },
  // Shifts and rotations by 1, by an immediate, by CL.
  (code, width, reg, rm, value) => {
    const opcode = [0xd0, 0xc0, 0xd2, 0xc0][value & 3] ?? 0xd2;
    code.modrm(width, [sized(opcode, width)], reg & 7, target(width, rm), value);
    if (opcode === 0xc0) code.byte(COUNTS[(value >> 5) & 7] ?? value >> 5);
  },
  (code, width, reg, rm, value) => {
    const opcode = [0xa4, 0xa5, 0xac, 0xad][value & 3] ?? 0;
    code.modrm(wide(width), [0x0f, opcode], general(32, reg), target(32, rm), value);
    if ((opcode & 1) === 0) code.byte(value >> 5);
  },
  // SETcc, CMOVcc, MOVZX and MOVSX, IMUL.
  (code, _width, reg, rm, value) => code.modrm(8, [0x0f, 0x90 | (value & 15)], reg & 7, target(8, rm), value),
  (code, width, reg, rm, value) => {
    code.modrm(wide(width), [0x0f, 0x40 | (value & 15)], general(32, reg), target(32, rm), value);
  },
  (code, width, reg, rm, value) => {
    const opcode = [0xb6, 0xb7, 0xbe, 0xbf][value & 3] ?? 0;
    code.modrm(wide(width), [0x0f, opcode], general(32, reg), target(32, rm), value);
  },
  (code, width, reg, rm, value) => {
    code.modrm(wide(width), [0x0f, 0xaf], general(32, reg), target(32, rm), value);
  },
  (code, width, reg, rm, value) => {
    code.modrm(wide(width), [0x6b], general(32, reg), target(32, rm), value);
    code.byte(value >> 3);
  },
  // XCHG, XADD, CMPXCHG.
  (code, width, reg, rm, value) => {
    const opcode = [[0x86], [0x0f, 0xc0], [0x0f, 0xb0]][value % 3] ?? [0x86];
    const last = opcode.length - 1;
    const sizedOpcode = opcode.map((byte, i) => (i === last ? sized(byte, width) : byte));
    code.modrm(width, sizedOpcode, general(width, reg), target(width, rm), value);
  },
  // BT and its kin by immediate and by register; BSF and BSR; BSWAP.
  (code, width, reg, rm, value) => {
    code.modrm(wide(width), [0x0f, 0xba], 4 | (reg & 3), target(32, rm), value);
    code.byte(value >> 5);
  },
  (code, width, reg, rm, value) => {
    const opcode = [0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd][value % 6] ?? 0xa3;
    code.modrm(wide(width), [0x0f, opcode], general(32, reg), target(32, rm & 15), value);
  },
  (code, width, reg) => {
    if (width === 64) code.byte(0x48);
    code.byte(0x0f, 0xc8 | (reg % 3));
  },
  (code, width, reg, rm, value) => code.modrm(wide(width), [0x8d], general(32, reg), 16 | rm, value),
  // One byte: extensions of the accumulator, flags.
  (code, width, reg) => {
    if (width === 64) code.byte(0x48);
    code.byte([0x98, 0x99, 0x9e, 0x9f, 0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0x9f][reg % 10] ?? 0x90);
  },
  // PUSH and POP.
  (code, _width, reg) => code.byte(...push(general(32, reg)), ...pop(general(32, reg >> 1))),
  (code, _width, _reg, _rm, value) => {
    code.byte(0x68);
    code.word(value);
    code.byte(0x58);
  },
  // A call over nothing, whose return address is dropped.
  (code) => {
    code.byte(0xe8);
    code.word(0);
    code.byte(0x58);
  },
  // A call of a function inside, and its return; jumps and calls through a register.
  (code, _width, reg, _rm, value) => {
    code.byte(0xe8, 2, 0, 0, 0, 0xeb, 4, 0xff, 0xc0 | ((value & 1) << 3) | (reg % 3), 0x90, 0xc3);
  },
  (code, _width, reg, _rm, value) => {
    const register = reg % 3;
    code.byte(0x48, 0x8d, 0x05 | (register << 3), 2, 0, 0, 0, 0xff, 0xe0 | register);
    if ((value & 1) === 0) code.byte(0x90, 0x90);
    else code.byte(0x0c, 0x55);
  },
  (code, _width, reg) => {
    const register = reg % 3;
    code.byte(0x48, 0x8d, 0x05 | (register << 3), 2, 0, 0, 0, 0xff, 0xd0 | register, 0x58);
  },
  // PUSHF.
  (code) => code.byte(0x9c, 0x58),
  // LOOPNE, LOOPE, LOOP, JRCXZ: near targets only.
  (code, _width, reg, _rm, _value, jump) => {
    code.byte(0xe0 | (reg & 3), Math.abs(jump) < 120 ? jump - 2 : 0);
  },
  // Strings.
  (code, _width, reg, _rm, value) => {
    code.byte(0xb9);
    code.word(value & 7);
    code.byte(...(STRING_TARGETS[reg & 3] ?? []), 0xf3);
    code.byte([0xa4, 0xa5, 0xaa, 0xab, 0xa6, 0xae, 0xac, 0xaf][(value >> 4) & 7] ?? 0xa4);
    code.byte(...MOV_RSI);
  },
  // SSE2: moves, integers, doubles, conversions and comparisons with flags.
  (code, width, reg, rm, value) => {
    const form = SSE[value % SSE.length] ?? SSE[0];
    if (form === undefined) return;
    const general64 = width === 64 && form.length === 4;
    const other = form.length === 4 || rm >= 16 ? target(32, rm) : rm;
    code.modrm(general64 ? 64 : 32, form.slice(0, 3), reg, other, value);
  },
  // x87: constants, arithmetic, loads and stores.
  (code, _width, reg, rm, value) => {
    if ((value & 1) === 0) code.byte(...(X87[reg % X87.length] ?? []));
    else if ((value & 12) === 0) code.modrm(32, [0xd8 | ((value >> 4) & 7)], reg & 3, 16 | rm, value);
    else code.modrm(32, [(value & 2) === 0 ? 0xdd : 0xd9], [0, 2, 3][reg % 3] ?? 0, 16 | rm, value);
  },
];

/** What only wild programs have. */
const WILD: readonly Form[] = [
  // DIV and IDIV.
  (code, width, reg, rm, value) => {
    code.modrm(width, [sized(0xf6, width)], 6 | (reg & 1), target(width, rm), value);
  },
  // POP, POPF, LEAVE, RET, CLI, STI alone.
  (code, _width, reg) => code.byte(...pop(general(32, reg))),
  (code, _width, reg) => code.byte([0x9c, 0x9d, 0xc9, 0xc3, 0xfa, 0xfb, 0x9c, 0x9d][reg & 7] ?? 0x90),
  (code, _width, _reg, _rm, _value, jump) => {
    code.byte(0xe8);
    code.word(jump - 5);
  },
  // Writes into the program: at the jump's target.
  (code, _width, _reg, _rm, value, jump) => {
    code.byte(0x80, 0x05 | ((value & 6) << 3));
    code.word(jump - 7 + ((value >> 3) & 3));
    code.byte((value >> 5) & 3);
  },
  // The same by a string instruction and by an SSE store, through the other mapping of the page.
  (code, _width, reg, _rm, value) => {
    if ((reg & 1) === 0) return code.byte(0x66, 0x41, 0x0f, 0x7f, 0x44, 0x24, value & 0x70);
    code.byte(0x4c, 0x89, 0xe7, 0xaa);
  },
  // Time, ports, CPUID, UD2, INT3.
  (code, _width, reg) => {
    code.byte(...([[0x0f, 0x31], [0xec], [0xee], [0x0f, 0xa2], [0x0f, 0x0b], [0xcc]][reg % 6] ?? []));
  },
];
const FORMS = [...TAME, ...WILD];
const COUNTS = [1, 8, 16, 31, 32, 33, 63, 40];
/** MOV RDI, RBX; RSI; R15; R13. */
const STRING_TARGETS = [
  [0x48, 0x89, 0xdf],
  [0x48, 0x89, 0xf7],
  [0x4c, 0x89, 0xff],
  [0x4c, 0x89, 0xef],
];
/** MOV ESI, the pointer that string instructions have moved. */
const MOV_RSI = [0xbe, ...bytesOf(DATA + 0xffc)];

function bytesOf(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}

/** Prefix, 0F, opcode; a fourth number: the other operand is a general register. */
const SSE: readonly (readonly number[])[] = [
  [0x66, 0x0f, 0x6f],
  [0x66, 0x0f, 0x7f],
  [0xf3, 0x0f, 0x6f],
  [0xf3, 0x0f, 0x7f],
  [0x66, 0x0f, 0xfe],
  [0x66, 0x0f, 0xef],
  [0xf2, 0x0f, 0x58],
  [0xf2, 0x0f, 0x59],
  [0xf2, 0x0f, 0x10],
  [0xf2, 0x0f, 0x11],
  [0x66, 0x0f, 0x58],
  [0x66, 0x0f, 0x2e],
  [0x66, 0x0f, 0x6e, 1],
  [0x66, 0x0f, 0x7e, 1],
  [0xf2, 0x0f, 0x2a, 1],
  [0x66, 0x0f, 0x28],
  [0xf2, 0x0f, 0x51],
  [0xf2, 0x0f, 0x5c],
  [0xf2, 0x0f, 0x5e],
  [0xf2, 0x0f, 0x5d],
  [0x66, 0x0f, 0x14],
  [0xf3, 0x0f, 0x7e],
  [0x66, 0x0f, 0xd6],
  [0x66, 0x0f, 0x2f],
  [0xf2, 0x0f, 0x59],
  [0xf2, 0x0f, 0x10],
];
const X87: readonly (readonly number[])[] = [
  [0xd9, 0xe8],
  [0xd9, 0xeb],
  [0xd8, 0xc1],
  [0xde, 0xc9],
  [0xdf, 0xf1],
  [0xdf, 0xe0],
  [0xd9, 0xc9],
  [0xdb, 0xe3],
  [0xd9, 0xc1],
  [0xdd, 0xd9],
  [0xd9, 0xfa],
  [0xde, 0xf9],
  [0xd8, 0xd1],
];

function push(register: number): number[] {
  return register < 8 ? [0x50 | register] : [0x41, 0x50 | (register & 7)];
}

function pop(register: number): number[] {
  return register < 8 ? [0x58 | register] : [0x41, 0x58 | (register & 7)];
}

/** A program: wild ones fault, write their own code and leave it. */
export interface Program {
  readonly wild: boolean;
  /** The whole program is a loop of direct jumps; else only what is inside of it. */
  readonly closed: boolean;
  readonly ops: readonly Op[];
}

function encode([form, width, reg, rm, value]: Op, wild: boolean, jump: number): readonly number[] {
  const code = new Code();
  const forms = wild ? FORMS : TAME;
  forms[form % forms.length]?.(code, WIDTHS[width] ?? 32, reg, rm, value, jump);
  return code.bytes;
}

/** Most jumps are short, so that there are small loops. */
function jumpTarget(index: number, value: number, count: number): number {
  const distance = (value >>> 8) & 15;
  return (value >>> 12) % 8 === 0
    ? (value >>> 15) % count
    : Math.max(0, Math.min(count - 1, index + distance - 9));
}

function setPointers(wild: boolean): number[] {
  return POINTERS.flatMap(([register, wildValue, tameValue]) => [
    ...(register >= 8 ? [0x41] : []),
    ...[0xb8 | (register & 7), ...bytesOf(wild ? wildValue : tameValue)],
  ]);
}

/** A tame program at ENTRY of which the inside is given as machine code. */
export function loopOf(body: readonly number[]): Uint8Array {
  const bytes = [...setPointers(false), ...body];
  return Uint8Array.from([...bytes, 0xe9, ...bytesOf(-(bytes.length + 5))]);
}

/** The program at ENTRY: pointers, the instructions, and a jump back to the first of them. */
export function assemble({ wild, closed, ops }: Program): Uint8Array {
  const bytes = setPointers(wild);
  const starts: number[] = [];
  let at = bytes.length;
  for (const op of ops) {
    starts.push(at);
    at += encode(op, wild, 0).length;
  }
  for (const [index, op] of ops.entries()) {
    const to = starts[jumpTarget(index, op[4], ops.length)] ?? 0;
    bytes.push(...encode(op, wild, to - (starts[index] ?? 0)));
  }
  if (!closed) bytes.push(STI);
  bytes.push(0xe9, ...bytesOf(-(bytes.length + 5)));
  return Uint8Array.from(bytes.slice(0, PAGE - 0x100));
}

const opArbitrary: fc.Arbitrary<Op> = fc.tuple(
  fc.nat({ max: FORMS.length - 1 }),
  fc.nat({ max: 7 }),
  fc.nat({ max: 15 }),
  fc.nat({ max: 31 }),
  fc.integer({ min: 0, max: 0xffffff }),
);

/** 1 to 60 instructions. */
export const programArbitrary: fc.Arbitrary<Program> = fc.record({
  wild: fc.nat({ max: 2 }).map((n) => n === 2),
  closed: fc.boolean(),
  ops: fc.array(opArbitrary, { minLength: 1, maxLength: 60, size: 'max' }),
});
