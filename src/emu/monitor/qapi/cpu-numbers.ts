/** Processors by their number, as commands named them before a processor was a device. The numbers are those of `info cpus`. */
import { MonitorError } from '../../core/monitor-error.ts';
import type { MachineApi } from '../../machine/machine-api.ts';
import { Options } from '../../qdev/option-string.ts';

/** Rejects with the machine's own error, also for a number that no place has. */
export async function plugCpu({ inspect, devices }: MachineApi, index: number): Promise<void> {
  const driver = inspect.hotpluggableCpus()[0]?.type ?? '';
  await devices.add(
    new Options([
      ['driver', driver],
      ['apic-id', String(inspect.apicIdOf(index))],
    ]),
  );
}

/** QEMU 1.5 to 2.0: what of a number is told to be wrong. */
function checkNumber({ inspect }: MachineApi, index: number): void {
  const places = inspect.hotpluggableCpus();
  if (places[index]?.qomPath !== undefined) {
    throw new MonitorError(`Unable to add CPU: ${index}, it already exists`);
  }
  if (index >= places.length) {
    throw new MonitorError(`Unable to add CPU: ${index}, max allowed: ${places.length - 1}`);
  }
}

function checkSign(index: number): void {
  if (index < 0) throw new MonitorError(`Invalid CPU id: ${index}`);
}

/** `cpu-add` of a version. Rejects with its error. */
export type CpuAdd = (machine: MachineApi, index: number) => Promise<void>;

/** QEMU 1.5 to 2.0 */
export const cpuAddChecked: CpuAdd = async (machine, index) => {
  checkSign(index);
  checkNumber(machine, index);
  await plugCpu(machine, index);
};

/** Numbers from here on have no APIC ID of 8 bits, which the registers of that time need. */
const APIC_IDS = 256;

/** QEMU 5.1: what `device_add` would say, but for numbers that are none. */
export const cpuAddAsDevice: CpuAdd = async (machine, index) => {
  checkSign(index);
  const apicId = index < APIC_IDS ? machine.inspect.apicIdOf(index) : index;
  if (apicId >= APIC_IDS) {
    throw new MonitorError(`Unable to add CPU: ${index}, resulting APIC ID (${apicId}) is too large`);
  }
  await plugCpu(machine, index);
};
