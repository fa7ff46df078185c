/** From a command line that has been read to the machine. */
import { MonitorError } from '../core/monitor-error.ts';
import { KernelError } from '../firmware/kernel-error.ts';
import { Machine } from '../machine/machine.ts';
import type { BootFiles, MachineConfig, MachineHost } from '../machine/machine-config.ts';
import { boardDrives } from './attach-drives.ts';
import { wantsFlash } from './attach-flash.ts';
import { atOption, type CommandLine } from './options.ts';
import { type BytesReader, firmwareFiles } from './options-fw-cfg.ts';
import { checkMemory, memoryError } from './options-memory.ts';
import { StartError, startError } from './start-error.ts';

export { isBiosSize } from '../machine/machine-memory.ts';

/** Below that a guest image's unpacked RAM disk does not fit beside its files: the guest gets it as it is in the image. */
export const PACKED_INITRD_BELOW = 160 * 1024 * 1024;

/** What the command line leaves to files and channels. */
export type MachineParts = Pick<
  MachineConfig,
  'bios' | 'kernel' | 'initrd' | 'append' | 'memoryBytes' | 'serialPorts' | 'hostChardevs' | 'trace'
> & {
  /** Reads files for firmware; absent: there are none, as in a page. */
  readonly readBytes?: BytesReader;
};

/** The board with its processors and memory; `attachDevices` and `devices.machineReady()` follow. Throws StartError. */
export function machineOfCommandLine(
  commandLine: CommandLine,
  { readBytes = noFile, ...parts }: MachineParts,
  host: MachineHost,
): Machine {
  const { machineType, accel, cpu, smp, dimms, hmat } = commandLine;
  const { icountShift, rtcBaseMs, rtcClock } = commandLine;
  const { name, uuid, actions, oem, smm, memoryBackend, globals, usb } = commandLine;
  const boot = { ...commandLine.boot, files: firmwareFiles(commandLine.firmwareItems, readBytes) };
  checkMemory(parts.memoryBytes, { dimms, machineType, cpu });
  try {
    const what = {
      machineType,
      accel,
      cpu,
      smp,
      dimms,
      hmat,
      name,
      uuid,
      boot,
      oem,
      smm,
      memoryBackend,
      globals,
      usb,
    };
    const time = { icountShift, rtcBaseMs, rtcClock, ...actions };
    return new Machine(
      {
        ...parts,
        ...what,
        ...time,
        hasFlash: wantsFlash(commandLine),
        ...boardDrives(commandLine),
        coldPlug: true,
      },
      host,
    );
  } catch (error) {
    if (error instanceof RangeError && /array buffer/i.test(error.message)) throw memoryError();
    // QEMU: what is wrong with a device of the board's is not said about an option.
    if (error instanceof MonitorError) throw atOption(error);
    throw kernelStartError(error, parts.initrd);
  }
}

function noFile(path: string): string {
  return `Failed to open file “${path}”: No such file or directory`;
}

/** What a machine that was made without them starts. Throws StartError. */
export function giveBootFiles(machine: Machine, files: BootFiles): void {
  try {
    machine.setBootFiles(files);
  } catch (error) {
    throw kernelStartError(error, files.initrd);
  }
}

/** QEMU's words for a file that is no kernel. Anything else is thrown again. */
function kernelStartError(error: unknown, initrd: Uint8Array | undefined): StartError {
  if (!(error instanceof KernelError)) throw error;
  const { message } = error;
  if (/^Error (?:while )?loading/.test(message)) return startError(message);
  if (message === 'invalid kernel header' && initrd !== undefined) {
    return new StartError('qemu: linux kernel too old to load a ram disk');
  }
  return new StartError(`qemu: ${message}`);
}
