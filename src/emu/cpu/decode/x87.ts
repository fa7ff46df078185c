/** x87 instructions, opcodes D8 to DF: records of their own for what is used much, one that looks at the bytes for the others. */
import { CPUID_CMOV } from '../cpu-features.ts';
import { opNumber } from '../semantics/table.ts';
import { MODE_CODE32, MODE_CODE64 } from '../state.ts';
import { type Instruction, type MemoryKinds, memoryKinds } from './instruction.ts';
import { undefinedOpcode } from './operands.ts';

const X87 = opNumber('x87');
const STACK = opNumber('x87_stack');
const COMPARE = opNumber('x87_compare');
const ORDER = opNumber('x87_order');
const DUPLICATE = opNumber('x87_duplicate');
const EXCHANGE = opNumber('x87_exchange');
const COPY = opNumber('x87_copy');
const FUNCTION = opNumber('x87_function');
const STATUS_AX = opNumber('x87_status_ax');

/** By bits 1–2 of the opcode. */
const FORMATS = ['m32', 'i32', 'm64', 'i16'];
const BYTES = [4, 4, 8, 2];
const LOADS = FORMATS.map((format) => memoryKinds(`x87_load_${format}`));
const OPERATIONS = FORMATS.map((format) => memoryKinds(`x87_op_${format}`));
const STORES = FORMATS.map((format) => memoryKinds(`x87_store_${format}`));
const LOAD_I64 = memoryKinds('x87_load_i64');
const STORE_I64 = memoryKinds('x87_store_i64');
const LOAD_CW = memoryKinds('x87_load_cw');
const STORE_CW = memoryKinds('x87_store_cw');
const POPS = 1;
const TRUNCATES = 2;

/** Bytes of the memory operand by ModRM.reg; E and S: environment and whole state, whose size the operand size decides. */
const OPERAND_BYTES = [
  '44444444',
  '4444E2E2',
  '44444444',
  '44444X4X',
  '88888888',
  '8888S8S2',
  '22222222',
  '2222X8X8',
];
/** ModRM.reg of those that store. */
const STORING = [0, 0xcc, 0, 0x8e, 0, 0xce, 0, 0xce];

function operandBytes(i: Instruction, code: string): number {
  const short = i.operandSize === 16;
  switch (code) {
    case 'E':
      return short ? 14 : 28;
    case 'S':
      return short ? 94 : 108;
    case 'X':
      return 10;
    default:
      return Number(code);
  }
}

/** A memory form with a record of its own: its kinds, size, whether it stores, and field 1. */
interface MemoryForm {
  readonly kinds: MemoryKinds | undefined;
  readonly bytes: number;
  readonly stores: boolean;
  readonly field: number;
}

/** Undefined: only the general record does it. */
function memoryForm(opcode: number, reg: number): MemoryForm | undefined {
  const format = (opcode >> 1) & 3;
  const bytes = BYTES[format] ?? 0;
  if ((opcode & 1) === 0) return { kinds: OPERATIONS[format], bytes, stores: false, field: reg };
  const store = (kinds: MemoryKinds | undefined, size: number, field: number): MemoryForm => {
    return { kinds, bytes: size, stores: true, field };
  };
  switch (reg) {
    case 0:
      return { kinds: LOADS[format], bytes, stores: false, field: 0 };
    case 1:
      if (opcode === 0xd9) return undefined;
      return opcode === 0xdd
        ? store(STORE_I64, 8, POPS | TRUNCATES)
        : store(STORES[format], bytes, POPS | TRUNCATES);
    case 2:
      return store(STORES[format], bytes, 0);
    case 3:
      return store(STORES[format], bytes, POPS);
    case 5:
      if (opcode === 0xd9) return { kinds: LOAD_CW, bytes: 2, stores: false, field: 0 };
      return opcode === 0xdf ? { kinds: LOAD_I64, bytes: 8, stores: false, field: 0 } : undefined;
    case 7:
      if (opcode === 0xd9) return store(STORE_CW, 2, 0);
      return opcode === 0xdf ? store(STORE_I64, 8, POPS) : undefined;
    default:
      return undefined;
  }
}

