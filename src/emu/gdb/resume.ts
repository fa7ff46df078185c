/** How a client lets the vCPUs run: `c`, `s`, `vCont`. */
import type { ResumePlan } from '../machine/processors.ts';
import { parseThreadId } from './threads.ts';

/** QEMU's bits of `qemu.sstep`. */
export const SSTEP_ENABLE = 1;
export const SSTEP_NOIRQ = 2;
export const SSTEP_NOTIMER = 4;
export const SSTEP_ALL = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;

type Action = 'c' | 's';

/** All run but those in `steps`, which make a step by the bits `sstep`. */
export function planOf(
  steps: readonly number[],
  sstep: number,
  only: ReadonlySet<number> | undefined = undefined,
): ResumePlan {
  return {
    only,
    steps: new Set((sstep & SSTEP_ENABLE) !== 0 ? steps : []),
    noInterrupts: (sstep & SSTEP_NOIRQ) !== 0,
    noTimers: (sstep & SSTEP_NOTIMER) !== 0,
  };
}

/** What `vCont;…` says; `unknown`: not understood, `invalid`: a thread that there is not. Signals mean nothing to a machine. */
export function parseVCont(
  text: string,
  indexes: readonly number[],
  sstep: number,
): ResumePlan | 'unknown' | 'invalid' {
  const actions = new Map<number, Action>();
  if (!text.startsWith(';')) return 'unknown';
  for (const part of text.slice(1).split(';')) {
    const [, name, thread] = /^([cs]|[CS][0-9a-f]*)(?::(.*))?$/i.exec(part) ?? [];
    if (name === undefined) return 'unknown';
    const action = name[0]?.toLowerCase() === 's' ? 's' : 'c';
    const id = thread === undefined ? 'all' : parseThreadId(thread);
    if (id === undefined) return 'invalid';
    const named = id === 'all' ? indexes : id === 'any' ? indexes.slice(0, 1) : [id.index];
    if (named.some((index) => !indexes.includes(index))) return 'invalid';
    // The first action that names a thread is the one that counts.
    for (const index of named) if (!actions.has(index)) actions.set(index, action);
  }
  const steps = [...actions].flatMap(([index, action]) => (action === 's' ? [index] : []));
  return planOf(steps, sstep, new Set(actions.keys()));
}
