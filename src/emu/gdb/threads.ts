/** Threads of the debugger's are vCPUs, all of one process. Spec: Debugging with GDB, "Packets", thread-id syntax. */

/** QEMU: the machine is process 1. */
export const PROCESS = 1;

/** All threads; or one, by the number of its vCPU; or any. */
export type ThreadId = 'all' | 'any' | { readonly index: number };

const ID = /^(?:p(-?[0-9a-f]+)(?:\.(-?[0-9a-f]+))?|(-?[0-9a-f]+))$/i;

/** Undefined: it is no thread id, or names a process that there is not. */
export function parseThreadId(text: string): ThreadId | undefined {
  const [whole, process, inProcess, alone] = ID.exec(text) ?? [];
  if (whole === undefined) return undefined;
  if (process === '-1') return 'all';
  const pid = process === undefined ? PROCESS : Number.parseInt(process, 16);
  if (pid !== PROCESS && pid !== 0) return undefined;
  const thread = process === undefined ? alone : (inProcess ?? '-1');
  if (thread === '-1') return 'all';
  const number = Number.parseInt(thread ?? '', 16);
  if (number < 0) return undefined;
  return number === 0 ? 'any' : { index: number - 1 };
}

/** As QEMU writes it. @param multiprocess the client knows processes */
export function threadIdText(index: number, multiprocess: boolean): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return multiprocess ? `p${hex(PROCESS)}.${hex(index + 1)}` : hex(index + 1);
}
