/**
 * Linear to guest-physical for somebody outside of the guest: no rights are checked, nothing is marked accessed, no fault is raised, and
 * the vCPU need not be on the stage. Spec: SDM vol. 3 §4.3–4.5.
 */
import type { Gpa } from '../../memory/addresses.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { CR0, CR0_PG, CR3_HI, CR3_LO, CR4, CR4_PAE, CR4_PSE, EFER, EFER_LMA } from '../state.ts';

const PTE_P = 1n;
const PTE_PS = 1n << 7n;
/** QEMU: 52 physical address bits are looked at, whatever the processor has. */
const ADDRESS = (1n << 52n) - 1n;
const OFFSET = 0xfffn;
const CANONICAL_SHIFT = 47n;

/** Where each level of the tables takes its index, and how many bits of the address a large page of it leaves. */
const LONG_SHIFTS = [39n, 30n, 21n, 12n] as const;
const PAE_SHIFTS = [30n, 21n, 12n] as const;

/** Undefined: nothing is mapped at `address`, which has 64 bits. @param S the vCPU's words */
export function translateForDebug(S: Int32Array, memory: GuestMemory, address: bigint): Gpa | undefined {
  if ((S[CR0] & CR0_PG) === 0) return Number(address & ADDRESS);
  const cr3 = (BigInt(S[CR3_HI] >>> 0) << 32n) | BigInt(S[CR3_LO] >>> 0);
  if ((S[EFER] & EFER_LMA) !== 0) {
    const top = BigInt.asIntN(64, address) >> CANONICAL_SHIFT;
    if (top !== 0n && top !== -1n) return undefined;
    return walkWide(memory, cr3 & ADDRESS & ~OFFSET, address, LONG_SHIFTS);
  }
  const linear = address & 0xffff_ffffn;
  if ((S[CR4] & CR4_PAE) !== 0) return walkWide(memory, cr3 & 0xffff_ffe0n, linear, PAE_SHIFTS);
  return walkNarrow(memory, cr3 & 0xffff_f000n, linear, (S[CR4] & CR4_PSE) !== 0);
}

/** Entries of 8 bytes. */
function walkWide(
  memory: GuestMemory,
  root: bigint,
  address: bigint,
  shifts: readonly bigint[],
): Gpa | undefined {
  let table = root;
  for (const shift of shifts) {
    const entry = readWide(memory, table + (((address >> shift) & 0x1ffn) << 3n));
    if ((entry & PTE_P) === 0n) return undefined;
    const isLarge = (entry & PTE_PS) !== 0n && (shift === 21n || (shift === 30n && shifts === LONG_SHIFTS));
    if (isLarge || shift === 12n) {
      const inPage = (1n << shift) - 1n;
      return Number((entry & ADDRESS & ~inPage) | (address & inPage));
    }
    table = entry & ADDRESS & ~OFFSET;
  }
  return undefined;
}

/** Entries of 4 bytes. */
function walkNarrow(memory: GuestMemory, root: bigint, address: bigint, hasLarge: boolean): Gpa | undefined {
  const directory = BigInt(memory.readU32(Number(root + ((address >> 20n) & 0xffcn))));
  if ((directory & PTE_P) === 0n) return undefined;
  if (hasLarge && (directory & PTE_PS) !== 0n) {
    const above = ((directory >> 13n) & 0xffn) << 32n;
    return Number(above | (directory & 0xffc0_0000n) | (address & 0x3f_ffffn));
  }
  const table = directory & 0xffff_f000n;
  const entry = BigInt(memory.readU32(Number(table + ((address >> 10n) & 0xffcn))));
  if ((entry & PTE_P) === 0n) return undefined;
  return Number((entry & 0xffff_f000n) | (address & OFFSET));
}

function readWide(memory: GuestMemory, address: bigint): bigint {
  const at = Number(address);
  return (BigInt(memory.readU32(at + 4)) << 32n) | BigInt(memory.readU32(at));
}
