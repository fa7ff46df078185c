/** The opcode maps 0F 38 and 0F 3A: CRC32, MOVBE, ADCX, ADOX, and SSE. Spec: Intel SDM vol. 2 appendix A. */
import { CPUID_7_0_EBX_ADX, CPUID_EXT_MOVBE, CPUID_EXT_SSE42 } from '../cpu-features.ts';
import type { Width } from '../semantics/emitter.ts';
import { opNumber } from '../semantics/table.ts';
import { TEMP0 } from '../state.ts';
import { type Instruction, PREFIX_REP, PREFIX_REPNE } from './instruction.ts';
import { BSWAP, LOAD, MOV_RR, STORE } from './kinds.ts';
import { source, undefinedOpcode } from './operands.ts';
import { decodeSse } from './sse.ts';

const CRC32: Readonly<Record<Width, number>> = {
  8: opNumber('crc32_8'),
  16: opNumber('crc32_16'),
  32: opNumber('crc32_32'),
  64: opNumber('crc32_64'),
};
const SWAP: Readonly<Record<16 | 32 | 64, number>> = { 16: opNumber('bswap16'), ...BSWAP };
const ADD_CARRY = {
  adcx: { 32: opNumber('adcx32'), 64: opNumber('adcx64') },
  adox: { 32: opNumber('adox32'), 64: opNumber('adox64') },
};

function checksum(i: Instruction, opcode: number): void {
  if (!i.has(CPUID_EXT_SSE42)) return undefinedOpcode(i);
  i.readModrm();
  const width = (opcode & 1) === 0 ? 8 : i.operandSize;
  i.emit(CRC32[width], i.reg * 2, source(i, width));
}

/** MOVBE between a register and memory. */
function swappedMove(i: Instruction, opcode: number): void {
  i.readModrm();
  if (!i.has(CPUID_EXT_MOVBE) || !i.isMemory) return undefinedOpcode(i);
  const width = i.operandSize;
  const register = i.register(width, i.reg);
  if ((opcode & 1) === 0) {
    i.emitMemory(LOAD[width], register, width / 8, false);
    i.emit(SWAP[width], register);
    return;
  }
  const temp = i.temp(width, TEMP0);
  i.emit(MOV_RR[width], temp, register);
  i.emit(SWAP[width], temp);
  i.emitMemory(STORE[width], temp, width / 8, true);
}

function addCarry(i: Instruction): void {
  if (!i.has(CPUID_7_0_EBX_ADX) || i.repeat === PREFIX_REPNE) return undefinedOpcode(i);
  i.readModrm();
  const width = (i.rex & 8) !== 0 ? 64 : 32;
  const name = i.repeat === PREFIX_REP ? 'adox' : 'adcx';
  i.emit(ADD_CARRY[name][width], i.reg * 2, source(i, width));
}

/** Decodes what follows the bytes 0F 38. */
export function decode0f38(i: Instruction): void {
  const opcode = i.byte();
  if (opcode === 0xf0 || opcode === 0xf1) {
    if (i.repeat === PREFIX_REPNE) return checksum(i, opcode);
    return i.repeat === PREFIX_REP ? undefinedOpcode(i) : swappedMove(i, opcode);
  }
  if (opcode === 0xf6 && (i.operandPrefix || i.repeat === PREFIX_REP)) return addCarry(i);
  if (!decodeSse(i, opcode, 0x38)) undefinedOpcode(i);
}

/** Decodes what follows the bytes 0F 3A. */
export function decode0f3a(i: Instruction): void {
  if (!decodeSse(i, i.byte(), 0x3a)) undefinedOpcode(i);
}
