/** -drive if=pflash, -pflash and -machine pflash0=: the flash in which a firmware lies. Texts are QEMU's. */
import { MonitorError } from '../core/monitor-error.ts';
import { attachFlash } from '../machine/boards/pc-flash.ts';
import type { Machine } from '../machine/machine.ts';
import { NONE_MACHINE } from '../machine/machine-versions.ts';
import type { CommandLine } from './options.ts';
import { report, StartError, startError } from './start-error.ts';

/** A drive of the command line's. */
export interface MadeDrive {
  readonly name: string;
  readonly at: string;
}

type Wanted = Pick<CommandLine, 'drives' | 'flashNodes' | 'machineType'>;

/** The board has flash, or would have if there were nothing wrong with it. */
export function wantsFlash({ drives, flashNodes, machineType }: Wanted): boolean {
  if (machineType === NONE_MACHINE) return false;
  return (
    flashNodes.some((node) => node !== undefined) ||
    drives.some(({ options }) => options.get('if') === 'pflash')
  );
}

/** Puts what the command line names into the board. Rejects with StartError. @param made all its drives */
export async function attachFlashUnits(
  machine: Machine,
  wanted: Wanted,
  made: readonly MadeDrive[],
  warn: (text: string) => void,
): Promise<void> {
  if (!wantsFlash(wanted)) return;
  const names = wanted.flashNodes.map((node, unit) => {
    const drive = made.find(({ name }) => isUnit(machine, name, unit));
    if (node !== undefined && drive !== undefined) throw startError('clashes with -machine', drive.at);
    return node ?? drive?.name;
  });
  const place = { board: machine.board, drives: machine.drives, warn: (text: string) => warn(report(text)) };
  await attachFlash(place, names).catch((error: unknown) => {
    throw error instanceof MonitorError ? flashError(error) : error;
  });
}

function isUnit({ drives }: Machine, name: string, unit: number): boolean {
  const drive = drives.find(name);
  return drive?.interface === 'pflash' && drive.bus === 0 && drive.unit === unit;
}

/** QEMU: says of none of them which option it is about, and what more it says is a message of its own. */
function flashError({ message, hint }: MonitorError): StartError {
  if (hint === undefined) return startError(message);
  return new StartError(`${report(message)}\n${report(`info: ${hint}`)}`);
}
