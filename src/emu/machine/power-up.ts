/** What firmware and boot loader do before the first instruction of the kernel, with the devices that are there by then. */
import type { Vcpu } from '../cpu/vcpu.ts';
import type { EntryState } from '../firmware/entry.ts';
import { loadKernel } from '../firmware/load.ts';
import type { PcBoard } from './boards/pc.ts';
import { pcFirmwareSetup } from './boards/pc-firmware.ts';
import { enterKernel, setUpMsrs } from './entry-state.ts';
import type { BootFiles } from './machine-config.ts';
import type { Processors } from './processors.ts';

/**
 * Sets up the board and all processors; the first one is at the kernel's entry, if there is a kernel. Throws KernelError.
 * With a firmware in ROM nothing is set up: the first processor starts in it.
 */
export function powerUp(files: BootFiles, board: PcBoard, processors: Processors, cpu: Vcpu): void {
  if (board.hasBios) return;
  const entry = loadBootFiles(files, board, pcFirmwareSetup(board));
  if (entry === undefined) return;
  processors.eachOnStage(() => setUpMsrs(cpu, entry));
  enterKernel(cpu, entry);
}

/** Puts kernel and initrd into memory; undefined without a kernel. Throws KernelError. @param rsdp where the firmware's tables begin */
export function loadBootFiles(
  { kernel, initrd, append = '' }: BootFiles,
  board: PcBoard | undefined,
  rsdp: number,
): EntryState | undefined {
  if (kernel === undefined || board === undefined) return undefined;
  const { hypertransport, wiring } = board;
  const parts = { kernel, initrd, commandLine: append, ram: wiring.ram, hypertransport, rsdp };
  return loadKernel(parts, wiring.memory);
}
