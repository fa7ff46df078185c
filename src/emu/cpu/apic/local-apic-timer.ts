/** The count of the local APIC's timer, from its registers. Spec: Intel SDM vol. 3 §11.5.4. */
import { type LocalApicState, LVT_MASKED, LVT_TIMER, NOT_ARMED } from './local-apic-state.ts';

const LVT_PERIODIC = 1 << 17;

type Registers = Readonly<Pick<LocalApicState, 'divide' | 'initialCount' | 'loadTimeNs' | 'lvt'>>;

/** QEMU: the bus clock is 1 GHz, so that a tick of the divided timer is this many nanoseconds. */
function tickNs({ divide }: Registers): number {
  const code = (divide & 3) | ((divide >> 1) & 4);
  return 1 << ((code + 1) & 7);
}

function ticksSinceLoad(registers: Registers, nowNs: number): number {
  return Math.floor(Math.max(0, nowNs - registers.loadTimeNs) / tickNs(registers));
}

function isPeriodic({ lvt }: Registers): boolean {
  return (lvt[LVT_TIMER] & LVT_PERIODIC) !== 0;
}

export function currentCount(registers: Registers, nowNs: number): number {
  const { initialCount } = registers;
  const ticks = ticksSinceLoad(registers, nowNs);
  if (isPeriodic(registers)) return initialCount === 0 ? 0 : initialCount - (ticks % (initialCount + 1));
  return ticks >= initialCount ? 0 : initialCount - ticks;
}

/** When the count next passes zero, or NOT_ARMED. QEMU: a count of n takes n + 1 ticks. */
export function expiryNs(registers: Registers, nowNs: number): number {
  const { initialCount, loadTimeNs, lvt } = registers;
  const ticks = ticksSinceLoad(registers, nowNs);
  const period = initialCount + 1;
  const isOver = isPeriodic(registers) ? initialCount === 0 : ticks >= initialCount;
  if ((lvt[LVT_TIMER] & LVT_MASKED) !== 0 || isOver) return NOT_ARMED;
  const due = isPeriodic(registers) ? (Math.floor(ticks / period) + 1) * period : period;
  return loadTimeNs + due * tickNs(registers);
}
