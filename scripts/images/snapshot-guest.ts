/** Boots an image on the project's own machine and brings it to where visitors begin. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CommandLine,
  type Machine,
  machineOfCommandLine,
  readCommandLine,
  saveMachine,
  splitWords,
  writeSnapshot,
} from '../../src/emu/index.ts';
import { gunzip } from '../../src/node/gunzip.ts';
import { ImageError } from './failure.ts';
import type { Manifest } from './manifest.ts';

const MIB = 2 ** 20;
const NS_PER_S = 1e9;
/** Virtual seconds. */
const LATE_DRIVERS_S = 5;
/** Guest: Linux 6.1 random.c takes new entropy into use once the last is 60 s old: the seed then counts at once. */
const QUIET_S = 90;
const LIMIT_MS = 300_000;
const SLICE_MS = 20;
const CONSOLE_PORT = 0;
/** Small enough that several threads unpack at once and end together; smaller ones pack worse. */
const PART_BYTES = 6 * MIB;
/** With it comes what must be known to make the machine, which then goes on beside the download. */
const FIRST_PART_BYTES = 65_536;
const AT_PROMPT = /guest# $/;
/** A shell names what it starts in the background. */
const JOB = /^\[\d+\] \d+\r?$/gm;

/** Free pages hold what was there before; pages of zeros are not stored. */
const CLEAR_FREE_MEMORY = [
  'mount -t tmpfs -o size=100% clear /mnt',
  "free=$(awk '/MemFree/ { print $2 }' /proc/meminfo)",
  'dd if=/dev/zero of=/mnt/zeros bs=64k count=$(((free - 4096) / 64)) 2> /dev/null',
  'rm /mnt/zeros; umount /mnt',
].join('; ');
/**
 * A new login shell runs this before its first prompt. Who restores the machine types a line of entropy: the guest mixes it in
 * and sets its clock from the RTC. A visitor waits for what the guest does from there to its prompt, so that it does no more than
 * it must: the line editor has read its files already, once, and hwclock runs already and reads from a pipe whether the RTC has
 * UTC; it is too nice to come before the prompt.
 */
const AWAIT_RESTORE = [
  'rm $script',
  'read -ret 0.1 seed',
  'mkfifo /etc/adjtime; exec 3<> /etc/adjtime',
  'hwclock -s 3<&- & renice 19 $!; disown; sleep 1; rm /etc/adjtime',
  'read -rs seed; echo "$seed" > /dev/urandom; unset seed',
  'echo UTC >&3; exec 3<&-',
].join('; ');
const LOGIN = 'exec -l bash';
/** A bash that is replaced by another one would store its history for it. */
const PREPARE_RESTORE = `unset HISTFILE; mkdir -p /etc/profile.d; echo '${AWAIT_RESTORE}' > /etc/profile.d/restore.sh`;

/** A guest that is typed at. Its time is that of its instructions: waiting costs nothing. */
class TypedGuest {
  readonly machine: Machine;
  /** What it showed since the last command. */
  output = '';
  readonly #end = performance.now() + LIMIT_MS;

  constructor(directory: string, { files, append, memoryMiB, machine, terminalSize }: Manifest) {
    const unpack = (file: string): Buffer => gunzip(readFileSync(join(directory, file)));
    const commandLine = { ...readLine(machine), icountShift: 3, rtcBaseMs: Date.now() };
    this.machine = machineOfCommandLine(
      commandLine,
      {
        kernel: unpack(files.kernel.file),
        initrd: unpack(files.initrd.file),
        append: `${append} ${terminalSize.append}`,
        memoryBytes: commandLine.memoryBytes ?? memoryMiB * MIB,
        serialPorts: Array.from({ length: terminalSize.port + 1 }, () => true),
      },
      {
        monotonicNs: () => performance.now() * 1e6,
        wallClockMs: () => Date.now(),
        after: (delayMs, callback) => void setTimeout(callback, delayMs),
        random: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
        images: { open: () => Promise.reject(new Error('no disks here')) },
      },
    );
    this.machine.devices.machineReady();
    this.machine.onSerial = (bytes, port) => {
      if (port === CONSOLE_PORT) this.output += Buffer.from(bytes).toString('latin1');
    };
    this.machine.cont();
  }

  type(line: string): void {
    this.output = '';
    this.machine.serial.send(Buffer.from(`${line}\n`, 'latin1'));
  }

  untilPrompt(): void {
    while (!AT_PROMPT.test(this.output)) this.#run();
  }

  forSeconds(seconds: number): void {
    const end = this.machine.clock.nowNs() + seconds * NS_PER_S;
    while (this.machine.clock.nowNs() < end) this.#run();
  }

  #run(): void {
    this.machine.run(SLICE_MS);
    if (this.machine.runState !== 'running' || performance.now() > this.#end) {
      throw new ImageError(`The guest did not reach its prompt; it showed last: ${this.output.slice(-500)}`);
    }
  }
}

function readLine(machine: string): CommandLine {
  const commandLine = readCommandLine(
    splitWords(machine).map(({ text }) => text),
    (text) => {
      throw new ImageError(`The image's machine is not as it should be: ${text}`);
    },
  );
  if ('text' in commandLine) throw new ImageError(`The image names no machine: ${machine}`);
  return commandLine;
}

/** The parts of a snapshot, uncompressed, of the image in `directory` at its prompt, and what the console had shown by then. */
export async function bootAndSave(
  directory: string,
  manifest: Manifest,
): Promise<{ readonly raw: readonly Buffer[]; readonly shown: string }> {
  const guest = new TypedGuest(directory, manifest);
  guest.untilPrompt();
  const shown = guest.output.replace(AT_PROMPT, '');
  for (const command of [`sleep ${LATE_DRIVERS_S}`, CLEAR_FREE_MEMORY, PREPARE_RESTORE]) {
    guest.type(command);
    guest.untilPrompt();
  }
  guest.type(LOGIN);
  guest.forSeconds(QUIET_S);
  // Nobody would see what a command of AWAIT_RESTORE says of itself.
  const said = guest.output.replaceAll(JOB, '').trim();
  if (said !== LOGIN) throw new ImageError(`The guest says on its way to the snapshot: ${said}`);
  return { raw: inParts(writeSnapshot(await saveMachine(guest.machine))), shown };
}

/** Cut between records, so that who reads the parts need not join them. */
function inParts(pieces: Iterable<Uint8Array>): Buffer[] {
  const parts: Buffer[] = [];
  let part: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    part.push(piece);
    bytes += piece.length;
    if (bytes < (parts.length === 0 ? FIRST_PART_BYTES : PART_BYTES)) continue;
    parts.push(Buffer.concat(part));
    part = [];
    bytes = 0;
  }
  if (part.length > 0) parts.push(Buffer.concat(part));
  return parts;
}
