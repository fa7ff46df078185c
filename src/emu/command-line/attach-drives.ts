/** -drive if=ide, if=floppy, -hda, -fda and the like: the board gets their devices, and firmware is told of them. */
import { attachBoardDrives, type BoardDriveCounts, boardDriveCounts } from '../machine/boards/pc-drives.ts';
import type { Machine } from '../machine/machine.ts';
import { NONE_MACHINE } from '../machine/machine-versions.ts';
import { atOption, type CommandLine } from './options.ts';
import { report } from './start-error.ts';

const TOLD_TO_FIRMWARE = ['ide-hd', 'floppy'];

/** Drives that the board must keep numbers for. */
export function boardDrives({
  drives,
  machineType,
}: Pick<CommandLine, 'drives' | 'machineType'>): BoardDriveCounts {
  return boardDriveCounts(machineType === NONE_MACHINE ? [] : drives.map(({ options }) => options));
}

/** Rejects with StartError. QEMU: what is wrong with one of them is not said about its option. */
export async function attachOwnDrives(machine: Machine, warn: (text: string) => void): Promise<void> {
  const { ideDrives = 0, floppyDrives = 0 } = machine.config;
  if (ideDrives + floppyDrives === 0) return;
  const { board, devices, drives } = machine;
  await attachBoardDrives(board, devices, drives.list(), (text) => warn(report(text))).catch(
    (error: unknown) => {
      throw atOption(error);
    },
  );
}

/** All devices are there. */
export function tellFirmwareOfDisks(machine: Machine): void {
  if (machine.devices.tree.devices().some(({ type }) => TOLD_TO_FIRMWARE.includes(type.name)))
    machine.board.rememberDisks();
}
