/** What is around the vCPUs: ports, registers in memory, interrupt controllers. */
import { repeatableBytes } from '../core/entropy.ts';
import type { CpuHost } from '../cpu/cpu.ts';
import type { PcBoard } from './boards/pc.ts';
import type { MachineConfig, MachineHost } from './machine-config.ts';

/** @param board called when a vCPU accesses it, which is after the board was made */
export function cpuHostOf(board: () => PcBoard, rest: Pick<CpuHost, 'nowNs' | 'random'>): CpuHost {
  return {
    ioRead: (port, size) => board().ports.read(port, size),
    ioWrite: (port, size, value) => board().ports.write(port, size, value),
    mmioRead: (gpa, size) => board().physical.read(gpa, size),
    mmioWrite: (gpa, size, value) => board().physical.write(gpa, size, value),
    acknowledgePic: () => board().pic.acknowledge(),
    broadcastEoi: (vector) => board().ioApic.eoi(vector),
    ...rest,
  };
}

/** What RDRAND gives. Deterministic: it depends on how many instructions came before it. */
export function entropyOf(
  { icountShift }: Pick<MachineConfig, 'icountShift'>,
  host: Pick<MachineHost, 'random'>,
  retired: () => number,
): CpuHost['random'] {
  return icountShift === undefined
    ? (bytes) => host.random(bytes)
    : (bytes) => repeatableBytes(bytes, retired());
}
