/** `hotslot-system-x86_64`: the machine behind QEMU's command line. */
import { asBlockError, displayNote, readCommandLine, report, StartError, StartHelp } from '../emu/index.ts';
import { stamped } from './message-stamp.ts';
import { readFileText } from './output-file.ts';
import { printError, runMachine, SIGNALS } from './session.ts';

/** Where errors go. Not modelled: the time before errors of the command line itself. */
let print = printError;

async function main(args: readonly string[]): Promise<number> {
  const wanted = readCommandLine(args, printError, readFileText);
  if ('text' in wanted) {
    process.stdout.write(wanted.text);
    return wanted.status ?? 0;
  }
  if (wanted.log.timestamps) print = stamped(printError);
  const note = displayNote(wanted);
  if (note !== undefined) print(report(note));
  return runMachine(wanted, print);
}

function told(error: unknown): number {
  if (error instanceof StartHelp) {
    process.stdout.write(`${error.message}\n`);
    return 0;
  }
  print(error instanceof StartError ? error.message : report(asBlockError(error).message));
  return 1;
}

// One that comes after the machine's end, as a test's SIGTERM after `quit`, must not become how the process ended.
for (const [name] of SIGNALS) process.on(name, () => {});
process.exit(await main(process.argv.slice(2)).catch(told));
