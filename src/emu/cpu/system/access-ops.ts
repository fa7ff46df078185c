/** RDRAND, RDFSBASE and its kin, CLAC and STAC. Spec: SDM vol. 2. */
import type { Cpu, SystemOp, SystemOpInfo } from '../cpu.ts';
import {
  CPL,
  CR4,
  CR4_FSGSBASE,
  EFLAGS,
  FLAG_AC,
  FLAG_CF,
  SEG_BASE_HI,
  SEG_BASE_LO,
  VEC_UD,
} from '../state.ts';
import { setArithmeticFlags } from './flags.ts';

const ENTROPY = new Int32Array(2);
const ENTROPY_BYTES = new Uint8Array(ENTROPY.buffer);

function writeRegister(S: Int32Array, n: number, size: number, lo: number, hi: number): void {
  S[2 * n] = size === 16 ? (S[2 * n] & 0xffff0000) | (lo & 0xffff) : lo;
  if (size !== 16) S[2 * n + 1] = size === 64 ? hi : 0;
}

/** RDRAND and RDSEED: there is always a number. */
function rdrand(cpu: Cpu, size: number, _reg: number, rm: number): void {
  cpu.host.random(ENTROPY_BYTES);
  writeRegister(cpu.S, rm, size, ENTROPY[0], ENTROPY[1]);
  setArithmeticFlags(cpu.S, FLAG_CF);
}

/** False, with #UD raised: the system does not let programs at the bases. */
function mayAccessBases(cpu: Cpu): boolean {
  if ((cpu.S[CR4] & CR4_FSGSBASE) !== 0) return true;
  cpu.raise(VEC_UD);
  return false;
}

/** RDFSBASE and RDGSBASE: `segment` is the segment register's word. */
function readSegmentBase(cpu: Cpu, size: number, segment: number, rm: number): void {
  const { S } = cpu;
  if (mayAccessBases(cpu)) writeRegister(S, rm, size, S[segment + SEG_BASE_LO], S[segment + SEG_BASE_HI]);
}

/** WRFSBASE and WRGSBASE. QEMU: the address need not be canonical. */
function writeSegmentBase(cpu: Cpu, size: number, segment: number, rm: number): void {
  const { S } = cpu;
  if (!mayAccessBases(cpu)) return;
  S[segment + SEG_BASE_LO] = S[2 * rm];
  S[segment + SEG_BASE_HI] = size === 64 ? S[2 * rm + 1] : 0;
}

/** CLAC and STAC. Which bank of the TLB is looked into changes: compiled code knows these two. */
function setAccessFlag(on: boolean): SystemOp {
  return (cpu) => {
    const { S } = cpu;
    if (S[CPL] !== 0) {
      cpu.raise(VEC_UD);
      return;
    }
    S[EFLAGS] = on ? S[EFLAGS] | FLAG_AC : S[EFLAGS] & ~FLAG_AC;
    cpu.updateMode();
  };
}

export type AccessOpName = 'rdrand' | 'readSegmentBase' | 'writeSegmentBase' | 'clac' | 'stac';

export const ACCESS_OPS: Readonly<Record<AccessOpName, SystemOpInfo>> = {
  rdrand: { run: rdrand, ends: false },
  readSegmentBase: { run: readSegmentBase, ends: false },
  writeSegmentBase: { run: writeSegmentBase, ends: false },
  clac: { run: setAccessFlag(false), ends: false },
  stac: { run: setAccessFlag(true), ends: false },
};
