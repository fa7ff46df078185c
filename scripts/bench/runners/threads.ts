/** CPU time of other processes. Spec: Linux, Documentation/scheduler/sched-stats: schedstat's first figure is nanoseconds on a CPU. */
import { readdirSync, readFileSync } from 'node:fs';

/** Seconds on a CPU of the thread of `pid` that had most. */
export function busiestThreadSeconds(pid: number): number {
  let most = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ns = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      most = Math.max(most, Number(ns) / 1e9);
    } catch {
      // A thread that has just ended.
    }
  }
  return most;
}

/** True when a thread of `pid` has a name that starts with `name`. */
export function hasThread(pid: number, name: string): boolean {
  return readdirSync(`/proc/${pid}/task`).some((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').startsWith(name);
    } catch {
      return false;
    }
  });
}
