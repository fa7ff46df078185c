/** ADDPS and its kin in the common case: PE set already, all exceptions masked, to nearest, ordinary numbers in all four lanes. */
import type { Cpu } from '../cpu.ts';
import { MXCSR } from '../state.ts';
import { ADD, DIV, MAX_32, MIN_NORMAL_32, MUL } from './float-lane.ts';

const MXCSR_MODES = 0xffe0;
const MXCSR_USUAL = 0x1fa0;
const LANES = 4;
const RESULT = new Float32Array(LANES);

/** Zero or normal. */
function isQuiet(x: number): boolean {
  const magnitude = Math.abs(x);
  return (magnitude >= MIN_NORMAL_32 && magnitude <= MAX_32) || x === 0;
}

/** Neither overflow nor underflow; zero comes of a factor or dividend that is zero. */
function isOrdinary(operation: number, x: number, y: number, result: number): boolean {
  const magnitude = Math.abs(result);
  if (magnitude > MAX_32) return false;
  if (operation === MUL) return magnitude > MIN_NORMAL_32 || x === 0 || y === 0;
  // Sums that are denormal are exact.
  return operation !== DIV || (y !== 0 && (magnitude > MIN_NORMAL_32 || x === 0));
}

/** The four floats at `d` = themselves op those at `s`. False: nothing has changed, the general way must do it. */
export function packedSingle(cpu: Cpu, operation: number, d: number, s: number): boolean {
  if ((cpu.S[MXCSR] & MXCSR_MODES) !== MXCSR_USUAL) return false;
  const floats = cpu.SF32;
  for (let i = 0; i < LANES; i++) {
    const x = floats[d + i];
    const y = floats[s + i];
    if (!isQuiet(x) || !isQuiet(y)) return false;
    let result: number;
    if (operation === ADD) result = Math.fround(x + y);
    else if (operation === MUL) result = Math.fround(x * y);
    else if (operation === DIV) result = Math.fround(x / y);
    else result = Math.fround(x - y);
    if (!isOrdinary(operation, x, y, result)) return false;
    RESULT[i] = result;
  }
  for (let i = 0; i < LANES; i++) floats[d + i] = RESULT[i];
  return true;
}
