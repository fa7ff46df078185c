/**
 * Machine checks that are injected: a fault of the hardware as the processor's banks of registers report it.
 * Spec: SDM vol. 3, chapter 16 (machine-check architecture), table of IA32_MCi_STATUS. QEMU: what follows which fault.
 */
import { CPUID_MCA, CPUID_MCE, hasFeature } from '../cpu-features.ts';
import type { CpuIdentity } from '../models/cpu-identity.ts';
import { CR4, CR4_MCE } from '../state.ts';
import { AT_BANKS, AT_MCG_CTL, AT_MCG_STATUS, MC_BANKS } from './msr.ts';

/** IA32_MCi_STATUS: the bank reports something; more was lost; nothing corrected it; software has to act before it goes on. */
export const MCI_STATUS_VAL = 1n << 63n;
export const MCI_STATUS_OVER = 1n << 62n;
export const MCI_STATUS_UC = 1n << 61n;
export const MCI_STATUS_AR = 1n << 55n;
/** IA32_MCG_STATUS: the interrupted code can go on; a machine check is being handled. */
export const MCG_STATUS_RIPV = 1n << 0n;
export const MCG_STATUS_MCIP = 1n << 2n;

/** Words of a bank, which is CTL, STATUS, ADDR and MISC of 64 bits each. */
const BANK_WORDS = 8;
const [CTL, STATUS, ADDR, MISC] = [0, 2, 4, 6];
const ALL_ONES = 2n ** 64n - 1n;
/** The first family of processors with machine checks as this chapter has them. */
const FIRST_FAMILY = 6;
const FIRST_WITH_BROADCAST = 14;

/** What a bank is to report. */
export interface MachineCheck {
  readonly bank: number;
  readonly status: bigint;
  readonly mcgStatus: bigint;
  readonly addr: bigint;
  readonly misc: bigint;
}

/**
 * What an injected fault has done: `recorded` in its bank, `interrupt`, which the processor must be told of, or `disabled`: the guest
 * wants no reports. The others are a triple fault.
 */
export type CheckOutcome =
  | 'recorded'
  | 'interrupt'
  | 'reporting disabled'
  | 'bank disabled'
  | 'not enabled'
  | 'in progress';

function read64(S: Int32Array, at: number): bigint {
  return (BigInt(S[at + 1] >>> 0) << 32n) | BigInt(S[at] >>> 0);
}

function write64(S: Int32Array, at: number, value: bigint): void {
  S[at] = Number(BigInt.asIntN(32, value));
  S[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

const familyOf = (signature: number): number => {
  const family = (signature >> 8) & 0xf;
  return family === 0xf ? family + ((signature >> 20) & 0xff) : family;
};
const modelOf = (signature: number): number => ((signature >> 12) & 0xf0) | ((signature >> 4) & 0xf);

/** How many banks there are: 0 for a processor that has none. */
export function machineCheckBanks({ features, signature }: CpuIdentity): number {
  const has = hasFeature(features, CPUID_MCE) && hasFeature(features, CPUID_MCA);
  return has && familyOf(signature) >= FIRST_FAMILY ? MC_BANKS : 0;
}

/** Whether a fault may be reported to all processors at once. Spec: SDM vol. 3 §16.3.1.1; QEMU: so it is for processors of others than Intel, too. */
export function canBroadcast({ signature }: CpuIdentity): boolean {
  const family = familyOf(signature);
  return family > FIRST_FAMILY || (family === FIRST_FAMILY && modelOf(signature) >= FIRST_WITH_BROADCAST);
}

/** Reports a fault in a bank that there is. */
export function recordMachineCheck(S: Int32Array, check: MachineCheck): CheckOutcome {
  const bank = AT_BANKS + BANK_WORDS * check.bank;
  const before = read64(S, bank + STATUS);
  const over = (before & MCI_STATUS_VAL) === 0n ? 0n : MCI_STATUS_OVER;
  const isCorrected = (check.status & MCI_STATUS_UC) === 0n;
  if (isCorrected) {
    // One that nothing corrected is not overwritten.
    if ((before & MCI_STATUS_VAL) !== 0n && (before & MCI_STATUS_UC) !== 0n) {
      write64(S, bank + STATUS, before | MCI_STATUS_OVER);
      return 'recorded';
    }
  } else {
    if (read64(S, AT_MCG_CTL) !== ALL_ONES) return 'reporting disabled';
    if (read64(S, bank + CTL) !== ALL_ONES) return 'bank disabled';
    if ((S[CR4] & CR4_MCE) === 0) return 'not enabled';
    if ((read64(S, AT_MCG_STATUS) & MCG_STATUS_MCIP) !== 0n) return 'in progress';
    write64(S, AT_MCG_STATUS, check.mcgStatus);
  }
  write64(S, bank + ADDR, check.addr);
  write64(S, bank + MISC, check.misc);
  write64(S, bank + STATUS, check.status | over);
  return isCorrected ? 'recorded' : 'interrupt';
}
