/** The x87 as the records of semantics/x87.ts call it. */
import type { Cpu } from '../cpu.ts';
import { setControlWord } from '../fpu/environment.ts';
import {
  arithmeticOperand,
  arithmeticStack,
  beginStore,
  compareOrder,
  compareStack,
  copyTo,
  duplicate,
  endStore,
  exchange,
  pushOperand,
} from '../fpu/operations.ts';
import { escapeD9 } from '../fpu/unary.ts';
import type { InterpreterEnvironment } from './environment.ts';

type FpuEnvironment = Pick<
  InterpreterEnvironment,
  | ('fpuPush' | 'fpuOperand' | 'fpuBeginStore' | 'fpuEndStore' | 'fpuControl')
  | ('fpuStack' | 'fpuCompare' | 'fpuOrder' | 'fpuDuplicate' | 'fpuExchange' | 'fpuCopy' | 'fpuFunction')
>;

const POPS = 1;
const TRUNCATES = 2;

export function fpuEnvironment(cpu: Cpu): FpuEnvironment {
  const { S } = cpu;
  return {
    fpuPush: (kind, lo, hi) => pushOperand(S, kind, lo, hi),
    fpuOperand: (operation, kind, lo, hi) => arithmeticOperand(S, operation, kind, lo, hi),
    fpuBeginStore: (kind, how) => beginStore(S, kind, (how & TRUNCATES) !== 0),
    fpuEndStore: (outcome, how) => endStore(S, outcome, (how & POPS) !== 0),
    fpuControl: (value) => setControlWord(S, value),
    fpuStack: (operation, to, from, pops) => arithmeticStack(S, operation, to, from, pops !== 0),
    fpuCompare: (i, quiet, pops) => compareStack(S, i, quiet !== 0, pops),
    fpuOrder: (i, quiet, pops) => compareOrder(S, i, quiet !== 0, pops !== 0),
    fpuDuplicate: (i) => duplicate(S, i),
    fpuExchange: (i) => exchange(S, i),
    fpuCopy: (i, pops) => copyTo(S, i, pops !== 0),
    fpuFunction: (modrm) => escapeD9(cpu, modrm),
  };
}
