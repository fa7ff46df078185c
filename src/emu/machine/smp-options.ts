/** What `-smp` means. QEMU: hw/core/machine-smp. */
import type { SmpConfig } from './cpu-topology.ts';

export const SMP_KEYS = ['cpus', 'sockets', 'dies', 'clusters', 'cores', 'threads', 'maxcpus'] as const;

/** As many as take turns well on one thread. QEMU's `pc` has 255. */
export const MAX_CPUS = 16;

export interface SmpRules {
  /** QEMU: `pc` before 6.2 makes sockets, not cores, of what is not given. */
  readonly prefersSockets: boolean;
  /** The machine's name, for its errors. */
  readonly machine: string;
  /** Absent: as many as Hotslot lets take turns. */
  readonly maxCpus?: number;
}

type SmpKey = (typeof SMP_KEYS)[number];

/**
 * The processors that the options ask for, or what is wrong with them in QEMU's words.
 * @param given the options, of which a later one replaces an earlier one of its name
 */
export function readSmp(
  given: ReadonlyMap<string, string>,
  rules: SmpRules,
  warn: (text: string) => void,
): SmpConfig | string {
  for (const [key, value] of given) {
    if (!isKey(key)) return `Parameter 'smp.${key}' is unexpected`;
    if (!isInteger(value)) return `Parameter 'smp.${key}' expects integer`;
  }
  const number = (key: SmpKey): number => Number(given.get(key) ?? 0);
  if ([...given.values()].some((value) => Number(value) === 0)) {
    warn('Deprecated CPU topology (considered invalid): CPU topology parameters must be greater than zero');
  }
  if (number('clusters') > 1) return "clusters not supported by this machine's CPU topology";
  const shape = complete(number, rules);
  const { sockets, dies, cores, threads } = shape;
  const total = sockets * dies * cores * threads;
  const maxCpus = number('maxcpus') || number('cpus') || total;
  const cpus = number('cpus') || maxCpus;
  const hierarchy = `sockets (${sockets}) * dies (${dies}) * cores (${cores}) * threads (${threads})`;
  if (total !== maxCpus && maxCpus > 0) {
    return `Invalid CPU topology: product of the hierarchy must match maxcpus: ${hierarchy} != maxcpus (${maxCpus})`;
  }
  if (maxCpus < cpus) {
    return (
      'Invalid CPU topology: maxcpus must be equal to or greater than smp: ' +
      `${hierarchy} == maxcpus (${maxCpus}) < smp_cpus (${cpus})`
    );
  }
  const most = rules.maxCpus ?? MAX_CPUS;
  if (cpus < 1 || maxCpus > most) {
    const count = cpus < 1 ? cpus : maxCpus;
    return `Invalid SMP CPUs ${count}. The max CPUs supported by machine '${rules.machine}' is ${most}`;
  }
  return { cpus, maxCpus, ...shape };
}

function isKey(key: string): key is SmpKey {
  return SMP_KEYS.some((known) => known === key);
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

/** What is not given becomes cores, then sockets, or the other way round; threads only when both are given. */
function complete(
  number: (key: SmpKey) => number,
  { prefersSockets }: SmpRules,
): Pick<SmpConfig, 'sockets' | 'dies' | 'cores' | 'threads'> {
  const dies = number('dies') || 1;
  const wanted = number('maxcpus') || number('cpus');
  let [sockets, cores, threads] = [number('sockets'), number('cores'), number('threads')];
  if (wanted === 0) return { sockets: sockets || 1, dies, cores: cores || 1, threads: threads || 1 };
  if (prefersSockets && sockets === 0) {
    cores ||= 1;
    threads ||= 1;
    sockets = Math.trunc(wanted / (dies * cores * threads));
  } else if (cores === 0) {
    sockets ||= 1;
    threads ||= 1;
    cores = Math.trunc(wanted / (sockets * dies * threads));
  } else if (sockets === 0) {
    threads ||= 1;
    sockets = Math.trunc(wanted / (dies * cores * threads));
  }
  if (threads === 0) threads = Math.trunc(wanted / (sockets * dies * cores));
  return { sockets, dies, cores, threads };
}
