/** -cpu node-id=: the NUMA node that each processor must be in. */
import { DEFAULT_CPU, describeCpu } from '../cpu/models/cpu-option.ts';
import type { Machine } from '../machine/machine.ts';
import { CURRENT_MACHINE, machineVersion } from '../machine/machine-versions.ts';
import { startError } from './start-error.ts';

/** QEMU: as if nobody had said it. */
const UNSET = -1;

/** To be asked when all of NUMA nodes is known. Throws StartError. */
export function checkCpuNodes({ config, numa, processors }: Machine): void {
  const { cpu, isEmpty } = machineVersion(config.machineType ?? CURRENT_MACHINE);
  if (isEmpty) return;
  const { given } = describeCpu(config.cpu ?? DEFAULT_CPU, cpu, () => {});
  const asked = Number(given.get('node-id') ?? UNSET);
  if (asked === UNSET) return;
  for (const { index } of processors.present) {
    const node = numa.nodeOfCpu(index) ?? 0;
    if (asked !== node) throw startError(`invalid node-id, must be ${node}`);
  }
}
