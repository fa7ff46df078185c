/** -drive if=ide, -hda and the like: the board gets their devices, and firmware is told of them. */
import { attachIdeDrives, ideDriveCount } from '../machine/boards/pc-ide.ts';
import type { Machine } from '../machine/machine.ts';
import { NONE_MACHINE } from '../machine/machine-versions.ts';
import { atOption, type CommandLine } from './options.ts';
import { report } from './start-error.ts';

/** Drives that the board must keep numbers for. */
export function boardDrives({ drives, machineType }: Pick<CommandLine, 'drives' | 'machineType'>): number {
  return machineType === NONE_MACHINE ? 0 : ideDriveCount(drives.map(({ options }) => options));
}

/** Rejects with StartError. QEMU: what is wrong with one of them is not said about its option. */
export async function attachBoardDrives(machine: Machine, warn: (text: string) => void): Promise<void> {
  if ((machine.config.ideDrives ?? 0) === 0) return;
  const { board, devices, drives } = machine;
  await attachIdeDrives(board, devices, drives.list(), (text) => warn(report(text))).catch(
    (error: unknown) => {
      throw atOption(error);
    },
  );
}

/** All devices are there. */
export function tellFirmwareOfDisks(machine: Machine): void {
  if (machine.devices.tree.devices().some(({ type }) => type.name === 'ide-hd'))
    machine.board.rememberDisks();
}
