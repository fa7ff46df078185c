/** All instructions that are functions instead of text: a `helper` record names one by its number. */
import type { SystemOpInfo } from '../cpu.ts';
import { FPU_SYSTEM_OPS } from '../fpu/fxsave.ts';
import { SYSTEM_OPS } from '../system/system-ops.ts';
import { GENERAL_HELPERS } from './general.ts';
import { STRING_HELPERS } from './strings.ts';

const ALL: Readonly<Record<string, SystemOpInfo>> = {
  ...SYSTEM_OPS,
  ...FPU_SYSTEM_OPS,
  ...GENERAL_HELPERS,
  ...STRING_HELPERS,
};

const NUMBERS = new Map(Object.keys(ALL).map((name, number) => [name, number]));

/** By number. */
export const HELPERS: readonly SystemOpInfo[] = Object.values(ALL);

/** The number of the helper called `name`. */
export function helperNumber(name: string): number {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new Error(`internal error: no helper ${name}`);
  return number;
}
