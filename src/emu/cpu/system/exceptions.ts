/** Interrupts and exceptions through the IVT or the IDT. Spec: SDM vol. 3 §6. */
import { assert } from '../../core/assert.ts';
import type { Cpu } from '../cpu.ts';
import {
  CPL,
  DELIVERING,
  EFLAGS,
  EVENT_NMI_BLOCKED,
  EVENTS,
  FAULT,
  FAULT_ERROR,
  FAULT_HAS_ERROR,
  FAULT_PRESENT,
  FAULT_TRIPLE,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  HALTED,
  HALTED_HLT,
  IDTR_HI,
  IDTR_LIMIT,
  IDTR_LO,
  MODE,
  MODE_LONG,
  MODE_REAL,
  NEXT_HI,
  NEXT_LO,
  RIP_HI,
  RIP_LO,
  SEG_CS,
  SEG_SELECTOR,
  VEC_DE,
  VEC_DF,
  VEC_GP,
  VEC_NMI,
  VEC_PF,
  VEC_TS,
} from '../state.ts';
import { dropStep } from './debug.ts';
import { setReal } from './descriptors.ts';
import { deliverLong, deliverProtected } from './gates.ts';
import { setRip } from './mode.ts';
import { StackCursor } from './stack.ts';

/**
 * fault: pushes S[RIP_*]. trap, software (INT n, INT3, INTO): push S[NEXT_*].
 * interrupt (external or NMI, between instructions): pushes S[RIP_*].
 */
export type DeliveryKind = 'fault' | 'trap' | 'software' | 'interrupt';

const stack = new StackCursor();

/**
 * Enters the handler of `vector`: afterwards RIP and NEXT are its first instruction. A fault on the way is delivered
 * instead (or #DF), except for software interrupts, where it is left in S[FAULT] as the fault of the INT instruction.
 * S[FAULT] = FAULT_TRIPLE: shutdown.
 */
export function deliver(cpu: Cpu, vector: number, kind: DeliveryKind, errorCode: number | undefined): void {
  const S = cpu.S;
  S[FAULT] = 0;
  if (kind === 'interrupt') {
    if (S[HALTED] === HALTED_HLT) S[HALTED] = 0;
    if (vector === VEC_NMI) S[EVENTS] |= EVENT_NMI_BLOCKED;
  }
  let currentVector = vector;
  let currentKind = kind;
  let currentError = errorCode;
  let raised = vector;
  // #DE … #DF … triple: at most three rounds, plus one for a benign first exception.
  for (let round = 0; round < 5; round++) {
    if (cpu.watcher !== undefined) {
      const entry = { vector: currentVector, kind: currentKind, errorCode: currentError };
      cpu.watcher.entering({ ...entry, raised, isNested: round > 0 });
    }
    S[DELIVERING] = currentVector | FAULT_PRESENT;
    enter(cpu, currentVector, currentKind, currentError);
    S[DELIVERING] = 0;
    if (currentKind === 'software' && S[FAULT] === 0) dropStep(S);
    if (S[FAULT] === 0 || currentKind === 'software') return;
    const second = S[FAULT] & 0xff;
    raised = second;
    const exception = currentKind === 'fault';
    if (exception && currentVector === VEC_DF) {
      cpu.watcher?.tripleFault(second);
      S[FAULT] = FAULT_TRIPLE;
      return;
    }
    if (exception && makesDoubleFault(currentVector, second)) {
      currentVector = VEC_DF;
      currentError = 0;
    } else {
      currentVector = second;
      currentError = (S[FAULT] & FAULT_HAS_ERROR) !== 0 ? S[FAULT_ERROR] : undefined;
    }
    currentKind = 'fault';
    S[FAULT] = 0;
  }
  S[FAULT] = FAULT_TRIPLE;
}

/** Delivers the fault in S[FAULT], and clears that; a triple fault stays. */
export function deliverFault(cpu: Cpu): void {
  const word = cpu.S[FAULT];
  assert((word & FAULT_PRESENT) !== 0, 'no fault to deliver');
  deliver(cpu, word & 0xff, 'fault', (word & FAULT_HAS_ERROR) !== 0 ? cpu.S[FAULT_ERROR] : undefined);
}

function isContributory(vector: number): boolean {
  return vector === VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

/** Spec: SDM vol. 3 table 6-5. */
function makesDoubleFault(first: number, second: number): boolean {
  if (isContributory(first)) return isContributory(second);
  return first === VEC_PF && (isContributory(second) || second === VEC_PF);
}

function enter(cpu: Cpu, vector: number, kind: DeliveryKind, errorCode: number | undefined): void {
  const S = cpu.S;
  const next = kind !== 'fault' && kind !== 'interrupt';
  const ripLo = next ? S[NEXT_LO] : S[RIP_LO];
  const ripHi = next ? S[NEXT_HI] : S[RIP_HI];
  const software = kind === 'software';
  // QEMU: RF is not set in the image that a fault pushes.
  const flags = cpu.readFlags();
  const mode = S[MODE];
  if ((mode & MODE_LONG) !== 0) deliverLong(cpu, vector, software, errorCode, flags, ripLo, ripHi);
  else if ((mode & MODE_REAL) === 0 || S[CPL] === 3)
    deliverProtected(cpu, vector, software, errorCode, flags, ripLo);
  else deliverReal(cpu, vector, flags, ripLo);
}

function deliverReal(cpu: Cpu, vector: number, flags: number, ip: number): void {
  const S = cpu.S;
  if (vector * 4 + 3 > S[IDTR_LIMIT] >>> 0) {
    cpu.raise(VEC_GP, 0);
    return;
  }
  const entry = cpu.loadSystem32((S[IDTR_LO] + vector * 4) | 0, S[IDTR_HI]);
  stack.begin(cpu);
  if (S[FAULT] !== 0) return;
  if (!stack.push(cpu, 16, flags, 0)) return;
  if (!stack.push(cpu, 16, S[SEG_CS + SEG_SELECTOR], 0)) return;
  if (!stack.push(cpu, 16, ip, 0)) return;
  stack.commit(S);
  S[EFLAGS] &= ~(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
  setReal(S, SEG_CS, entry >>> 16);
  setRip(S, entry & 0xffff, 0);
  cpu.updateMode();
}
