/** NUMA nodes. Spec: QEMU qapi/machine.json. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { NUMA_OPTIONS } from '../../machine/numa-options.ts';
import { command } from './context.ts';

/** A node as `info numa` shows it; memory that devices brought counts in both sizes. */
export interface NumaNodeInfo {
  /** Numbers of the processors that are there. */
  readonly cpus: readonly number[];
  readonly bytes: number;
  readonly pluggedBytes: number;
}

/** In the order of their numbers. */
export function queryNuma({ inspect, numa }: MachineApi): readonly NumaNodeInfo[] {
  const present = inspect.cpus();
  const devices = inspect.memory.devices();
  return numa.nodes.map(({ ramBytes }, node) => {
    const pluggedBytes = devices
      .filter((device) => device.node === node)
      .reduce((sum, device) => sum + (device.kind === 'dimm' ? device.sizeBytes : device.pluggedBytes), 0);
    return {
      cpus: present.map(({ index }) => index).filter((index) => numa.nodeOfCpu(index) === node),
      bytes: ramBytes + pluggedBytes,
      pluggedBytes,
    };
  });
}

export const MACHINE_NUMA_COMMANDS = [
  command('set-numa-node', {
    args: NUMA_OPTIONS,
    allowPreconfig: true,
    run({ machine, warn }, options) {
      if (!machine.preconfig.isOn) {
        throw new MonitorError('The command is permitted only before the machine has been created');
      }
      machine.numa.set(options, (text) => warn(`warning: ${text}`));
    },
  }),
];
