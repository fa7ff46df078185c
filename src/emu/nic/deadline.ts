/** A timer as a field of a state. */
import type { Timer } from '../core/clock.ts';

/** When it is due; null: it is not armed. */
export function deadlineOf({ deadlineNs }: Timer): number | null {
  return deadlineNs === Number.POSITIVE_INFINITY ? null : deadlineNs;
}

export function restoreTimer(timer: Timer, deadlineNs: number | null): void {
  if (deadlineNs === null) timer.cancel();
  else timer.arm(deadlineNs);
}

export function isArmed({ deadlineNs }: Timer): boolean {
  return deadlineNs !== Number.POSITIVE_INFINITY;
}