/** D8, DC and DE: arithmetic of two registers. False: comparisons of them, and what is no instruction. */
function arithmetic(i: Instruction, opcode: number, reg: number, rm: number, last: number): boolean {
  if (reg === 2 || reg === 3) return false;
  if (opcode === 0xd8) i.emit(STACK, reg, 0, rm, 0, 0, last);
  else i.emit(STACK, reg >= 4 ? reg ^ 1 : reg, rm, 0, opcode === 0xde ? 1 : 0, 0, last);
  return true;
}

/** A record of its own for a register form. False: there is none. */
function registerForm(i: Instruction, opcode: number): boolean {
  const reg = (i.modrm >> 3) & 7;
  const rm = i.modrm & 7;
  const last = ((opcode & 7) << 8) | i.modrm;
  switch (opcode) {
    case 0xd8:
    case 0xdc:
    case 0xde:
      if (arithmetic(i, opcode, reg, rm, last)) return true;
      if (opcode === 0xd8) i.emit(COMPARE, rm, 0, reg - 2, 0, 0, last);
      else if (i.modrm === 0xd9 && opcode === 0xde) i.emit(COMPARE, 1, 0, 2, 0, 0, last);
      else return false;
      return true;
    case 0xd9:
      if (reg === 0) i.emit(DUPLICATE, rm, 0, 0, 0, 0, last);
      else if (reg === 1) i.emit(EXCHANGE, rm, 0, 0, 0, 0, last);
      else if (
        i.modrm === 0xe0 ||
        i.modrm === 0xe1 ||
        i.modrm === 0xe4 ||
        i.modrm === 0xe5 ||
        i.modrm > 0xe7
      ) {
        if (i.modrm === 0xef) return false;
        i.emit(FUNCTION, i.modrm, 0, 0, 0, 0, last);
      } else return false;
      return true;
    case 0xda:
      if (i.modrm === 0xe9) i.emit(COMPARE, 1, 1, 2, 0, 0, last);
      return i.modrm === 0xe9;
    case 0xdb:
      if (reg === 5 || reg === 6) i.emit(ORDER, rm, reg === 5 ? 1 : 0, 0, 0, 0, last);
      return reg === 5 || reg === 6;
    case 0xdd:
      if (reg === 2 || reg === 3) i.emit(COPY, rm, reg - 2, 0, 0, 0, last);
      else if (reg === 4 || reg === 5) i.emit(COMPARE, rm, 1, reg - 4, 0, 0, last);
      else return false;
      return true;
    default:
      if (reg === 5 || reg === 6) i.emit(ORDER, rm, reg === 5 ? 1 : 0, 1, 0, 0, last);
      else if (i.modrm === 0xe0) i.emit(STATUS_AX);
      else return false;
      return true;
  }
}

/** FCMOVcc, and FCOMI and its kin, which came with CMOVcc. */
function movesByFlags(opcode: number, reg: number): boolean {
  if (opcode === 0xda || opcode === 0xdb) return reg < 4 || (opcode === 0xdb && reg < 7 && reg !== 4);
  return opcode === 0xdf && (reg === 5 || reg === 6);
}

/** Decodes what follows an opcode byte from D8 to DF. */
export function decodeX87(i: Instruction, opcode: number): void {
  i.readModrm();
  // Elsewhere the instruction pointer has 16 bits.
  const wide = (i.mode & (MODE_CODE64 | MODE_CODE32)) !== 0;
  const reg = (i.modrm >> 3) & 7;
  if (!i.isMemory) {
    if (movesByFlags(opcode, reg) && !i.has(CPUID_CMOV)) return undefinedOpcode(i);
    if (!wide || !registerForm(i, opcode)) i.emit(X87, opcode, i.modrm, i.operandSize === 16 ? 1 : 0);
    return;
  }
  const form = wide ? memoryForm(opcode, reg) : undefined;
  if (form?.kinds === undefined) {
    i.emitEa(operandBytes(i, OPERAND_BYTES[opcode & 7][reg]), ((STORING[opcode & 7] >> reg) & 1) !== 0);
    i.emit(X87, opcode, i.modrm, i.operandSize === 16 ? 1 : 0);
    return;
  }
  i.emitMemory(form.kinds, form.field, form.bytes, form.stores);
  i.C[i.at - 2] = ((opcode & 7) << 8) | i.modrm;
}
