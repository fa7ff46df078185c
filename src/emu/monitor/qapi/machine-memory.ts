/** Guest memory in files. Spec: QEMU qapi/machine.json. */
import { OutputError } from '../../core/host.ts';
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { INT, optional, STR, struct } from '../../qapi/schema.ts';
import { command } from './context.ts';

/** What is read at once: of memory that ends before, all but the last such piece is in the file. */
const PIECE = 1024;
/** What is written at once. */
const BUFFER = 256 * PIECE;

/** Reads into `target`; false when some of it is not there. */
type MemoryReader = (address: bigint, target: Uint8Array) => boolean;

/** Reads from `start` on; how many bytes there were. */
function fill(bytes: Uint8Array, start: bigint, read: MemoryReader): number {
  for (let done = 0; done < bytes.length; done += PIECE) {
    const piece = bytes.subarray(done, done + PIECE);
    if (!read(BigInt.asUintN(64, start + BigInt(done)), piece)) return done;
  }
  return bytes.length;
}

/** QEMU: a file that could not be filled stays, with what came before. */
function save(machine: MachineApi, path: string, start: bigint, size: number, read: MemoryReader): void {
  const file = machine.createFile(path);
  if (typeof file === 'string') throw new MonitorError(`Could not open '${path}': ${file}`);
  try {
    for (let done = 0; done < size; done += BUFFER) {
      const bytes = new Uint8Array(Math.min(BUFFER, size - done));
      const there = fill(bytes, start + BigInt(done), read);
      file.write(bytes.subarray(0, there));
      if (there < bytes.length) {
        const at = BigInt.asUintN(64, start).toString(16).padStart(16, '0');
        throw new MonitorError(`Invalid addr 0x${at}/size ${size} specified`);
      }
    }
  } catch (error) {
    throw error instanceof OutputError ? new MonitorError('An IO error has occurred') : error;
  } finally {
    file.close();
  }
}

/** From a linear address of a processor. Throws QEMU's error. */
export function saveMemory(machine: MachineApi, from: bigint, size: number, path: string, cpu: number): void {
  save(machine, path, from, size, (at, target) => machine.access.readLinear(cpu, at, target));
}

/** From a physical address; where nothing is, are zeros. Throws QEMU's error. */
export function savePhysicalMemory(machine: MachineApi, from: bigint, size: number, path: string): void {
  save(machine, path, from, size, (at, target) => {
    machine.access.readPhysical(at, target);
    return true;
  });
}

const SAVE_ARGS = { val: INT, size: INT, filename: STR } as const;

export const MACHINE_MEMORY_COMMANDS = [
  command('memsave', {
    args: struct({ ...SAVE_ARGS, 'cpu-index': optional(INT) }),
    run({ machine }, { val, size, filename, 'cpu-index': index = 0 }) {
      const cpu = Number(index);
      if (!machine.inspect.cpus().some((one) => one.index === cpu)) {
        throw new MonitorError("Parameter 'cpu-index' expects a CPU number");
      }
      saveMemory(machine, BigInt(val), Number(size), filename, cpu);
    },
  }),
  command('pmemsave', {
    args: struct(SAVE_ARGS),
    run: ({ machine }, { val, size, filename }) =>
      savePhysicalMemory(machine, BigInt(val), Number(size), filename),
  }),
];
