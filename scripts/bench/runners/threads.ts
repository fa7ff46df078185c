/** CPU time of threads. Spec: Linux, Documentation/scheduler/sched-stats: schedstat's first figure is nanoseconds on a CPU. */
import { readdirSync, readFileSync } from 'node:fs';

export interface CpuTime {
  /** Of the thread that had most. */
  readonly cpuSeconds: number;
  /** Of all threads that there are: compilers and collectors of garbage too. */
  readonly allSeconds: number;
}

/** What the threads of a process had of a CPU. */
export function cpuTime(pid: number): CpuTime {
  let [cpuSeconds, allSeconds] = [0, 0];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ns = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      cpuSeconds = Math.max(cpuSeconds, Number(ns) / 1e9);
      allSeconds += Number(ns) / 1e9;
    } catch {
      // A thread that has just ended.
    }
  }
  return { cpuSeconds, allSeconds };
}

const SLEEP = new Int32Array(new SharedArrayBuffer(4));
const SLEEP_MS = 0.2;

/** The same of this process. Linux counts a running thread's time up when it gives the CPU away: so it sleeps a moment. */
export function ownCpuTime(): CpuTime {
  Atomics.wait(SLEEP, 0, 0, SLEEP_MS);
  return cpuTime(process.pid);
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

/** Processes that `pid` has started, and theirs. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // Spec: proc(5): the name in parentheses may contain anything; state and parent follow it.
      const [, parent = '0'] = /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? [];
      children.set(Number(parent), [...(children.get(Number(parent)) ?? []), Number(entry)]);
    } catch {
      // A process that has just ended.
    }
  }
  const below = (parent: number): number[] =>
    (children.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}
